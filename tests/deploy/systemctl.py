#!/usr/bin/env python3
"""Stands in for systemctl where systemd is not the first process: reads our units and does what they say.

Of a unit it does: users, credentials, state folders, variables, ExecStartPre, ExecStart, the umask, and the
refusal of memory that is both written and run. It does no other sandboxing. PostgreSQL and nginx are started
by Debian's own programs. Only Python's standard library: it is copied into the fresh machine.
"""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

UNITS, CREDENTIALS, PIDS, LOGS = (
    Path(path) for path in ("/etc/systemd/system", "/run/credentials", "/run/units", "/var/log")
)
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, PIDFD_GETFD = 38, 65, 438
# Where a service finds what it is handed, and where the holder keeps it.
LISTEN_FDS_START, HELD = 3, 9


def read_unit(name: str) -> dict[str, list[str]]:
    stem, _, instance = name.removesuffix(".service").partition("@")
    file = UNITS / (f"{stem}@.service" if instance else f"{stem}.service")
    found: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            value = value.replace("%d", str(CREDENTIALS / name)).replace("%i", instance)
            found.setdefault(key, []).append(value)
    return found


def read_variables(unit: dict[str, list[str]]) -> dict[str, str]:
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    for file in unit.get("EnvironmentFile", []):
        for line in Path(file).read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                variables[key] = value.strip("\"'")
    variables.update(line.partition("=")[::2] for line in unit.get("Environment", []))
    return variables


def hold(name: str) -> None:
    """Listen where the socket's unit says, in a process that lives on; services are handed what it holds."""
    (address,) = [
        line.partition("=")[2] for line in (UNITS / name).read_text().splitlines() if "ListenS" in line
    ]
    host, _, port = address.partition(":")
    listening = socket.create_server((host, int(port)), backlog=1024)
    PIDS.mkdir(exist_ok=True)
    if os.fork():
        while not (PIDS / name).exists():
            time.sleep(0.01)
        return
    os.setsid()
    os.dup2(listening.fileno(), HELD)
    for number in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    (PIDS / f"{name}.draft").write_text(str(os.getpid()))
    (PIDS / f"{name}.draft").replace(PIDS / name)
    signal.pause()


def held_by(name: str) -> int | None:
    """What the socket of this service holds, as a file of ours."""
    file = PIDS / f"{name}.socket"
    if not file.exists():
        return None
    process = os.pidfd_open(int(file.read_text()))
    return ctypes.CDLL(None).syscall(PIDFD_GETFD, process, HELD, 0)


def start(name: str) -> None:
    name = name.removesuffix(".service")
    if name.endswith(".socket"):
        hold(name)
        return
    if name == "postgresql":
        (cluster,) = Path("/etc/postgresql").glob("*/main")
        Path("/run/postgresql").mkdir(exist_ok=True)
        shutil.chown("/run/postgresql", "postgres", "postgres")
        subprocess.run(["pg_ctlcluster", cluster.parent.name, "main", "start"], check=True)
        return
    if name == "nginx":
        subprocess.run(["nginx"], check=True)
        return
    unit = read_unit(name)
    user = pwd.getpwnam(unit["User"][0])
    folder = CREDENTIALS / name
    folder.mkdir(parents=True, exist_ok=True)
    for given in unit.get("LoadCredential", []):
        key, _, source = given.partition(":")
        (folder / key).unlink(missing_ok=True)
        shutil.copyfile(source, folder / key)
        (folder / key).chmod(0o400)
        os.chown(folder / key, user.pw_uid, user.pw_gid)
    for state in " ".join(unit.get("StateDirectory", [])).split():
        path = Path("/var/lib") / state
        path.mkdir(exist_ok=True)
        path.chmod(int(unit["StateDirectoryMode"][0], 8))
        os.chown(path, user.pw_uid, user.pw_gid)

    door = held_by(name)

    def become() -> None:
        libc = ctypes.CDLL(None)
        os.umask(int(unit["UMask"][0], 8))
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if unit.get("MemoryDenyWriteExecute") == ["yes"]:
            libc.prctl(PR_SET_MDWE, 1, 0, 0, 0)

    told = Path(f"/run/notify-{name}")

    def run(command: str) -> "subprocess.Popen[bytes]":
        variables = read_variables(unit) | {"NOTIFY_SOCKET": str(told)}
        if door is not None:
            # The process is told its own number, which only a shell in its place knows.
            command = f"exec {LISTEN_FDS_START}<&{door}; export LISTEN_FDS=1 LISTEN_PID=$$; exec {command}"
        with (LOGS / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                ["bash", "-c", command], cwd=unit["WorkingDirectory"][0], env=variables, stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, preexec_fn=become, start_new_session=True,
                pass_fds=() if door is None else (door,),
            )  # fmt: skip

    for command in unit.get("ExecStartPre", []):
        if code := run(command).wait():
            sys.exit(f"{name}: {command} ended with {code}: {(LOGS / f'{name}.log').read_text()[-2000:]}")
    PIDS.mkdir(exist_ok=True)
    told.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as news:
        news.bind(str(told))
        told.chmod(0o666)
        news.settimeout(60)
        main = run(f"exec {unit['ExecStart'][0]}" if door is None else unit["ExecStart"][0])
        (PIDS / name).write_text(str(main.pid))
        while unit["Type"] == ["notify"] and b"READY=1" not in news.recv(4096):
            pass


def stop(name: str) -> None:
    name = name.removesuffix(".service")
    if name == "postgresql":
        (cluster,) = Path("/etc/postgresql").glob("*/main")
        subprocess.run(["pg_ctlcluster", cluster.parent.name, "main", "stop", "--mode=fast"], check=False)
        return
    if name == "nginx":
        subprocess.run(["nginx", "-s", "quit"], check=False)
        time.sleep(0.5)
        return
    file = PIDS / name
    if not file.exists():
        return
    pid = int(file.read_text())
    try:
        os.kill(pid, signal.SIGTERM)
        while not name.endswith(".socket"):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                break
            time.sleep(0.1)
    except (ProcessLookupError, FileNotFoundError):
        pass
    file.unlink()


def main() -> None:
    action, *names = [word for word in sys.argv[1:] if not word.startswith("-")]
    if action == "restart":
        for name in names:
            if name == "nginx" and not Path("/run/nginx.pid").exists():
                continue
            stop(name)
    for name in names:
        if action in ("start", "restart") or (action == "enable" and "--now" in sys.argv):
            start(name)
        elif action == "stop":
            stop(name)
        elif action == "reload":
            os.kill(int((PIDS / name).read_text()), signal.SIGHUP)


if __name__ == "__main__":
    main()
