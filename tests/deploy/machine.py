"""A fresh machine inside of this one: a layer over its files that is thrown away, and a network of its own.

Needs root. It has a loopback alone, so whatever listens there disturbs nobody; what needs the registries of
packages is run with this machine's network and the fresh machine's files.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.support.provision import Missing

SETUP = """
mount -t tmpfs -o size=3g tmpfs {home}
mkdir {home}/changes {home}/work {home}/root
mount -t overlay -o lowerdir=/,upperdir={home}/changes,workdir={home}/work overlay {home}/root
for folder in sys dev; do mount --rbind /$folder {home}/root/$folder; done
mount -t proc proc {home}/root/proc
for folder in tmp run; do mount -t tmpfs -o mode=1777 tmpfs {home}/root/$folder; done
chmod 755 {home}/root/run
mkdir -p {home}/root/run/lock
ip link set lo up
touch {home}/root/run/ready
exec sleep infinity
"""


class Machine:
    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="slantweb-machine-", dir="/var/tmp"))
        self.first = 0

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise Missing("only root can make a fresh machine")
        separate = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        self._holder = subprocess.Popen(
            [*separate, "sh", "-euc", SETUP.format(home=self.home)], stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 15
        while not self._is_up():
            if self._holder.poll() is not None or time.monotonic() > deadline:
                self._holder.kill()
                said = (self._holder.stderr.read() if self._holder.stderr else "").strip()
                raise Missing(f"no fresh machine could be made here: {said[-300:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, *error: object) -> None:
        # With its first process all others of the machine end, and its mounts go.
        self._holder.kill()
        self._holder.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def _is_up(self) -> bool:
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        try:
            self.first = int(children.read_text().split()[0])
        except (OSError, IndexError):
            return False
        return (self.root / "run" / "ready").exists()

    @property
    def root(self) -> Path:
        """Its files, as seen from outside."""
        return Path(f"/proc/{self.first}/root{self.home}/root")

    def command(self, *command: str, network: bool = False) -> list[str]:
        """`command`, to be run there; with `network`, on this machine's network."""
        inside = ["--mount", "--pid", *([] if network else ["--net"])]
        return ["nsenter", f"--target={self.first}", *inside, "--", "chroot", f"{self.home}/root", *command]

    def run(
        self, *command: str, network: bool = False, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*command, network=network),
            cwd="/",
            env=clean(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )

    def start(self, *command: str, log: str, **variables: str) -> "subprocess.Popen[bytes]":
        with (self.root / "var" / "log" / f"{log}.log").open("ab") as out:
            return subprocess.Popen(
                self.command(*command), cwd="/", env=clean(variables), stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip


def clean(variables: dict[str, str]) -> dict[str, str]:
    """What a shell of root has, and how this machine reaches its registries of packages."""
    ways = ("PIP_", "UV_", "HTTP", "http", "HTTPS", "https", "NO_PROXY", "no_proxy", "SSL_", "REQUESTS_CA")
    kept = {name: value for name, value in os.environ.items() if name.startswith(ways)}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return (
        kept
        | {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        | variables
    )
