"""Web, database, workers and Slant on machines of their own. Deals are entered while five are in trouble.

The page's chapter "Several machines" is done on hosts with networks of their own (`hosts.py`). Slant is the
sandbox on the loopback of its host, behind nginx with a certificate of the test's own authority. All waits
are those of production, so a lost answer takes minutes to settle.
"""

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass

from tests.deploy.authority import Authority
from tests.deploy.drill import CONTROL, PYTHON, SLANT, Drill, sandbox_command
from tests.deploy.hosts import NETWORK, Host, must, start_switch
from tests.deploy.machine import Machine
from tests.deploy.page import Block, blocks
from tests.support.environment import ROOT
from tests.support.processes import WRITE_TOKEN
from tests.upgrade.making.wall_clock import WallClock

DATABASE_HOST, SLANT_HOST = "database.firm.example", "slant.firm.example"
OWN = ("/var/lib/slantweb-worker", "/run/units", "/run/credentials", "/var/log", "/etc/slantweb/slantweb.env")
TOKEN = "slnt_pat_of_this_firm_alone"
TWO_HOURS = 2 * 60 * 60
# Seconds late each way, for a database and a Slant that are far away.
SLOW_DATABASE, SLOW_SLANT = 0.03, 0.3
CUT_SECONDS, BEFORE_SECONDS, AFTER_SECONDS = 90, 20, 60
# "Each deal there once within 15 minutes" of the end of trouble (docs/exactly-once.md).
SETTLED_WITHIN = 15 * 60
# What Slant takes to answer: long enough to be killed in the middle of it.
LATENCY_MS = 250
NGINX = """
pid /srv/slant/nginx.pid;
error_log /srv/slant/nginx.log;
events {{}}
http {{
    access_log off;
    # Nobody may send the sandbox's token over a network, so the firm has one of its own.
    map $http_authorization $known {{
        default $http_authorization;
        "Bearer {token}" "Bearer {sandbox_token}";
    }}
    server {{
        listen 443 ssl;
        server_name {name};
        ssl_certificate /root/{name}.pem;
        ssl_certificate_key /root/{name}.key;
        location / {{
            proxy_pass http://127.0.0.1:{slant};
            proxy_set_header Host 127.0.0.1;
            proxy_set_header Authorization $known;
        }}
    }}
    # Slant has no such door: by it the test reads the ledger.
    server {{
        listen {address}:{control};
        location / {{ proxy_pass http://127.0.0.1:{control}; proxy_set_header Host 127.0.0.1; }}
    }}
}}
"""
# Of what was entered in the drill: how it stands, and how long it took.
SETTLED = """
SELECT state, count(*), max(took), percentile_disc(0.5) WITHIN GROUP (ORDER BY took),
  percentile_disc(0.99) WITHIN GROUP (ORDER BY took)
FROM (
  SELECT state, round(extract(epoch FROM settled_at - created_at)::numeric, 1) AS took
  FROM opportunities_submission
) AS submission GROUP BY state
"""
ATTEMPTS = """
SELECT split_part(worker, ':', 1), coalesce(nullif(outcome, ''), 'open'), count(*)
FROM opportunities_attempt GROUP BY 1, 2 ORDER BY 1, 2
"""
LIVING = """
SELECT split_part(worker, ':', 1) FROM opportunities_heartbeat WHERE completed_at > now() - interval '30 s'
"""
IN_DOUBT = """
SELECT count(DISTINCT submission_id) FROM opportunities_attempt WHERE outcome IN ('no_answer', 'abandoned')
"""


@dataclass
class Fleet:
    """`workers` by what is wrong with each."""

    drill: Drill
    database: Host
    slant: Host
    workers: dict[str, Host]

    def ask(self, statement: str) -> list[list[str]]:
        """Rows of the application's database."""
        psql = ["runuser", "-u", "postgres", "--", "psql", "-AtqF", "|", "-d", "slantweb", "-c", statement]
        done = self.database.run(*psql)
        assert done.returncode == 0, done.stdout
        return [line.split("|") for line in done.stdout.splitlines()]

    def control(self, **changes: object) -> None:
        self.drill.machine.run(
            "curl",
            "-sf",
            "-H",
            "Content-Type: application/json",
            "-d",
            json.dumps(changes),
            f"{self.ledger}/_control",
        )

    @property
    def ledger(self) -> str:
        return f"http://{self.slant.address}:{CONTROL}"


def run(machine: Machine) -> bool:
    start_switch(machine)
    database, slant = Host(machine, "database", 2), Host(machine, "slant", 3)
    names = ("sound", "no-database", "no-slant", "slow", "two-hours-ahead", "killed")
    own = {"slow": (*OWN, "/etc/hosts")}
    workers = {name: Host(machine, name, 11 + place, own.get(name, OWN)) for place, name in enumerate(names)}
    drill = Drill(
        machine,
        SLANT_BASE_URL=f"https://{SLANT_HOST}/v1",
        SLANT_API_TOKEN=TOKEN,
        DATABASE_HOST=DATABASE_HOST,
        NETWORK=f"{NETWORK}.0/24",
        DATABASE_CERTIFICATE=f"/root/{DATABASE_HOST}.pem",
        DATABASE_KEY=f"/root/{DATABASE_HOST}.key",
        AUTHORITY="/root/authority.pem",
    )
    fleet = Fleet(drill, database, slant, workers)
    drill.prepare(slant=False)
    start_slant(fleet)
    passed = install(fleet) and spread(fleet) and trouble(fleet)
    if not passed:
        show_logs(fleet)
    return passed


def start_slant(fleet: Fleet) -> None:
    machine, slant = fleet.drill.machine, fleet.slant
    root = machine.root
    authority = Authority(root / "root")
    for name in (DATABASE_HOST, SLANT_HOST):
        authority.sign_for(name)
    with (root / "etc" / "hosts").open("a") as known:
        known.write(f"{fleet.database.address} {DATABASE_HOST}\n{slant.address} {SLANT_HOST}\n")
    fleet.database.start()
    slant.start()
    conf = NGINX.format(
        name=SLANT_HOST, address=slant.address, slant=SLANT, control=CONTROL, token=TOKEN,
        sandbox_token=WRITE_TOKEN,
    )  # fmt: skip
    slant.own_file("/nginx.conf").write_text(conf)
    slant.spawn(*sandbox_command(), log="sandbox", **PYTHON)
    done = slant.run("nginx", "-c", f"{slant.home}/nginx.conf")
    assert done.returncode == 0, done.stdout
    # Whoever checks believes both: who signed for Slant, and the certificate of the pages.
    (root / "root" / "believed.pem").write_text(
        (root / "root" / "authority.pem").read_text() + (root / "root" / "certificate.pem").read_text()
    )


def install(fleet: Fleet) -> bool:
    """ "From nothing to serving" on the first machine, which then believes the test's authority."""
    for block in blocks("From nothing to serving"):
        if block.way != "a":
            continue
        if not fleet.drill.run_block(block):
            return False
        if block.mark == "network":
            # Slant's authority is a public one, so there is no setting for it.
            believed = "$(/opt/slantweb/.venv/bin/python -m certifi)"
            must(fleet.drill.machine, f"cat /root/authority.pem >> {believed}")
    return True


def spread(fleet: Fleet) -> bool:
    """The chapter "Several machines", each block where it says."""
    for worker in fleet.workers.values():
        worker.start()
    slow(fleet)
    set_forward(fleet)
    return all(run_on_its_host(fleet, block) for block in blocks("Several machines"))


def run_on_its_host(fleet: Fleet, block: Block) -> bool:
    hosts = {"database": [fleet.database], "worker": list(fleet.workers.values())}.get(block.mark)
    if hosts is None:
        return fleet.drill.run_block(block)
    return all(
        fleet.drill.run_block(
            block, lambda each, host=host: host.run("bash", "-euc", each.commands, **fleet.drill.shell)
        )
        for host in hosts
    )


def slow(fleet: Fleet) -> None:
    """Database and Slant are far away from one machine, which finds them behind slow lines of its own."""
    host = fleet.workers["slow"]
    lines = [
        *("5432", f"{fleet.database.address}:5432", str(SLOW_DATABASE)),
        *("443", f"{fleet.slant.address}:443", str(SLOW_SLANT)),
    ]
    host.spawn(sys.executable, str(ROOT / "tests" / "deploy" / "slow_line.py"), *lines, log="slow-line")
    known = host.own_file("/etc/hosts")
    kept = [line for line in known.read_text().splitlines() if not line.endswith((DATABASE_HOST, SLANT_HOST))]
    known.write_text("\n".join([*kept, f"127.0.0.1 {DATABASE_HOST} {SLANT_HOST}", ""]))


def set_forward(fleet: Fleet) -> None:
    """One machine's wall clock is two hours ahead, for whatever runs with its variables."""
    host = fleet.workers["two-hours-ahead"]
    clock = WallClock(host.own_file(""))
    clock.turn_forward(TWO_HOURS)
    inside = {name: f"{host.home}/{path.rpartition('/')[2]}" for name, path in clock.variables.items()}
    with host.own_file("/etc/slantweb/slantweb.env").open("a") as settings:
        settings.writelines(f"{name}={value}\n" for name, value in inside.items())


# The trouble


def trouble(fleet: Fleet) -> bool:
    if not a_clock_two_hours_ahead_is_told(fleet):
        return False
    fleet.control(latency_ms=LATENCY_MS)
    entering = fleet.drill.start_check(
        "entered",
        CONTROL=fleet.ledger,
        REQUESTS_CA_BUNDLE="/root/believed.pem",
        SETTLED_WITHIN=str(SETTLED_WITHIN),
    )
    time.sleep(BEFORE_SECONDS)
    cables = ((fleet.workers["no-database"], fleet.database), (fleet.workers["no-slant"], fleet.slant))
    for worker, other in cables:
        worker.cut_off_from(other)
    say("one worker is cut off from the database, one from Slant")
    before = Counter(state for state, *_ in fleet.ask(SETTLED))
    kill_while_it_sends(fleet)
    time.sleep(CUT_SECONDS)
    say(f"still cut off: {fleet.ask(SETTLED)} (when they were cut off: {dict(before)})")
    for worker, other in cables:
        worker.join(other)
    say("both are back")
    time.sleep(AFTER_SECONDS)
    (fleet.drill.machine.root / "run" / "entered-enough").touch()
    arrived = entering.wait(SETTLED_WITHIN + 300) == 0
    print("state | deals | slowest, median, 99th percentile in seconds from saved to settled")
    for row in fleet.ask(SETTLED):
        print(" | ".join(row))
    print("worker | outcome of its exchanges | how many")
    for row in fleet.ask(ATTEMPTS):
        print(" | ".join(row))
    print(f"{fleet.ask(IN_DOUBT)[0][0]} were in doubt for a while", flush=True)
    return arrived and all_settled_and_all_others_live(fleet)


def a_clock_two_hours_ahead_is_told(fleet: Fleet) -> bool:
    told = fleet.workers["two-hours-ahead"].run(
        *("/opt/slantweb/deploy/manage", "worker", "doctor", "--for", "worker", "--workers", "6")
    )
    lines = [line for line in told.stdout.splitlines() if "clock:" in line]
    print("\n".join(lines), flush=True)
    return told.returncode == 1 and bool(lines) and not lines[0].startswith("ok")


def kill_while_it_sends(fleet: Fleet) -> None:
    """kill -9 of one worker while Slant works at what it sent; it is not started again."""
    host = fleet.workers["killed"]
    pid = host.own_file("/run/units/slantweb-worker@1").read_text()
    sending = (
        "SELECT count(*) FROM opportunities_attempt WHERE finished_at IS NULL AND worker LIKE 'killed:%'"
    )
    deadline = time.monotonic() + 120
    while fleet.ask(sending) == [["0"]]:
        assert time.monotonic() < deadline, "that worker sent nothing for two minutes"
    must(fleet.drill.machine, f"kill -9 {pid}")
    say(f"one worker was killed with {fleet.ask(sending)[0][0]} exchanges under way")


def all_settled_and_all_others_live(fleet: Fleet) -> bool:
    states = {state for state, *_ in fleet.ask(SETTLED)}
    living = {name for (name,) in fleet.ask(LIVING)}
    verified = fleet.workers["sound"].run("/opt/slantweb/deploy/manage", "worker", "verify_audit")
    wanted = set(fleet.workers) - {"killed"}
    print(f"states {states}; workers that live {sorted(living)}; verify_audit exits {verified.returncode}")
    return states == {"confirmed"} and living == wanted and verified.returncode == 0


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def show_logs(fleet: Fleet) -> None:
    fleet.drill.show_logs()
    for host in fleet.workers.values():
        for log in sorted(host.own_file("/var/log").glob("slantweb*.log")):
            print(f"--- {host.name}: {log.name}\n{log.read_text(errors='replace')[-3000:]}")
