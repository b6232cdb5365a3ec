"""A working day behind nginx: 300 open boards and 20 pages a second for ten minutes, and what that leaves.

Needs a quiet machine, so it is run by its name alone. `LOAD_SECONDS` shortens it. It prints the times of each
kind of page, the memory of the web's processes, how the tables grew in that time and by 200 deals, and what
happens with 14 connections to the database.
"""

import os
import subprocess
import sys
import time

from tests.deploy.drill import CONTROL, PYTHON, Drill, sandbox_command
from tests.deploy.machine import Machine
from tests.deploy.page import blocks
from tests.deploy.upgrade import ask, control, say
from tests.support.environment import ROOT

DEALS = 2_000
BOARDS, PAGES_A_SECOND = 300, 20
SECONDS = float(os.environ.get("LOAD_SECONDS", "600"))
LIMIT_SECONDS = min(60.0, SECONDS)
# Beside the three that PostgreSQL keeps for its superuser.
FEW_CONNECTIONS, RESERVED = 14, 3
# The load comes from two people, and all it enters is to reach Slant within the hour.
SETTINGS = "PAGES_A_MINUTE=1000000\nREPORTS_A_MINUTE=1000000\nSLANT_HOURLY_BUDGET=1000000\n"
SIZES = """
SELECT relname, pg_total_relation_size(relid), n_live_tup FROM pg_stat_user_tables
WHERE pg_total_relation_size(relid) > 0 ORDER BY relname
"""
WEB = "gunicorn --config deploy/gunicorn.conf.py"

Sizes = dict[str, tuple[int, int]]


def run(machine: Machine) -> bool:
    drill = Drill(machine)
    drill.prepare(slant=False)
    machine.start(*sandbox_command("--opportunities", str(DEALS)), log="sandbox", **PYTHON)
    for block in blocks("From nothing to serving"):
        if block.way == "a" and not drill.run_block(block):
            return False
        if block.commands.startswith("install -m 600 /dev/stdin /etc/slantweb/slantweb.env"):
            with (machine.root / "etc" / "slantweb" / "slantweb.env").open("a") as settings:
                settings.write(SETTINGS)
    control(drill, limits={"token": 1_000_000, "company": 1_000_000, "ip": 1_000_000})
    wait_until_quiet()
    passed = load(drill) and enter_deals(drill) and run_short_of_connections(drill)
    if not passed:
        drill.show_logs()
    return passed


def load(drill: Drill) -> bool:
    # Each process has its modules and its connections before anything is measured.
    crowd(drill, 20, 10, 20)
    before, memory = sizes(drill), web_memory(drill)
    say(f"load average {os.getloadavg()}; memory of the web's processes, MB: {memory}")
    began, busy = time.monotonic(), web_seconds(drill)
    asking = start_crowd(drill, BOARDS, PAGES_A_SECOND, SECONDS)
    while asking.poll() is None:
        time.sleep(min(60.0, SECONDS / 2))
        say(f"load average {os.getloadavg()[0]:.1f}; memory, MB: {web_memory(drill)}")
    minutes = (time.monotonic() - began) / 60
    say(f"the web's processes took {web_seconds(drill) - busy:.0f} s of processor")
    say(f"growth in {minutes:.1f} minutes, beginning with {sum(size for size, _ in before.values()):,} bytes")
    print_growth(before, sizes(drill), 1)
    return asking.returncode == 0


def enter_deals(drill: Drill) -> bool:
    """As many deals as two people may enter in some minutes; the growth is told for a thousand."""
    before = sizes(drill)
    entered = drill.start_check("entered-by-the-hundred").wait() == 0
    count = int(ask(drill, "SELECT count(*) FROM opportunities_submission"))
    say(f"growth for 1,000 deals, from {count}")
    print_growth(before, sizes(drill), 1000 / max(count, 1))
    return entered


def run_short_of_connections(drill: Drill) -> bool:
    """The same load with fewer connections than the processes want."""
    most = FEW_CONNECTIONS + RESERVED
    ask(drill, f"ALTER SYSTEM SET max_connections = {most}")
    ask(drill, f"ALTER SYSTEM SET superuser_reserved_connections = {RESERVED}")
    drill.machine.run("systemctl", "stop", "postgresql")
    drill.machine.run("systemctl", "start", "postgresql")
    time.sleep(10)
    say(f"with {FEW_CONNECTIONS} connections to the database, load average {os.getloadavg()[0]:.1f}")
    return crowd(drill, BOARDS, PAGES_A_SECOND, LIMIT_SECONDS) == 0


def crowd(drill: Drill, boards: int, pages_a_second: float, seconds: float) -> int:
    return start_crowd(drill, boards, pages_a_second, seconds).wait()


def start_crowd(
    drill: Drill, boards: int, pages_a_second: float, seconds: float
) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.deploy.crowd", *map(str, (boards, pages_a_second, seconds))]
    known = {"PYTHONPATH": str(ROOT), "CONTROL": f"http://127.0.0.1:{CONTROL}"}
    return subprocess.Popen(drill.machine.command(*command), cwd=ROOT, env=os.environ | drill.shell | known)


def wait_until_quiet() -> None:
    """Others may use this machine. What is measured beside them is told with the load average."""
    deadline = time.monotonic() + float(os.environ.get("QUIET_WITHIN", "60"))
    while os.getloadavg()[0] > 1.5 and time.monotonic() < deadline:
        time.sleep(5)


def web_memory(drill: Drill) -> list[int]:
    """Of each process of the web, in MB: what is its own, and its part of what it shares (PSS)."""
    each = "awk '/^Pss:/ {print $2}' /proc/$pid/smaps_rollup"
    found = drill.machine.run("bash", "-c", f"for pid in $(pgrep --full '{WEB}'); do {each}; done")
    return [int(line) // 1024 for line in found.stdout.split() if len(line) > 3]


def web_seconds(drill: Drill) -> float:
    """The processor seconds that the web's processes have taken, whatever else the machine does."""
    each = "awk '{print $14 + $15}' /proc/$pid/stat"
    found = drill.machine.run("bash", "-c", f"for pid in $(pgrep --full '{WEB}'); do {each}; done")
    return sum(int(line) for line in found.stdout.split() if line.isdigit()) / os.sysconf("SC_CLK_TCK")


def sizes(drill: Drill) -> Sizes:
    """Bytes of each table with its indexes, and its rows."""
    ask(drill, "ANALYZE")
    time.sleep(1)
    rows = [line.split("|") for line in ask(drill, SIZES).splitlines()]
    return {name: (int(size), int(count)) for name, size, count in rows}


def print_growth(before: Sizes, after: Sizes, factor: float) -> None:
    print("table | more bytes | more rows")
    grown = {
        name: (size - before.get(name, (0, 0))[0], rows - before.get(name, (0, 0))[1])
        for name, (size, rows) in after.items()
    }
    for name, (size, rows) in sorted(grown.items(), key=lambda item: -item[1][0]):
        if size or rows:
            print(f"{name} | {size * factor:,.0f} | {rows * factor:,.0f}")
    print(f"together | {sum(size for size, _ in grown.values()) * factor:,.0f} |", flush=True)
