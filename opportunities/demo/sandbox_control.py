"""The demo's page "Make Slant misbehave": ways the sandbox can behave, and how to ask for them.

The calls go to `/_control` of the sandbox on loopback, never to Slant: only the worker calls Slant.
"""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUT_SECONDS = 2
ANSWER_BYTES = 256 * 1024
WELL_BEHAVED: dict[str, Any] = {"reset": "faults", "up": True, "latency_ms": 0}


class NoSandbox(Exception):
    """No sandbox answers at SANDBOX_CONTROL_URL or SLANT_BASE_URL."""


@dataclass(frozen=True)
class SandboxBehaviour:
    """One way to behave: its words, and the settings `/_control` gets. Each starts from good behaviour."""

    key: str
    title: str
    button: str
    what: str
    then: str
    control: dict[str, Any]


NORMAL = SandboxBehaviour(
    "normal",
    "Back to normal",
    "Let Slant behave",
    "Slant answers at once and accepts what it is sent.",
    "Anything still waiting is sent automatically within a minute or two.",
    WELL_BEHAVED,
)
BEHAVIOURS = (
    SandboxBehaviour(
        "down",
        "Slant is down",
        "Take Slant down",
        "Slant does not answer until you choose something else.",
        "New deals are saved here and sent automatically, once each, when Slant is back. "
        "The pages keep working.",
        WELL_BEHAVED | {"up": False},
    ),
    SandboxBehaviour(
        "slow",
        "Slant is slow",
        "Make Slant slow",
        "Slant takes four seconds for every answer.",
        "The form still answers within two seconds, and the page for the deal tells you when Slant has it.",
        WELL_BEHAVED | {"latency_ms": 4000},
    ),
    SandboxBehaviour(
        "lost",
        "The next answer gets lost",
        "Lose the next answer",
        "Slant accepts the next new deal, but its answer never reaches us.",
        "The page for the deal says that Slant may have it already. "
        "Slantweb looks for it in Slant instead of sending it twice.",
        WELL_BEHAVED
        | {
            "faults": [
                {
                    "id": "lost",
                    "method": "POST",
                    "path": "/v1/opportunities",
                    "kind": "drop_after",
                    "times": 1,
                }
            ]
        },
    ),
    SandboxBehaviour(
        "limited",
        "Slant asks us to slow down",
        "Make Slant ask us to wait",
        "Slant answers every request with “too many requests, come back in 30 seconds”.",
        "Slantweb waits as long as it was asked to, then sends automatically. "
        "You do not have to enter anything again.",
        WELL_BEHAVED
        | {
            "faults": [
                {
                    "id": "limited",
                    "method": "*",
                    "path": "/v1/*",
                    "kind": "rate_limit",
                    "retry_after": 30,
                    "times": None,
                }
            ]
        },
    ),
    NORMAL,
)


def apply_behaviour(key: str) -> None:
    """Make the sandbox behave as the one of BEHAVIOURS with this key. Raises `NoSandbox`."""
    chosen = next(behaviour for behaviour in BEHAVIOURS if behaviour.key == key)
    ask_sandbox("POST", chosen.control)


def current_behaviour() -> SandboxBehaviour:
    """How the sandbox behaves now, as far as its settings show. Raises `NoSandbox`."""
    state = ask_sandbox("GET")
    active = {fault.get("id") for fault in state.get("faults", []) if fault.get("times") != 0}
    by_key = {behaviour.key: behaviour for behaviour in BEHAVIOURS}
    if not state.get("up", True):
        return by_key["down"]
    if active & {"lost", "limited"}:
        return by_key["limited" if "limited" in active else "lost"]
    return by_key["slow"] if state.get("latency_ms", 0) >= 1000 else NORMAL


def ask_sandbox(method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One exchange with `/_control`: plain http on loopback, no proxy, no redirect. Raises `NoSandbox`."""
    address = urlsplit(settings.SANDBOX_CONTROL_URL or settings.SLANT_BASE_URL)
    if address.scheme != "http" or address.hostname not in LOOPBACK:
        raise NoSandbox
    connection = HTTPConnection(address.hostname, address.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        payload = json.dumps(body) if body is not None else None
        connection.request(method, "/_control", payload, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read(ANSWER_BYTES)
        state = json.loads(text) if response.status == 200 else None
    except (OSError, HTTPException, ValueError) as problem:
        raise NoSandbox from problem
    finally:
        connection.close()
    if not isinstance(state, dict):
        raise NoSandbox
    return state
