"""Tests connect only to this machine."""

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class NetworkIsOff(AssertionError):
    """A test tried to connect to another machine. Use the sandbox, or a fake for what the sandbox cannot
    answer.
    """


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise NetworkIsOff(f"A test tried to reach {address[0]!r}.")
        return original(self, address)

    return connect


@contextmanager
def network_off() -> Iterator[None]:
    """Refuse names and addresses that are not loopback, in this process, for as long as the block lasts."""
    look_up = socket.getaddrinfo
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def look_up_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_loopback(host):
            raise NetworkIsOff(f"A test tried to look up {host!r}.")
        return look_up(host, *args, **kwargs)

    socket.getaddrinfo = look_up_here
    socket.socket.connect = _guarded(connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = _guarded(connect_ex)  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.getaddrinfo = look_up
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]
