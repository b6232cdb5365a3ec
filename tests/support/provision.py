"""Finds, or on Debian installs, what the whole suite needs besides Python: browsers, PostgreSQL and poppler.

Each finder returns what it found, or raises `Missing` with the sentence to show at the end of the run.
"""

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


class Missing(Exception):
    """Something is not available on this machine; the text says why."""


# Chromium

HEADLESS_SHELL = "chromium-headless-shell"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_PLACES = (
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def browser(*, install: bool = True) -> str:
    """The path of the browser for the tests: CHROMIUM, else the headless shell, else any Chromium.

    The shell is the same engine without windows. The tests take half the processor time in it.
    """
    if not os.environ.get("CHROMIUM"):
        with contextlib.suppress(Missing):
            return _headless_shell(install=install)
    return chromium(install=install)


def _headless_shell(*, install: bool) -> str:
    if install and not shutil.which(HEADLESS_SHELL):
        _apt_install(HEADLESS_SHELL)
    path = shutil.which(HEADLESS_SHELL)
    if not path or not _starts(path):
        raise Missing(f"there is no {HEADLESS_SHELL} that starts")
    return path


def chromium(*, install: bool = True) -> str:
    """The path of a Chromium that starts: CHROMIUM, the usual places, Playwright's own, Debian's package."""
    if given := os.environ.get("CHROMIUM"):
        if _starts(given):
            return given
        raise Missing(f"CHROMIUM={given} does not start")
    for candidate in _chromium_candidates():
        if _starts(candidate):
            return candidate
    if not install:
        raise Missing("no Chromium was found; set CHROMIUM to one")
    _apt_install("chromium")
    for candidate in _chromium_candidates():
        if _starts(candidate):
            return candidate
    raise Missing("Debian's chromium was installed and does not start")


def _chromium_candidates() -> Iterator[str]:
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            yield path
    yield from (path for path in CHROMIUM_PLACES if Path(path).exists())
    own = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    yield from map(str, sorted(own.glob("chromium-*/chrome-linux*/chrome"), reverse=True))


def _starts(path: str) -> bool:
    try:
        subprocess.run([path, "--version"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


# WebKitGTK, which stands for Safari


def webkit(*, install: bool = True) -> tuple[str, str]:
    """The paths of WebKitWebDriver, which starts WebKitGTK's own browser, and of the Xvfb it is shown on."""
    packages = {"webkit2gtk-driver": "WebKitWebDriver", "xvfb": "Xvfb"}
    missing = [package for package, program in packages.items() if not shutil.which(program)]
    if missing and not install:
        raise Missing("no WebKitGTK was found; on Debian: apt-get install webkit2gtk-driver xvfb")
    if missing:
        _apt_install(*missing)
    driver, screen = (shutil.which(program) for program in packages.values())
    if not (driver and screen):
        raise Missing("Debian's webkit2gtk-driver and xvfb were installed without their programs")
    return driver, screen


def pdftotext(*, install: bool = True) -> str:
    """The path of poppler's pdftotext, which reads what a print holds."""
    if install and not shutil.which("pdftotext"):
        _apt_install("poppler-utils")
    path = shutil.which("pdftotext")
    if not path:
        raise Missing("no pdftotext was found; on Debian: apt-get install poppler-utils")
    return path


# PostgreSQL


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL for the tests: TEST_DATABASE_URL, or a private server for the block."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        try:
            psycopg.connect(given, connect_timeout=10).close()
        except psycopg.Error as problem:
            raise Missing(f"TEST_DATABASE_URL does not answer: {problem}") from problem
        yield given
        return
    binaries = _postgresql_binaries()
    if binaries is None:
        _apt_install("postgresql")
        binaries = _postgresql_binaries()
    if binaries is None:
        raise Missing("Debian's postgresql was installed without a server")
    with _private_server(binaries) as url:
        yield url


def _postgresql_binaries() -> Path | None:
    """The folder of the newest server installed."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    places.sort(key=lambda place: [int(part) for part in place.parent.name.split("-") if part.isdigit()])
    if found := shutil.which("initdb"):
        places.insert(0, Path(found).resolve().parent)
    whole = [place for place in places if (place / "initdb").exists() and (place / "postgres").exists()]
    return whole[-1] if whole else None


@contextmanager
def _private_server(binaries: Path) -> Iterator[str]:
    home = Path(tempfile.mkdtemp(prefix="slantweb-postgresql-"))
    who: dict[str, str | int | list[int]] = {}
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        account = _unprivileged_account()
        os.chown(home, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    password, port = secrets.token_hex(16), free_port()
    try:
        (home / "password").write_text(password)
        # fmt: off
        made = subprocess.run(
            [
                str(binaries / "initdb"), "--pgdata", str(home / "data"), "--username", "slantweb",
                "--pwfile", str(home / "password"), "--auth", "scram-sha-256",
                "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            cwd=home, capture_output=True, text=True, **who,  # type: ignore[call-overload]
        )
        # fmt: on
        if made.returncode:
            raise Missing(f"initdb failed: {made.stderr.strip()[-300:]}")
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": home,
            # The data is needed only during the tests, so a crash of the machine may lose it.
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        command = [str(binaries / "postgres"), "-D", str(home / "data")]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen(
                command,
                cwd=home,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **who,  # type: ignore[call-overload]
            )
        url = f"postgresql://slantweb:{password}@127.0.0.1:{port}/postgres"
        try:
            _wait_for(url, server, home / "log")
            yield url
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("PostgreSQL does not run as root, and there is no other account to run it as")


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.Error as problem:
            if server.poll() is not None or time.monotonic() > deadline:
                raise Missing(
                    f"PostgreSQL did not start: {log.read_text(errors='replace')[-300:]}"
                ) from problem
            time.sleep(0.1)
        else:
            return


# Shared


def free_port() -> int:
    """A port below those that the system gives to connections, so that none of them takes it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.socket() as plug:
            plug.bind(("127.0.0.1", port))
            return port


def _apt_install(*packages: str) -> None:
    package = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Missing(f"there is no {package} here, and no apt-get to install it with")
    if os.geteuid() != 0:
        raise Missing(f"there is no {package} here; as root: apt-get install {package}")
    print(f"Installing {package} (once)...", flush=True)
    quietly = {
        "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        "capture_output": True,
        "text": True,
    }
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, **quietly)  # type: ignore[call-overload]
        if done.returncode and command[1] == "install":
            raise Missing(f"apt-get install {package} failed: {(done.stderr or done.stdout).strip()[-300:]}")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
