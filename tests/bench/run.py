"""`make bench`: every row of `rows.py` at each size on each database, in one table; and what was promised of
it.

    make bench ARGS="--deals 1000,10000 --databases sqlite --rows 'board page,changes poll'"

Times depend on the machine and are only printed. What fails the run are ratios (to the row's own floor, and
of the largest firm to the smallest), numbers of queries, and bytes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.bench.rows import FLATTEST, MOST_QUERIES, ROWS, Row
from tests.support import provision
from tests.support.environment import ROOT, clean_environment
from tests.support.processes import installation_environment

SIZES = (1_000, 10_000, 100_000)
HEAD = (
    f"{'':18}{'deals':>8}  {'database':<11}{'median':>8}{'p95':>8}{'cpu':>8}{'floor':>8}{'ratio':>7}"
    f"{'queries':>9}{'bytes':>9}{'gzip':>8}{'20 clients':>12}"
)

LCP, INP, CLS = "1200 ms", "100 ms", "0.02"

Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--deals", default=",".join(map(str, SIZES)))
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--rows", default="", help="names of rows, with commas; all by default")
    parser.add_argument("--json", help="also write the figures here")
    chosen = parser.parse_args(arguments)
    sizes = [int(size) for size in chosen.deals.split(",")]
    found: dict[tuple[str, int], dict[str, Figures]] = {}
    not_run: list[str] = []
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slantweb-bench-")))
        _collect_static(home)
        for database in chosen.databases.split(","):
            server = ""
            if database == "postgresql":
                try:
                    server = stack.enter_context(provision.postgresql())
                except provision.Missing as why:
                    not_run.append(f"PostgreSQL: {why}")
                    continue
            for size in sizes:
                print(f"loading {size:,} deals, {database} ...", file=sys.stderr, flush=True)
                rows = _measure(home / f"{database}-{size}", server, size, chosen.rows)
                found[database, size] = {row["name"]: row for row in rows}
                _keep(chosen.json, found)
    print("\n".join(_table(found)))
    print("\n".join(_vitals(found)))
    problems = list(_problems(found))
    for line in _aims(found):
        print(line)
    for line in problems:
        print(f"FAILED: {line}")
    for line in not_run:
        print(f"NOT RUN: {line}")
    return 1 if problems else 0


def _keep(path: str | None, found: dict[tuple[str, int], dict[str, Figures]]) -> None:
    """After each firm: a run that was broken off has told something."""
    if path:
        figures = {f"{database} {size}": rows for (database, size), rows in found.items()}
        Path(path).write_text(json.dumps(figures, indent=1))


def _collect_static(home: Path) -> None:
    """Hashed names, as in production; once for all."""
    environment = installation_environment(home, f"sqlite:///{home / 'none.sqlite3'}")
    command = [sys.executable, "manage.py", "collectstatic", "-v", "0", "--no-input"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def _measure(home: Path, server: str, size: int, chosen: str) -> list[Figures]:
    home.mkdir()
    (home / "static").symlink_to(home.parent / "static")
    url = f"sqlite:///{home / 'slantweb.sqlite3'}"
    if server:
        name = f"slantweb_bench_{size}"
        with psycopg.connect(server, autocommit=True) as door:
            door.execute(f'CREATE DATABASE "{name}"')
        url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    result = home / "figures.json"
    command = [sys.executable, "-m", "tests.bench.measure", str(size), str(home), str(result), chosen]
    environment = installation_environment(home, url, VIEW_WAIT_SECONDS="0")
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(**environment))
    if done.returncode:
        log = home / "server.log"
        sys.exit(log.read_text()[-3000:] if log.exists() else "the measuring process failed")
    rows: list[Figures] = json.loads(result.read_text())
    return rows


def _table(found: dict[tuple[str, int], dict[str, Figures]]) -> Iterator[str]:
    yield HEAD
    for row in ROWS:
        for (database, size), rows in found.items():
            figures = rows.get(row.name)
            if figures is None:
                continue
            begin = f"{row.name:18}{size:>8,}  {database:<11}"
            if "missing" in figures:
                yield begin + figures["missing"]
                continue
            crowd = f"{figures['per_second']:>9.0f}/s" if figures["per_second"] else ""
            yield (
                f"{begin}{figures['median']:>6.1f}ms{figures['p95']:>6.1f}ms"
                f"{figures['cpu']:>6.1f}ms{figures['floor']:>6.1f}ms"
                f"{_ratio(figures):>7.1f}{figures['queries']:>9}"
                f"{figures['bytes']:>9,}{figures['compressed']:>8,}"
                f"{crowd:>12}"
            )


def _vitals(found: dict[tuple[str, int], dict[str, Figures]]) -> Iterator[str]:
    yield f"\nThe board in Chromium, its processor slowed four times ({LCP} / {INP} / {CLS} wanted):"
    for (database, size), rows in found.items():
        seen = rows.get("in a browser", {"missing": "not measured"})
        if "missing" in seen:
            yield f"{size:>9,}  {database:<11}not measured: {seen['missing']}"
            continue
        yield (
            f"{size:>9,}  {database:<11}largest paint {seen['lcp_ms']:.0f} ms, longest interaction "
            f"{seen['inp_ms']:.0f} ms, layout shift {seen['cls']:.3f}"
        )


def _ratio(figures: Figures) -> float:
    ratio: float = figures["median"] / figures["floor"]
    return ratio


def _problems(found: dict[tuple[str, int], dict[str, Figures]]) -> Iterator[str]:
    """What fails the run."""
    for (database, size), rows in found.items():
        for row in ROWS:
            figures = rows.get(row.name)
            if figures is None:
                continue
            where = f"{row.name}, {size:,} deals, {database}"
            if "missing" in figures:
                yield f"{where}: {figures['missing']}"
                continue
            if row.limit and _ratio(figures) > row.limit:
                yield f"{where}: {_ratio(figures):.1f} times its floor, at most {row.limit:.0f}"
            if figures["queries"] > row.most_queries:
                yield f"{where}: {figures['queries']} queries, at most {row.most_queries}"
            if figures["compressed"] > row.most_bytes:
                yield f"{where}: {figures['compressed']:,} bytes compressed, at most {row.most_bytes:,}"
    for database, row, growth in _growths(found):
        # Half again as much as the aim: what lies between is the machine's unrest.
        if growth > FLATTEST * 1.5:
            yield f"{row.name}, {database}: {growth:.2f} times as long with the most deals as with the fewest"


def _growths(found: dict[tuple[str, int], dict[str, Figures]]) -> Iterator[tuple[str, Row, float]]:
    """Compare the quicker quarter of the answers: two firms are measured minutes apart on a noisy machine."""
    for database in sorted({database for database, _ in found}):
        sizes = sorted(size for known, size in found if known == database)
        for row in ROWS:
            few = found[database, sizes[0]].get(row.name, {})
            many = found[database, sizes[-1]].get(row.name, {})
            if row.flat and len(sizes) > 1 and "median" in few and "median" in many:
                yield database, row, many["quick"] / few["quick"]


def _aims(found: dict[tuple[str, int], dict[str, Figures]]) -> Iterator[str]:
    """What the design promises, kept or missed."""
    yield ""
    for row in ROWS:
        measured = [rows[row.name] for rows in found.values() if "median" in rows.get(row.name, {})]
        ratios = [_ratio(figures) for figures in measured]
        if row.aim and ratios:
            kept = "kept" if max(ratios) <= row.aim else "missed"
            was = f"{min(ratios):.1f} to {max(ratios):.1f}"
            yield f"aim {kept}: {row.name} at most {row.aim:.0f} times its floor; was {was}"
    for row in ROWS:
        asked = max((rows.get(row.name, {}).get("queries", 0) for rows in found.values()), default=0)
        if row.form is None and asked > MOST_QUERIES:
            yield f"aim missed: {row.name} at most {MOST_QUERIES} queries; was {asked}"
    for database, row, growth in _growths(found):
        kept = "kept" if growth <= FLATTEST else "missed"
        bound = f"at most {FLATTEST} times as long with most deals"
        yield f"aim {kept}: {row.name} on {database} {bound}; was {growth:.2f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
