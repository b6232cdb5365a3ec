"""`python -m tests.deploy.crowd BOARDS PAGES_A_SECOND SECONDS`: open boards, and people opening pages.

A board asks what changed every five seconds, as static/js/board/live.js does. Pages are opened at their
moment, whether the one before was answered or not, and the time of each begins there. Prints a table.
"""

import gzip
import http.client
import queue
import random
import re
import ssl
import sys
import threading
import time
from collections import Counter, defaultdict
from itertools import cycle

import requests

from tests.deploy.entering import CERTIFICATE, HOST, PEOPLE, SITE, Colleague, make_members

POLL_SECONDS = 5.0
FRESH_EVERY = 6
READERS = 48
# One session for so many boards: to sign in costs the provider more than a board costs us.
SESSIONS = 12
PAGES = {
    "board": ("/board/", 5),
    "list": ("/board/?view=list&pipeline=all", 3),
    "deal": ("/opportunities/{deal}/", 4),
    "form": ("/opportunities/new/", 2),
    "submissions": ("/submissions/", 2),
    "households": ("/households/?q=ok&book_id=bk_pine01", 2),
    "report: overview": ("/reports/overview/", 1),
    "report: funnel": ("/reports/funnel/", 1),
}
PROBES = {"/healthz": "probe: healthz", "/readyz": "probe: readyz"}


class Crowd:
    """Who asks, and what became of it: seconds and statuses by kind of page."""

    def __init__(self) -> None:
        make_members()
        names = cycle(PEOPLE)
        self.sessions = [Colleague(next(names)).session for _ in range(SESSIONS)]
        self.cookies = [
            "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
            for session in self.sessions
        ]
        first = self._page(self.sessions[0], "/board/")
        self.changes = _attribute(first, "changes").replace("&amp;", "&")
        self.since = _attribute(first, "since")
        self.deals = sorted(set(re.findall(r'data-opportunity="(\w+)"', first)))
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.answers: Counter[tuple[str, str]] = Counter()
        self.ends_at = 0.0
        self._context = ssl.create_default_context(cafile=CERTIFICATE)

    def _page(self, session: requests.Session, path: str) -> str:
        answer = session.get(SITE + path, timeout=60)
        answer.raise_for_status()
        return answer.text

    def run(self, boards: int, pages_a_second: float, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        due: queue.Queue[tuple[float, str, str] | None] = queue.Queue()
        threads = [threading.Thread(target=self._keep_board_open, args=[number]) for number in range(boards)]
        threads += [threading.Thread(target=self._read, args=[number, due]) for number in range(READERS)]
        threads.append(threading.Thread(target=self._probe))
        for thread in threads:
            thread.start()
        kinds = [kind for kind, (_, weight) in PAGES.items() for _ in range(weight)]
        at = time.monotonic()
        while at < self.ends_at:
            time.sleep(max(0.0, at - time.monotonic()))
            kind = random.choice(kinds)
            due.put((at, kind, PAGES[kind][0].format(deal=random.choice(self.deals))))
            at += 1 / pages_a_second
        for _ in range(READERS):
            due.put(None)
        for thread in threads:
            thread.join()

    def _keep_board_open(self, number: int) -> None:
        line, since, polls = Line(self._context), self.since, 0
        due_at = time.monotonic() + POLL_SECONDS * random.random()
        while due_at < self.ends_at:
            time.sleep(max(0.0, due_at - time.monotonic()))
            polls += 1
            fresh = "&fresh=1" if polls % FRESH_EVERY == 0 else ""
            asked = f"{self.changes}&since={since}{fresh}"
            headers = {"Cookie": self.cookies[number % SESSIONS], "HX-Request": "true", "X-Poll": "1"}
            body = self._ask(line, "poll", asked, time.monotonic(), headers)
            since = _attribute(body, "since") or since
            due_at = time.monotonic() + POLL_SECONDS

    def _read(self, number: int, due: "queue.Queue[tuple[float, str, str] | None]") -> None:
        line, cookie = Line(self._context), self.cookies[number % SESSIONS]
        while page := due.get():
            at, kind, path = page
            if time.monotonic() > self.ends_at:
                # What nobody came to ask in time.
                self.answers[kind, "too late"] += 1
                continue
            self._ask(line, kind, path, at, {"Cookie": cookie})

    def _probe(self) -> None:
        line = Line(self._context)
        while time.monotonic() < self.ends_at:
            for path, kind in PROBES.items():
                self._ask(line, kind, path, time.monotonic(), {})
            time.sleep(1)

    def _ask(self, line: "Line", kind: str, path: str, at: float, headers: dict[str, str]) -> str:
        status, body = line.ask(path, headers)
        self.seconds[kind].append(time.monotonic() - at)
        self.answers[kind, status] += 1
        return body

    def report(self) -> None:
        print(f"{time.process_time():.0f} s of processor were the crowd's own")
        print("kind | asked | p50 ms | p99 ms | longest ms | answers other than 200 and 204")
        for kind, taken in sorted(self.seconds.items()):
            taken.sort()
            p50, p99 = (taken[min(len(taken) - 1, int(len(taken) * part))] for part in (0.5, 0.99))
            others = {
                status: count
                for (asked, status), count in sorted(self.answers.items())
                if asked == kind and status not in ("200", "204")
            }
            said = ", ".join(f"{count} x {status}" for status, count in others.items()) or "none"
            times = " | ".join(f"{1000 * second:.0f}" for second in (p50, p99, taken[-1]))
            print(f"{kind} | {len(taken):,} | {times} | {said}")
        bad = sum(count for (_, status), count in self.answers.items() if status not in ("200", "204"))
        everything = sum(self.answers.values())
        print(f"{bad} of {everything:,} were errors ({100 * bad / everything:.2f}%)", flush=True)


class Line:
    """One connection that a browser keeps open; opened anew when it was closed."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._connection: http.client.HTTPSConnection | None = None

    def ask(self, path: str, headers: dict[str, str]) -> tuple[str, str]:
        for is_last in (False, True):
            is_new = self._connection is None
            try:
                return self._ask(path, headers)
            except (OSError, http.client.HTTPException) as problem:
                self._connection = None
                # nginx may have closed what was idle.
                if is_new or is_last:
                    return type(problem).__name__, ""
        raise AssertionError

    def _ask(self, path: str, headers: dict[str, str]) -> tuple[str, str]:
        if self._connection is None:
            self._connection = http.client.HTTPSConnection(HOST, timeout=60, context=self._context)
        self._connection.request("GET", path, headers={"Accept-Encoding": "gzip", **headers})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return str(answer.status), content.decode(errors="replace")


def _attribute(page: str, name: str) -> str:
    found = re.search(rf'data-{name}="([^"]*)"', page)
    return found[1] if found else ""


def main(boards: str, pages_a_second: str, seconds: str) -> None:
    crowd = Crowd()
    crowd.run(int(boards), float(pages_a_second), float(seconds))
    crowd.report()


if __name__ == "__main__":
    main(*sys.argv[1:])
