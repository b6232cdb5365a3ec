"""The application over TLS and a certified provider beside it, in two processes, for a real browser."""

import hashlib
import ipaddress
import json
import os
import shutil
import sqlite3
import string
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.environment import ROOT, clean_environment
from tests.support.processes import Process, Template, wait_until
from tests.support.provision import Missing, free_port

from .forger import CLIENT_ID, SECRET

PROVIDER = Path(__file__).parent / "provider"
RENEW_SECONDS = 1
SEED = "import django; django.setup(); from tests.support.people import make_firm; make_firm()"


def install_provider() -> None:
    """`npm ci`, once for each lock file. Raises `Missing` where Node or the packages cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Missing("there is no Node.js with npm here (20 or newer)")
    stamp = PROVIDER / "node_modules" / ".installed"
    want = hashlib.sha256((PROVIDER / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == want:
        return
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=PROVIDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise Missing(f"npm ci failed: {done.stderr.strip()[-300:]}")
    stamp.write_text(want)


class SignOnInstallation:
    """Web and provider. `control(...)` changes what the provider thinks of people."""

    def __init__(self, home: Path, template: Template) -> None:
        self.home, self.template = home, template
        self.url = f"https://127.0.0.1:{free_port()}"
        self.issuer = f"http://127.0.0.1:{free_port()}"
        self.processes: list[Process] = []

    def __enter__(self) -> Self:
        database_url = self.template.furnish(self.home)
        self.database_url = database_url
        self.environment = clean_environment(
            DJANGO_SETTINGS_MODULE="tests.sign_on.installation_settings",
            TEST_CLAIMS_RENEW_SECONDS=str(RENEW_SECONDS),
            PYTHONUNBUFFERED="1",
            SECRET_KEY="installation-only-" + string.ascii_letters,
            VAR_DIR=str(self.home),
            DATABASE_URL=database_url,
            SLANT_BASE_URL="http://127.0.0.1:9/v1",
            OIDC_ISSUER=self.issuer,
            OIDC_CLIENT_ID=CLIENT_ID,
            OIDC_CLIENT_SECRET=SECRET,
            OIDC_SALES_GROUPS="crm-sales",
            OIDC_MANAGER_GROUPS="crm-leads",
        )
        certificate, key = _certificate(self.home)
        node = os.environ | {"PORT": self.issuer.rpartition(":")[2], "CLIENT": self.url}
        # It tells the application itself that a session is over, by TLS.
        node |= {"NODE_EXTRA_CA_CERTS": certificate}
        provider = Process(
            "provider", ["node", str(PROVIDER / "provider.mjs")], node, self.home / "provider.log"
        )
        # fmt: off
        web = [
            sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py",
            "--bind", self.url.removeprefix("https://"), "--certfile", certificate, "--keyfile", key,
            "--graceful-timeout", "2",
        ]
        # fmt: on
        self.processes = [provider, Process("web", web, self.environment, self.home / "web.log")]
        subprocess.run([sys.executable, "-c", SEED], cwd=ROOT, env=self.environment, check=True, timeout=120)
        wait_until(self._ready, *self.processes)
        return self

    def __exit__(self, *args: object) -> None:
        for process in self.processes:
            process.kill()
        self.template.clear(self.database_url)

    def control(self, **changes: Any) -> None:
        requests.post(f"{self.issuer}/_control", data=json.dumps(changes), timeout=10).raise_for_status()

    def events(self) -> list[list[str]]:
        """What the trail holds: action, reason and who, in order."""
        # Browser tests run on SQLite, whose file can be read beside the server, without starting Django.
        with closing(sqlite3.connect(self.home / "slantweb.sqlite3")) as database:
            rows = database.execute(
                "SELECT action, reason_code, actor_sub FROM opportunities_auditevent ORDER BY seq"
            )
            return [list(row) for row in rows]

    def logs(self) -> str:
        return "\n".join(
            f"--- {log.name}\n{log.read_text()[-6000:]}" for log in sorted(self.home.glob("*.log"))
        )

    def _ready(self) -> bool:
        try:
            alive = requests.get(f"{self.url}/healthz", timeout=5, verify=self.home / "certificate.pem").ok
            return alive and "provider ready" in self.processes[0].said()
        except requests.ConnectionError:
            return False


def _certificate(home: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, SHA256())
    )
    (home / "certificate.pem").write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (home / "key.pem").write_bytes(private)
    return str(home / "certificate.pem"), str(home / "key.pem")
