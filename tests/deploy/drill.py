"""A fresh machine with what a firm has already, where bash runs the blocks of docs/operations.md as root.

systemd is not the first process there, so a stand-in starts the units (`systemctl.py`); blocks that need a
registry of images are left out. Both are printed.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

from tests.deploy.machine import Machine
from tests.deploy.page import Block, blocks
from tests.sign_on.forger import CLIENT_ID, SECRET
from tests.sign_on.installation import PROVIDER
from tests.support.environment import ROOT
from tests.support.processes import WRITE_TOKEN

HOST = "deals.firm.example"
SLANT, CONTROL, ISSUER, MAIL = 9001, 9002, 9003, 9025
# Another name of the same commit: the next release.
RELEASE = subprocess.run(
    ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.strip()
CERTIFICATE, KEY = "/root/certificate.pem", "/root/key.pem"
YOURS = {
    "HOST": HOST,
    "CERTIFICATE": CERTIFICATE,
    "KEY": KEY,
    "SOURCE": f"file://{ROOT}",
    "RELEASE": RELEASE,
    "NEXT": RELEASE[:12],
    "SLANT_BASE_URL": f"http://127.0.0.1:{SLANT}/v1",
    "SLANT_API_TOKEN": WRITE_TOKEN,
    "OIDC_ISSUER": f"http://127.0.0.1:{ISSUER}",
    "OIDC_CLIENT_ID": CLIENT_ID,
    "OIDC_CLIENT_SECRET": SECRET,
    "SALES_GROUP": "crm-sales",
    "MANAGER_GROUP": "crm-leads",
    "COMPLIANCE_GROUP": "crm-compliance",
    "EMAIL_URL": f"smtp://127.0.0.1:{MAIL}",
    "ALERT_EMAILS": "lead@firm.example",
    "TIME_ZONE": "America/New_York",
}
MAIL_SERVER = (
    "import time; from tests.support.mail_server import MailServer; "
    f"server = MailServer(); server.port = {MAIL}; server.open(); time.sleep(3600)"
)
PYTHON = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
NOTES = {"systemd": ": by a stand-in for systemd"}
# How a block is run: where, by which command, with which variables.
RunAs = Callable[[Block], "subprocess.CompletedProcess[str]"]


class Drill:
    """`yours` replaces some of the values of the page's first block, and is known to each shell and check."""

    def __init__(self, machine: Machine, **yours: str) -> None:
        self.machine = machine
        self.yours = YOURS | yours
        # The firm's own certificate authority is known to whoever looks from this machine.
        trusted = {"CURL_CA_BUNDLE": CERTIFICATE, "REQUESTS_CA_BUNDLE": CERTIFICATE}
        self.shell = trusted | self.yours

    def prepare(self, *, slant: bool = True) -> None:
        """What a firm has already: a name, a certificate, a provider, a mail server, Slant."""
        machine, root = self.machine, self.machine.root
        if (root / "opt" / "slantweb").exists():
            raise SystemExit("/opt/slantweb exists here, so this machine is not fresh.")
        with (root / "etc" / "hosts").open("a") as hosts:
            hosts.write(f"127.0.0.1 {HOST}\n")
        stand_in = root / "usr" / "local" / "bin" / "systemctl"
        shutil.copyfile(ROOT / "tests" / "deploy" / "systemctl.py", stand_in)
        stand_in.chmod(0o755)
        for config in root.glob("etc/postgresql/*/main/postgresql.conf"):
            # The machine's own cluster may listen elsewhere.
            config.write_text(f"{config.read_text()}\nport = 5432\nfsync = off\n")
        made = machine.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", KEY, "-out", CERTIFICATE, "-days", "2", "-subj", f"/CN={HOST}",
            "-addext", f"subjectAltName=DNS:{HOST}",
        )  # fmt: skip
        assert made.returncode == 0, made.stdout
        if slant:
            machine.start(*sandbox_command(), log="sandbox", **PYTHON)
        machine.start(sys.executable, "-c", MAIL_SERVER, log="mail", **PYTHON)
        node = shutil.which("node") or "node"
        machine.start(
            node, str(PROVIDER / "provider.mjs"), log="provider", PORT=str(ISSUER), CLIENT=f"https://{HOST}"
        )

    def run_blocks(self, chapter: str) -> bool:
        return all(self.run_block(block) for block in blocks(chapter))

    def run_block(self, block: Block, run: RunAs | None = None) -> bool:
        first = block.commands.strip().splitlines()[0]
        name = f"({block.way}) {first[:90]}"
        if block.mark == "yours":
            print(f"== {name}: values of the test in place of yours", flush=True)
            return True
        if block.mark == "images":
            print(f"== {name}: LEFT OUT, it needs a registry of images:\n{block.commands}", flush=True)
            return True
        began = time.monotonic()
        done = (run or self._run_here)(block)
        print(f"== {name}{NOTES.get(block.mark, '')} ({time.monotonic() - began:.1f} s)", flush=True)
        if done.returncode or block.mark != "network":
            print(done.stdout, end="", flush=True)
        if done.returncode:
            print(f"FAILED with {done.returncode}:\n{block.commands}")
        return done.returncode == 0

    def _run_here(self, block: Block) -> "subprocess.CompletedProcess[str]":
        network = block.mark == "network"
        variables = self.yours if network else self.shell
        return self.machine.run(
            "bash", "-euo", "pipefail", "-c", block.commands, network=network, **variables
        )

    def check(self, what: str) -> bool:
        print(f"\n== {what}", flush=True)
        return self.start_check(what).wait() == 0

    def start_check(self, what: str, **variables: str) -> "subprocess.Popen[bytes]":
        """One of the checks of `checks.py`, in the machine."""
        known = {"PYTHONPATH": str(ROOT), "CONTROL": f"http://127.0.0.1:{CONTROL}"}
        command = self.machine.command(sys.executable, "-m", "tests.deploy.checks", what)
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | self.shell | known | variables)

    def show_logs(self) -> None:
        for log in sorted((self.machine.root / "var" / "log").glob("*.log")):
            if log.stem.startswith("slantweb") or log.stem in ("sandbox", "provider", "mail"):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")


def sandbox_command(*options: str) -> list[str]:
    ports = ["--port", str(SLANT), "--control-port", str(CONTROL)]
    return [sys.executable, "-m", "opportunities.sandbox", *ports, *options]
