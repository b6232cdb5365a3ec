"""The network is off in tests, except this machine."""

import socket

import pytest
import requests

from tests.support.network import NetworkIsOff


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_another_machine_cannot_be_reached(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET

    with socket.socket(family) as plug, pytest.raises(NetworkIsOff):
        plug.connect(address)


def test_a_name_cannot_be_looked_up() -> None:
    with pytest.raises(NetworkIsOff):
        requests.get("https://slant.example/v1/me", timeout=1)


def test_this_machine_can_be_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=1) as client,
    ):
        assert client.getpeername() == server.getsockname()
