"""One database of one size: load the firm, start the server, measure every row beside its floor, write the
figures.

    python -m tests.bench.measure <deals> <home> <result.json> [<names of rows>]

The database is DATABASE_URL's and empty. Page and floor are asked in turn, so that whatever else the machine
does meets both alike.
"""

import gzip
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from opportunities.models import Opportunity, Person, Role  # noqa: E402
from tests.bench.rows import OF_BOARD, ROWS, Row  # noqa: E402
from tests.support.environment import ROOT  # noqa: E402
from tests.support.firm import load_firm  # noqa: E402
from tests.support.people import make_person  # noqa: E402
from tests.support.processes import Process  # noqa: E402
from tests.support.provision import free_port  # noqa: E402

TIMES, WARM_UP = 30, 3
CLIENTS, CROWD_SECONDS = 20, 3.0
TOKEN = "b" * 32
VITALS = "in a browser"


class Browser:
    """One signed-in person over one kept connection."""

    def __init__(self, port: int, person: Person) -> None:
        client = Client()
        client.force_login(person)
        self.session: str = client.cookies["sessionid"].value
        self._cookie = f"sessionid={self.session}; csrftoken={TOKEN}"
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self, row: Row, words: dict[str, str], path: str = "", **headers: str
    ) -> tuple[int, bytes, Any, float]:
        """Status, body, headers and milliseconds."""
        sent = {"Cookie": self._cookie, "X-CSRFToken": TOKEN, **row.headers, **headers}
        body, method = None, "GET"
        if row.form is not None and not path:
            method = "POST"
            body = "&".join(f"{name}={value.format(**words)}" for name, value in row.form.items())
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        self._http.request(method, path or row.path.format(**words), body=body, headers=sent)
        answer = self._http.getresponse()
        content = answer.read()
        return answer.status, content, answer.headers, (time.perf_counter() - began) * 1000


class Bench:
    def __init__(self, deals: int, home: Path, rows: list[Row]) -> None:
        self.deals, self.home, self.rows, self.port = deals, home, rows, free_port()

    def run(self) -> list[dict[str, Any]]:
        self._load()
        with _Server(self.home, self.port):
            self._words()
            rows = [self._measure(row) for row in self.rows]
            return [*rows, {"name": VITALS} | self._vitals()]

    def _load(self) -> None:
        call_command("migrate", verbosity=0)
        load_firm(deals=self.deals, versions=3)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_scratch (payload text)")
            # As autovacuum leaves tables within a minute: only then may PostgreSQL answer from an index
            # alone.
            cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        self.people = [make_person(f"M{number} Manager", Role.MANAGER) for number in range(4)]
        connection.close()

    def _words(self) -> None:
        """What rows are filled in with; the first page of the board gives its token and its mark."""
        row = Row("board", f"/board/?{OF_BOARD}")
        self.browsers = [Browser(self.port, person) for person in self.people]
        self.tokens = []
        for browser in self.browsers:
            status, body, _, _ = browser.ask(row, {})
            assert status == 200, body[:2000]
            page = body.decode()
            self.tokens.append(_found(r'data-token="([^"]*)"', page))
        open_deals = Opportunity.objects.filter(stage_id__in=("pl_growth_1", "pl_growth_2")).order_by("pk")
        self.movable = list(open_deals.values_list("pk", "stage_id")[: TIMES + WARM_UP + 1])
        connection.close()

    def _mark(self) -> None:
        """What a board opened now would ask for changes since."""
        _, body, _, _ = self.browsers[0].ask(Row("board", f"/board/?{OF_BOARD}"), {})
        self.since = _found(r'data-since="([^"]*)"', body.decode())

    def _measure(self, row: Row) -> dict[str, Any]:
        self._mark()
        browser, words = self.browsers[0], self._words_for(0)
        status, body, headers, _ = browser.ask(row, words, **{"X-Bench-Record": row.name.replace(" ", "-")})
        if status != row.status:
            return {"name": row.name, "missing": f"answered {status}"}
        floor = "/_floor/" + row.name.replace(" ", "-")
        mine, floors, cpu = [], [], []
        for number in range(1, TIMES + WARM_UP + 1):
            # At most 30 submissions a minute a person.
            browser = self.browsers[number % len(self.browsers)]
            status, _, told, took = browser.ask(row, self._words_for(number))
            assert status == row.status, f"{row.name}: {status}"
            _, _, _, least = browser.ask(row, words, floor)
            if number > WARM_UP:
                mine.append(took)
                cpu.append(float(told["X-Bench-Cpu"]))
                floors.append(least)
        return {
            "name": row.name,
            "median": median(mine),
            "p95": quantiles(mine, n=20)[-1],
            "quick": quantiles(mine, n=4)[0],
            "cpu": median(cpu),
            "floor": median(floors),
            "floor_p95": quantiles(floors, n=20)[-1],
            "queries": int(headers["X-Bench-Queries"]),
            "bytes": len(body),
            "compressed": len(gzip.compress(body, 6)) if body else 0,
            "per_second": self._crowd(row, words) if row.crowd else None,
        }

    def _words_for(self, number: int) -> dict[str, str]:
        deal, stage = self.movable[number % len(self.movable)]
        who = number % len(self.browsers)
        return {
            "deal": deal,
            "stage": stage,
            "token": self.tokens[who],
            "number": str(number),
            "since": self.since,
        }

    def _vitals(self) -> dict[str, Any]:
        """In a process of its own: a browser's event loop and the ORM do not share one."""
        url = f"http://127.0.0.1:{self.port}/board/?{OF_BOARD}"
        command = [sys.executable, "-m", "tests.bench.vitals", url, self.browsers[0].session]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            return {"missing": done.stderr.strip().splitlines()[-1:]}
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures

    def _crowd(self, row: Row, words: dict[str, str]) -> float:
        """Answers a second that twenty clients get together."""
        until = time.monotonic() + CROWD_SECONDS
        counts = [0] * CLIENTS
        browsers = [Browser(self.port, self.people[0]) for _ in range(CLIENTS)]
        connection.close()

        def visit(place: int) -> None:
            while time.monotonic() < until:
                browsers[place].ask(row, words)
                counts[place] += 1

        threads = [threading.Thread(target=visit, args=(place,)) for place in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / CROWD_SECONDS


class _Server:
    """gunicorn as docs/operations.md starts it."""

    def __init__(self, home: Path, port: int) -> None:
        import os

        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        command += ["--bind", f"127.0.0.1:{port}", "--keep-alive", "300", "tests.bench.server"]
        self.process = Process("server", command, dict(os.environ), home / "server.log")
        self.port = port

    def __enter__(self) -> None:
        until = time.monotonic() + 60
        while True:
            self.process.check()
            try:
                http.client.HTTPConnection("127.0.0.1", self.port, timeout=5).request("GET", "/healthz")
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def __exit__(self, *problem: object) -> None:
        self.process.kill()


def _found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match, f"the board has no {pattern}"
    return match[1]


if __name__ == "__main__":
    named = [name for name in "".join(sys.argv[4:]).split(",") if name]
    chosen = [row for row in ROWS if not named or row.name in named]
    figures = Bench(int(sys.argv[1]), Path(sys.argv[2]), chosen).run()
    Path(sys.argv[3]).write_text(json.dumps(figures))
