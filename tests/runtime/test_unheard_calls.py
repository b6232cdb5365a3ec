"""Over real sockets: a call that sent no byte costs no budget, and one that may have reached Slant does."""

import socket
from collections.abc import Iterator

import pytest

from opportunities.delivery import connection
from opportunities.runtime import budget
from opportunities.runtime.budget import Share
from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from tests.slant.servers import TOKEN, always, serving
from tests.support.slant_box import TurnedClock


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def full_port() -> Iterator[int]:
    """A listener that accepts nobody, with a full queue: connecting takes for ever."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        yield int(full.getsockname()[1])
        for filler in fillers:
            filler.close()


def spent_on(url: str, clock: TurnedClock) -> int:
    """The calls counted for one read that fails."""
    slant = SlantClient(url, TOKEN, connect_timeout=0.3, total_timeout=1.0)
    left = budget.calls_left(clock)
    with pytest.raises(SlantError):
        connection.metered(slant, Share.PEOPLE, clock).me()
    return left - budget.calls_left(clock)


def test_a_refused_connection_costs_nothing(db: None, clock: TurnedClock, closed_port: int) -> None:
    assert spent_on(f"http://127.0.0.1:{closed_port}/v1", clock) == 0


def test_a_connection_that_is_not_made_in_time_costs_nothing(
    db: None, clock: TurnedClock, full_port: int
) -> None:
    assert spent_on(f"http://127.0.0.1:{full_port}/v1", clock) == 0


def test_a_name_that_nobody_knows_costs_nothing(
    db: None, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert spent_on("https://slant.example/v1", clock) == 0


def test_a_tls_handshake_that_fails_costs_nothing(db: None, clock: TurnedClock) -> None:
    with serving(always(200)) as server:
        assert spent_on(server.url.replace("http:", "https:"), clock) == 0


@pytest.mark.parametrize("status", [503, 429, 401])
def test_what_slant_answers_costs_its_call(db: None, clock: TurnedClock, status: int) -> None:
    with serving(always(status)) as server:
        assert spent_on(server.url, clock) == 1
