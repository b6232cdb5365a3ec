"""Prepares what the demo needs before Django's settings load: a folder for its state, and a secret.

`manage.py demo` calls `prepare()` first. It writes `demo.env` in VAR_DIR, which the settings read last, so
that a command typed beside a running demo (`manage.py sync`) has the same settings. `python -m
slantweb.demo_env reset` is `make reset`.
"""

import fcntl
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

import environ

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_TOKEN = "slnt_pat_sandbox_write"  # noqa: S105 - the sandbox's, printed in its documentation
# The address of the sandbox's switches: on a separate port, which is chosen when the demo starts.
CONTROL = "SANDBOX_CONTROL_URL"
# Shows that we made VAR_DIR and all of its content, so that `reset` may remove all of it.
MARKER = "made-by-make-run"


def var_dir() -> Path:
    """VAR_DIR as the settings will read it."""
    environ.Env.read_env(ROOT / ".env")
    return ROOT / (os.environ.get("VAR_DIR") or "var")


def prepare() -> None:
    """Make VAR_DIR and `demo.env`, and set the demo's variables in this process, unless they are set."""
    # Until the demo itself handles signals, so that an early stop is not a failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    home = var_dir()
    if not home.exists():
        home.mkdir(mode=0o700, parents=True)
        (home / MARKER).touch()
    file = home / "demo.env"

    earlier = _read_variables(file)
    variables = {"SECRET_KEY": earlier.get("SECRET_KEY") or secrets.token_urlsafe(50), "DEMO": "1"}
    if not os.environ.get("SLANT_BASE_URL"):
        port = os.environ.get("SANDBOX_PORT") or "8001"
        variables |= {"SLANT_BASE_URL": f"http://127.0.0.1:{port}/v1", "SLANT_API_TOKEN": SANDBOX_TOKEN}
        if CONTROL in earlier:
            # The same port again, if it is free: scripts may have read it. The demo writes the one it gets.
            variables[CONTROL] = earlier[CONTROL]

    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write("# Written by `make run` at every start.\n")
        out.writelines(f"{name}={value}\n" for name, value in variables.items())
    draft.replace(file)

    os.environ["DEMO"] = "1"
    for name, value in variables.items():
        os.environ[name] = os.environ.get(name) or value


def reset() -> str:
    """Remove the local state that `make run` made. Returns a sentence that says what was removed."""
    home = var_dir()
    if not home.exists():
        return f"Nothing to remove: there is no {home}."
    if not (home / MARKER).exists():
        sys.exit(f"{home} was there before `make run` used it, so it is yours to clean.")
    with open(home / "demo.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"`make run` is using {home}. Stop it first.")
        shutil.rmtree(home)
    return f"Removed {home}."


def _read_variables(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = (line.partition("=") for line in file.read_text().splitlines() if "=" in line and line[0] != "#")
    return {name: value for name, _, value in lines}


if __name__ == "__main__":
    if sys.argv[1:] != ["reset"]:
        sys.exit("usage: python -m slantweb.demo_env reset")
    print(reset())
