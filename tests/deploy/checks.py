"""What a deployment promises to whoever reaches it, asked over real sockets from the machine itself."""

import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import requests

from tests.deploy.entering import (
    CERTIFICATE,
    HOST,
    SITE,
    Colleague,
    deals_in_slant,
    make_members,
    two_people_enter_a_hundred_deals_each,
    whoever_enters_meanwhile_notices_nothing,
)

SECRETS = Path("/etc/slantweb/secrets")
GUNICORN = 8000
AFTER_THE_BACKUP = "Deal after the backup"


@contextmanager
def over_tls() -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cafile=CERTIFICATE)
    with (
        socket.create_connection((HOST, 443), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname=HOST) as secured,
    ):
        yield secured


def exchange(head: str, body: bytes = b"") -> str:
    with over_tls() as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode(errors="replace")


def connections_to_gunicorn() -> int:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    parts = [line.split() for line in lines]
    return sum(part[1].endswith(f":{GUNICORN:04X}") and part[3] == "01" for part in parts)


# The checks, in order


def a_deal_arrives_in_slant_once() -> None:
    make_members()
    colleague = Colleague()
    colleague.waits_for(colleague.send(colleague.form(name="Deal of the first day")), "confirmed")
    assert deals_in_slant() == ["Deal of the first day"]


def everything_is_over_tls_and_says_so() -> None:
    answer = requests.get(f"http://{HOST}/sign-in/", allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"{SITE}/sign-in/")
    answer = requests.get(f"{SITE}/sign-in/", verify=CERTIFICATE, timeout=10)
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=63072000")


def static_files_come_from_nginx_and_may_be_kept_for_good() -> None:
    page = requests.get(f"{SITE}/sign-in/", verify=CERTIFICATE, timeout=10).text
    found = re.findall(r'"(/static/[^"#]+\.(?:css|js|svg))', page)
    assert found, page
    for path in set(found):
        answer = requests.get(SITE + path, verify=CERTIFICATE, timeout=10)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "public, max-age=315360000, immutable", path
        assert "X-Request-ID" not in answer.headers, path
    climbing = exchange(f"GET /static/../trail-head.json HTTP/1.1\r\nHost: {HOST}")
    assert not climbing.startswith("HTTP/1.1 200 "), climbing


def half_sent_requests_never_reach_gunicorn() -> None:
    before = connections_to_gunicorn()
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 200000\r\n\r\nhalf".encode()
    context, held = ssl.create_default_context(cafile=CERTIFICATE), []
    for _ in range(60):
        raw = socket.create_connection((HOST, 443), timeout=20)
        held.append(context.wrap_socket(raw, server_hostname=HOST))
        held[-1].sendall(head)
    time.sleep(0.5)
    assert connections_to_gunicorn() <= before
    began = time.monotonic()
    assert requests.get(f"{SITE}/healthz", verify=CERTIFICATE, timeout=10).text == "ok"
    assert time.monotonic() - began < 1
    for connection in held:
        connection.close()


def a_body_of_300_kb_is_refused() -> None:
    size = 300 * 1024
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}"
    assert exchange(head).startswith("HTTP/1.1 413 ")


def nobody_says_where_a_request_comes_from() -> None:
    names = ("X-Forwarded-For", "X_Forwarded_For", "X-Real-IP")
    lies = "\r\n".join([*(f"{name}: 6.6.6.6" for name in names), "X-Request-ID: lieslieslies"])
    answer = exchange(f"GET /sign-in/?next=/board/%3Fq=Okonkwo HTTP/1.1\r\nHost: {HOST}\r\n{lies}")
    assert answer.startswith("HTTP/1.1 200 ")
    said = Path("/var/log/slantweb-web.log").read_text()
    assert '"address": "127.0.0.1"' in said
    assert "6.6.6.6" not in said
    assert "lieslies" not in said
    # Nor does any line repeat what somebody searched for.
    assert "Okonkwo" not in said


def a_foreign_host_is_refused_and_a_probe_is_not() -> None:
    assert exchange("GET /sign-in/ HTTP/1.1\r\nHost: 10.0.0.1").startswith("HTTP/1.1 400 ")
    assert exchange("GET /healthz HTTP/1.1\r\nHost: 10.0.0.1").startswith("HTTP/1.1 200 ")


def gunicorn_keeps_an_idle_connection_and_listens_here_alone() -> None:
    with closing(socket.create_connection(("127.0.0.1", GUNICORN), timeout=10)) as idle:
        for pause in (4, 0):
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: probe\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nok"):
                part = idle.recv(65536)
                assert part, answer
                answer += part
            time.sleep(pause)
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {part[1] for part in lines if part[3] == "0A" and part[1].endswith(f":{GUNICORN:04X}")}
    assert listening == {f"0100007F:{GUNICORN:04X}"}, listening


def web_and_worker_are_two_users_and_two_roles() -> None:
    asked = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'slantweb' ORDER BY 1"
    roles = subprocess.run(
        ["runuser", "-u", "postgres", "--", "psql", "-Atqc", asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert roles.stdout.split() == ["slantweb_app", "slantweb_web"]
    for user in ("slantweb-web", "slantweb-owner"):
        for secret in (
            SECRETS / "slant_api_token",
            Path("/run/credentials/slantweb-worker@1/slant_api_token"),
        ):
            refused = subprocess.run(["runuser", "-u", user, "--", "cat", secret], capture_output=True)
            assert refused.returncode, (user, secret)
    assert "slnt_pat_" not in Path("/var/log/slantweb-web.log").read_text()


def numbers_are_for_whoever_has_the_token() -> None:
    assert requests.get(f"{SITE}/metrics", verify=CERTIFICATE, timeout=10).status_code == 401
    token = (SECRETS / "metrics_token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{SITE}/metrics", headers=headers, verify=CERTIFICATE, timeout=10)
    assert "slantweb_up 1.0" in answer.text
    assert "slantweb_static_ok 1.0" in answer.text


# A restored backup


def a_deal_is_entered_after_the_backup() -> None:
    colleague = Colleague()
    colleague.waits_for(colleague.send(colleague.form(name=AFTER_THE_BACKUP, value="77")), "confirmed")


def what_was_entered_since_the_backup_is_on_the_board_and_in_slant_once() -> None:
    before = deals_in_slant()
    colleague = Colleague()
    began, seen = time.monotonic(), ""
    while AFTER_THE_BACKUP not in seen:
        assert time.monotonic() < began + 150, f"the deal that only Slant knows was not found: {seen[:1500]}"
        time.sleep(3)
        asked = {"view": "list", "pipeline": "all", "q": "after the"}
        seen = colleague.session.get(f"{SITE}/board/", params=asked, timeout=20).text.partition("<main")[2]
    print(f"the deal that only Slant knew was found after {time.monotonic() - began:.0f} s")
    later = colleague.send(colleague.form(name="Deal after the restore", value="78"))
    colleague.waits_for(later, "confirmed", seconds=180)
    after = deals_in_slant()
    assert sorted(after) == sorted([*before, "Deal after the restore"])
    assert before.count(AFTER_THE_BACKUP) == 1


SERVED: list[Callable[[], None]] = [
    a_deal_arrives_in_slant_once,
    everything_is_over_tls_and_says_so,
    static_files_come_from_nginx_and_may_be_kept_for_good,
    half_sent_requests_never_reach_gunicorn,
    a_body_of_300_kb_is_refused,
    nobody_says_where_a_request_comes_from,
    a_foreign_host_is_refused_and_a_probe_is_not,
    gunicorn_keeps_an_idle_connection_and_listens_here_alone,
    web_and_worker_are_two_users_and_two_roles,
    numbers_are_for_whoever_has_the_token,
]


CHECKS = {
    "served": SERVED,
    "entered": [whoever_enters_meanwhile_notices_nothing],
    "entered-by-the-hundred": [two_people_enter_a_hundred_deals_each],
    "after-the-backup": [a_deal_is_entered_after_the_backup],
    "restored": [what_was_entered_since_the_backup_is_on_the_board_and_in_slant_once],
}


def main() -> int:
    failed = 0
    checks = CHECKS[sys.argv[1]]
    for check in checks:
        try:
            check()
        except Exception as problem:
            failed += 1
            print(f"FAILED  {check.__name__}: {type(problem).__name__}: {str(problem)[:1500]}", flush=True)
        else:
            print(f"ok      {check.__name__}", flush=True)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
