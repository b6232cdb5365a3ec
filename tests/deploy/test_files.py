"""What can be told of deploy/ and of the page without a fresh machine; `make deploy-test` does the rest."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
import yaml
from django.test import Client
from pytest_django import Settings

from tests.deploy.page import MARKS, blocks
from tests.support.environment import ROOT, documented_names
from tests.support.people import Firm
from tests.support.provision import free_port

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())
CHAPTERS = ("From nothing to serving", "Several machines", "Upgrading", "Backup and restore")
OURS = ("migrate", "web", "worker")


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


# The page


def test_each_block_is_marked_in_a_way_that_the_test_knows_and_bash_can_read_it(tmp_path: Path) -> None:
    found = [block for chapter in CHAPTERS for block in blocks(chapter)]

    assert {block.way for block in found} == {"a", "b", "s", "u"}
    assert {block.mark for block in found} == set(MARKS)
    whole = tmp_path / "page.sh"
    whole.write_text("\n".join(block.commands for block in found))
    done = run("bash", "-n", whole)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_names_variables_that_exist_and_files_that_are_shipped() -> None:
    commands = "\n".join(block.commands for chapter in CHAPTERS for block in blocks(chapter))

    written = set(re.findall(r"^([A-Z_]+)=", commands, re.MULTILINE))
    assert written
    assert written <= documented_names()
    for path in re.findall(r"/opt/slantweb/((?:deploy|docs)/[\w./*-]+)", commands):
        assert list(ROOT.glob(path)), path


# nginx

NGINX = (DEPLOY / "nginx" / "slantweb.conf").read_text()


def test_nginx_logs_neither_what_somebody_searches_for_nor_a_code_of_the_sign_on() -> None:
    (form,) = re.findall(r"^log_format slantweb (.*?);$", NGINX, re.MULTILINE | re.DOTALL)

    named = set(re.findall(r"\$(\w+)", form))
    assert {"uri", "status", "request_id"} <= named
    assert named.isdisjoint({"request", "request_uri", "args", "query_string", "http_referer", "http_cookie"})
    servers = re.findall(r"^server \{.*?^\}", NGINX, re.MULTILINE | re.DOTALL)
    assert len(servers) == 2
    for server in servers:
        assert "    access_log /var/log/nginx/access.log slantweb;" in server


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The addresses of a real nginx with our configuration, but for TLS, and with nobody behind it."""
    if not shutil.which("nginx"):
        pytest.skip("nginx is not installed; make deploy-test installs it")
    places = {"http": free_port(), "https": free_port(), "upstream": free_port()}
    conf = re.sub(r"^ *(ssl_|listen \[).*\n", "", NGINX, flags=re.MULTILINE)
    for written, here in {
        "listen 80;": f"listen 127.0.0.1:{places['http']};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{places['https']};",
        "127.0.0.1:8000": f"127.0.0.1:{places['upstream']}",
        "/var/lib/slantweb-web/static": str(tmp_path),
        "/var/log/nginx": str(tmp_path),
    }.items():
        assert written in conf
        conf = conf.replace(written, here)
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    folders = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    start = f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {tmp_path}/pid; events {{}}"
    file = tmp_path / "nginx.conf"
    file.write_text(f"{start}\nhttp {{\n{folders}\n{conf}\n}}\n")
    server = subprocess.Popen(["nginx", "-c", file, "-e", tmp_path / "error.log"])
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in places.items()}
    try:
        for _ in range(100):
            with suppress(requests.ConnectionError):
                requests.get(addresses["https"], timeout=5)
                break
            time.sleep(0.05)
        yield addresses
    finally:
        server.terminate()
        server.wait(10)


def test_nginx_keeps_no_refusal_for_good_and_leads_to_our_own_name_alone(
    nginx: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "app.0123456789ab.css").write_text("p {}")
    (tmp_path / "app.0123456789ab.css").chmod(0o644)

    there = requests.get(f"{nginx['https']}/static/app.0123456789ab.css", timeout=5)
    missing = requests.get(f"{nginx['https']}/static/app.ba9876543210.css", timeout=5)
    elsewhere = {"Host": "elsewhere.example"}
    led = requests.get(f"{nginx['http']}/board/", headers=elsewhere, allow_redirects=False, timeout=5)
    requests.get(f"{nginx['https']}/board/?q=Okonkwo", headers={"Referer": "/?q=Okonkwo"}, timeout=5)

    assert (there.status_code, there.headers["Cache-Control"]) == (
        200,
        "public, max-age=315360000, immutable",
    )
    assert (missing.status_code, missing.headers.get("Cache-Control")) == (404, None)
    assert (led.status_code, led.headers["Location"]) == (301, "https://deals.example.com/board/")
    lines = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert [(line["path"], line["status"]) for line in lines[-2:]] == [("/board/", 301), ("/board/", 502)]
    assert "Okonkwo" not in str(lines)


def test_the_way_back_starts_the_release_before_and_leaves_the_tables_as_they_are() -> None:
    *_, there, back = blocks("Upgrading")

    assert "slantweb-$NEXT" in there.commands
    assert back.commands.startswith('ln -sfn "slantweb-${RELEASE:?')
    assert back.commands.splitlines()[1:] == there.commands.splitlines()[1:]
    assert "migrate" not in back.commands


# systemd


def test_units_differ_only_where_the_two_accounts_do() -> None:
    web, worker = (unit.read_text() for unit in UNITS)

    assert "slant_api_token" not in web
    assert not re.search(r"LoadCredential=audit_signing_key:", web)
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"):
        assert line in web.splitlines()
        assert line in worker.splitlines()
    named = set(re.findall(r"^Environment=([A-Z_]+)=", web + worker, re.MULTILINE))
    assert named - {"WEB_CONCURRENCY", "PYTHONDONTWRITEBYTECODE"} <= documented_names()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_reads_the_units_and_finds_them_shut(unit: Path, tmp_path: Path) -> None:
    # Where the code lies in production there is nothing here.
    for each in (DEPLOY / "systemd").iterdir():
        (tmp_path / each.name).write_text(
            re.sub(r"/opt/slantweb/\.venv/bin/\w+", "/bin/true", each.read_text())
        )
    copy = tmp_path / unit.name
    read = run("env", f"SYSTEMD_UNIT_PATH={tmp_path}:", "systemd-analyze", "verify", "--man=no", copy)
    assert (read.returncode, read.stderr) == (0, "")

    judged = run("systemd-analyze", "security", "--offline=true", "--threshold=15", copy)
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


# Containers


def test_containers_write_nowhere_but_into_their_volumes_and_have_no_rights() -> None:
    for name in OURS:
        service = COMPOSE["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    image = (DEPLOY / "container" / "Containerfile").read_text()
    assert "USER 10001:10001" in image
    # No base is invented: whoever builds names one by its digest.
    assert re.findall(r"^ARG (.+)$", image, re.MULTILINE) == ["BASE"]
    assert set(re.findall(r"^FROM (\S+)", image, re.MULTILINE)) == {"${BASE}"}
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.MULTILINE):
        assert all((ROOT / part).exists() for part in source.split()), source
    assert all("${" in COMPOSE["services"][name]["image"] for name in COMPOSE["services"])


def test_web_and_worker_have_their_own_secrets_in_containers_too() -> None:
    given = {name: set(COMPOSE["services"][name]["secrets"]) for name in OURS}

    assert "slant_api_token" in given["worker"]
    for name in ("web", "migrate"):
        assert given[name].isdisjoint({"slant_api_token", "audit_signing_key", "database_url_worker"})
    assert "database_url_owner" not in given["web"] | given["worker"]
    made = "\n".join(block.commands for block in blocks() if block.way == "b")
    for secret in COMPOSE["secrets"]:
        assert secret in made or re.sub(r"_(web|worker)$", "_$who", secret) in made, secret
    for name in OURS:
        variables = set(COMPOSE["services"][name]["environment"])
        assert variables - {"WEB_CONCURRENCY"} <= documented_names()


# What watches


@pytest.fixture
def metrics(client: Client, firm: Firm, settings: Settings) -> set[str]:
    settings.METRICS_TOKEN = "numbers"
    text = client.get("/metrics", headers={"Authorization": "Bearer numbers"}).text
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


@pytest.mark.django_db
def test_rules_and_dashboard_ask_for_numbers_that_exist(metrics: set[str]) -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "slantweb.rules.yml").read_text())["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana" / "slantweb.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    named = set(re.findall(r"slantweb_\w+", " ".join(asked)))
    # A histogram has three names.
    named = {re.sub(r"(request_seconds)_(bucket|count|sum)$", r"\1", name) for name in named}
    # Ages that are there only once something happened.
    assert named - metrics <= {"slantweb_worker_age_seconds", "slantweb_oldest_unsettled_seconds"}
    assert len(named) > 10
    assert all(rule["annotations"]["todo"] for rule in rules)
    assert metrics <= named | {"slantweb_budget_left"}, "a number that nobody sees"


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool here")
def test_prometheus_reads_what_the_page_says_of_it(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    (config,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(config)
    (tmp_path / "slantweb.rules.yml").write_text((DEPLOY / "prometheus" / "slantweb.rules.yml").read_text())

    done = run("promtool", "check", "config", "--syntax-only", tmp_path / "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    # The rules ask for this name.
    assert yaml.safe_load(config)["scrape_configs"][0]["job_name"] == "slantweb"


@pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool here")
def test_prometheus_reads_the_rules() -> None:
    done = run("promtool", "check", "rules", DEPLOY / "prometheus" / "slantweb.rules.yml")

    assert done.returncode == 0, done.stdout + done.stderr
