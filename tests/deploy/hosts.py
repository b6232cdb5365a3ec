"""Hosts inside of a fresh machine: each has a network, a name and folders of its own. One switch joins them.

The machine itself is a host too, at FIRST. A cut is like that of a cable: packets are lost on their way, and
nobody is told.
"""

import os
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.machine import Machine

NETWORK = "10.77.0"
FIRST = f"{NETWORK}.1"
NOWHERE = "02:00:00:00:00:99"
SWITCH = f"ip link add switch type bridge; ip addr add {FIRST}/24 dev switch; ip link set switch up"
HOST = """
ip netns add {name}
ip link add {name} type veth peer name eth0 netns {name}
ip link set {name} master switch up
ip -n {name} addr add {address}/24 dev eth0
ip -n {name} link set eth0 up
ip -n {name} link set lo up
mkdir -p {home}
"""
# Its first process holds what is its own. `own` are lines of mount.
HOLD = "hostname {name}; {own} echo $$ > {home}/first; exec sleep infinity"


@dataclass
class Host:
    """`own` are paths of which it has its own; a folder begins empty, a file as the machine's."""

    machine: Machine
    name: str
    number: int
    own: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}"

    @property
    def home(self) -> str:
        """Where its own files are, in the machine."""
        return f"/srv/{self.name}"

    def own_file(self, path: str) -> Path:
        """One of its own files, seen from outside."""
        return self.machine.root / f"{self.home}{path}".lstrip("/")

    def start(self) -> None:
        must(self.machine, HOST.format(name=self.name, address=self.address, home=self.home))
        lines = []
        for path in self.own:
            mine, theirs = self.own_file(path), self.machine.root / path.lstrip("/")
            mine.parent.mkdir(parents=True, exist_ok=True)
            if theirs.is_file():
                mine.write_bytes(theirs.read_bytes())
            else:
                mine.mkdir(exist_ok=True)
                theirs.mkdir(parents=True, exist_ok=True)
            found = theirs.stat()
            mine.chmod(stat.S_IMODE(found.st_mode))
            os.chown(mine, found.st_uid, found.st_gid)
            lines.append(f"mount --bind {self.home}{path} {path};")
        hold = HOLD.format(name=self.name, own=" ".join(lines), home=self.home)
        separate = ["ip", "netns", "exec", self.name, "unshare", "--mount", "--uts"]
        self.machine.start(*separate, "bash", "-euc", hold, log=f"host-{self.name}")
        deadline = time.monotonic() + 10
        while not self.own_file("/first").exists():
            assert time.monotonic() < deadline, f"no host {self.name}"
            time.sleep(0.05)

    def inside(self, *command: str) -> list[str]:
        first = self.own_file("/first").read_text().strip()
        spaces = ["--mount", "--net", "--uts", "--root", "--wd=/"]
        return ["nsenter", f"--target={first}", *spaces, "--", *command]

    def run(self, *command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return self.machine.run(*self.inside(*command), **variables)

    def spawn(self, *command: str, log: str, **variables: str) -> "subprocess.Popen[bytes]":
        return self.machine.start(*self.inside(*command), log=log, **variables)

    # Cables

    def cut_off_from(self, other: "Host") -> None:
        """Neither hears the other any more."""
        for here, there in ((self, other), (other, self)):
            must(
                self.machine,
                f"ip -n {here.name} neigh replace {there.address} lladdr {NOWHERE} dev eth0 nud permanent",
            )

    def join(self, other: "Host") -> None:
        """What `cut_off_from` cut is whole again."""
        for here, there in ((self, other), (other, self)):
            must(self.machine, f"ip -n {here.name} neigh del {there.address} dev eth0")


def must(machine: Machine, commands: str) -> str:
    """What they printed; anything but exit 0 fails."""
    done = machine.run("bash", "-euc", commands)
    assert done.returncode == 0, f"{commands}\n{done.stdout}"
    return done.stdout


def start_switch(machine: Machine) -> None:
    must(machine, SWITCH)
