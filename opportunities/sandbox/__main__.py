"""`python -m opportunities.sandbox`, also `manage.py sandbox`: one sandbox, in the foreground.

    python -m opportunities.sandbox --port 8001 --opportunities 500 --switch idem_mismatch=409 \\
        --fault 'POST /v1/opportunities drop_after x1' --control-port 8002

Prints `Sandbox ready: http://127.0.0.1:8001/v1` when it listens. SIGTERM and SIGINT end it within 2 s, exit
0. Exit 2: a port is taken or is none, an argument is not understood, or the packages of `requirements.txt`
beside this file are not installed. `server.py` says what a control port is good for.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

from opportunities.sandbox import control, past, sample
from opportunities.sandbox.keeping import begun_with, open_world
from opportunities.sandbox.listener import Listener
from opportunities.sandbox.server import Handler
from opportunities.sandbox.world import World

DEFAULT_PORT = 8001
NOT_INSTALLED = (
    "sandbox: its packages are not installed here, as in production. `make run` installs them; so does\n"
    "    python -m pip install --require-hashes -r opportunities/sandbox/requirements.txt"
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description="A local stand-in for Slant.")
    parser.add_argument(
        "--port", type=int, default=None, help="default: SANDBOX_PORT, else 8001; 0 picks a free one"
    )
    parser.add_argument(
        "--control-port", type=int, default=None, help='serves /_... only; makes "up": false real'
    )
    parser.add_argument(
        "--opportunities",
        type=int,
        default=None,
        help=f"how many deals to start with, default {sample.OPPORTUNITIES}",
    )
    parser.add_argument(
        "--state", type=Path, default=None, help="a file that keeps what was written over restarts"
    )
    parser.add_argument(
        "--past",
        action="store_true",
        help="a new world shows its last eighteen months while its clock is turned back, until it is used",
    )
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="'METHOD PATH KIND [xN] [name=value ...]'"
    )
    return parser


def default_port() -> int:
    """The environment is read here because this process has no other settings."""
    text = os.environ.get("SANDBOX_PORT", "")
    return int(text) if text.isdigit() else DEFAULT_PORT


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if find_spec("ninja") is None:
        print(NOT_INSTALLED, file=sys.stderr)
        return 2
    world = _world(options.state, options.opportunities, with_past=options.past)
    try:
        world.start_with(options.switch, [control.fault_from_words(words) for words in options.fault])
    except control.NotUnderstood as wrong:
        print(f"sandbox: {wrong}", file=sys.stderr)
        return 2
    return serve(world, default_port() if options.port is None else options.port, options.control_port)


def _world(state: Path | None, requested_count: int | None, *, with_past: bool) -> World:
    opportunities = sample.OPPORTUNITIES if requested_count is None else max(0, requested_count)
    if state is None:
        build = past.build if with_past else sample.build
        new = build(now=time.time(), opportunities=opportunities)
        return World(new, past=past.Past(new) if with_past else None)
    begun = begun_with(state)
    if begun is not None and requested_count is not None and begun != opportunities:
        print(
            f"sandbox: the world in {state} began with {begun} opportunities and goes on;"
            f" --opportunities {requested_count} is for a new one.",
            file=sys.stderr,
        )
    start, store, journal = open_world(
        state, now=time.time(), opportunities=opportunities, with_past=with_past
    )
    lives = past.Past(start) if with_past and begun is None else None
    return World(store, start=start, journal=journal, past=lives)


def serve(world: World, port: int, control_port: int | None) -> int:
    # Django is set up only now, so that a wrong argument is answered at once.
    os.environ["DJANGO_SETTINGS_MODULE"] = "opportunities.sandbox.settings"
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    listeners: list[Listener] = []
    for number, requested_port in enumerate((port, control_port)):
        if requested_port is None:
            continue
        try:
            listeners.append(Listener(requested_port, Handler, world, application, control=number == 1))
        except (OSError, OverflowError) as wrong:
            why = "taken" if isinstance(wrong, OSError) else "not between 0 and 65535"
            variable = "SANDBOX_PORT or --port" if number == 0 else "--control-port"
            print(f"sandbox: port {requested_port} is {why}; choose another ({variable}).", file=sys.stderr)
            return 2
    for listener in listeners:
        listener.main = listeners[0]
        listener.start()
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print(f"Sandbox ready: http://127.0.0.1:{listeners[0].port}/v1", flush=True)
    if len(listeners) > 1:
        print(f"Sandbox control: http://127.0.0.1:{listeners[1].port}/_control", flush=True)
    ended.wait()
    world.stopping.set()
    for listener in listeners:
        listener.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
