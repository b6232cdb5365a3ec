"""`make deploy-test`: what docs/operations.md says under "From nothing to serving", done on a fresh machine.

Each block is run by bash as root, in the page's order. systemd is not the first process there, so a stand-in
starts the units (`systemctl.py`); blocks that need a registry of images are left out. Both are printed.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.deploy.machine import Machine
from tests.deploy.page import Block, blocks
from tests.sign_on.forger import CLIENT_ID, SECRET
from tests.sign_on.installation import PROVIDER, install_provider
from tests.support import provision
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
# The firm's own certificate authority is known to whoever looks from this machine.
SHELL = {**YOURS, "CURL_CA_BUNDLE": CERTIFICATE, "REQUESTS_CA_BUNDLE": CERTIFICATE}
MAIL_SERVER = (
    "import time; from tests.support.mail_server import MailServer; "
    f"server = MailServer(); server.port = {MAIL}; server.open(); time.sleep(3600)"
)
PACKAGES = {"nginx": "nginx-light", "adduser": "adduser", "curl": "curl", "ip": "iproute2", "git": "git"}


def main() -> int:
    began = time.monotonic()
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not list(Path("/etc/postgresql").glob("*/main")):
        missing.append("postgresql")
    if missing:
        provision._apt_install(*missing)
    install_provider()
    with Machine() as machine:
        prepare(machine)
        code = run_all(machine)
        if code:
            show_logs(machine)
    print(f"\n{time.monotonic() - began:.0f} s", flush=True)
    return code


def run_all(machine: Machine) -> int:
    """The page from its beginning, then its days after, under continuous entry where that is promised."""
    if not run_blocks(machine, "From nothing to serving") or not check(machine, "served"):
        return 1
    entering = subprocess.Popen(in_machine(machine, "entered"), cwd=ROOT, env=environment())
    upgraded = run_blocks(machine, "Upgrading") and reload_web(machine)
    (machine.root / "run" / "entered-enough").touch()
    if entering.wait(300) or not upgraded:
        return 1
    backup, *restore = blocks("Backup and restore")
    if not run_block(machine, backup) or not check(machine, "after-the-backup"):
        return 1
    restored = all(run_block(machine, block) for block in restore)
    return 0 if restored and check(machine, "restored") else 1


def run_blocks(machine: Machine, chapter: str) -> bool:
    return all(run_block(machine, block) for block in blocks(chapter))


def reload_web(machine: Machine) -> bool:
    """What "Upgrading" says of a reload, under the same entry."""
    return run_block(machine, Block("u", "systemd", "systemctl reload slantweb-web\nsleep 5\n"))


def check(machine: Machine, what: str) -> bool:
    print(f"\n== {what}", flush=True)
    return subprocess.run(in_machine(machine, what), cwd=ROOT, env=environment()).returncode == 0


def in_machine(machine: Machine, what: str) -> list[str]:
    return machine.command(sys.executable, "-m", "tests.deploy.checks", what)


def environment() -> dict[str, str]:
    control = f"http://127.0.0.1:{CONTROL}"
    return os.environ | SHELL | {"PYTHONPATH": str(ROOT), "CONTROL": control}


def prepare(machine: Machine) -> None:
    """What a firm has already: a name, a certificate, a provider, a mail server, Slant."""
    root = machine.root
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
    python = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    sandbox = ["-m", "opportunities.sandbox", "--port", str(SLANT), "--control-port", str(CONTROL)]
    machine.start(sys.executable, *sandbox, log="sandbox", **python)
    machine.start(sys.executable, "-c", MAIL_SERVER, log="mail", **python)
    node = shutil.which("node") or "node"
    machine.start(
        node, str(PROVIDER / "provider.mjs"), log="provider", PORT=str(ISSUER), CLIENT=f"https://{HOST}"
    )


def run_block(machine: Machine, block: Block) -> bool:
    first = block.commands.strip().splitlines()[0]
    name = f"({block.way}) {first[:90]}"
    if block.mark == "yours":
        print(f"== {name}: values of the test in place of yours", flush=True)
        return True
    if block.mark == "images":
        print(f"== {name}: LEFT OUT, it needs a registry of images:\n{block.commands}", flush=True)
        return True
    note = ": by a stand-in for systemd" if block.mark == "systemd" else ""
    began = time.monotonic()
    network = block.mark == "network"
    done = machine.run(
        "bash", "-euo", "pipefail", "-c", block.commands, network=network, **(YOURS if network else SHELL)
    )
    print(f"== {name}{note} ({time.monotonic() - began:.1f} s)", flush=True)
    if done.returncode or not network:
        print(done.stdout, end="", flush=True)
    if done.returncode:
        print(f"FAILED with {done.returncode}:\n{block.commands}")
    return done.returncode == 0


def show_logs(machine: Machine) -> None:
    for log in sorted((machine.root / "var" / "log").glob("*.log")):
        if log.stem.startswith("slantweb") or log.stem in ("sandbox", "provider", "mail"):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")


if __name__ == "__main__":
    sys.exit(main())
