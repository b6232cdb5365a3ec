"""HTTP by hand, to see what really comes over the socket."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.sandbox_process import WRITE_TOKEN


@dataclass
class Reply:
    """`cut`: the connection ended before the announced length."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool = False

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection that stays open for as long as the server lets it."""

    def __init__(self, port: int, timeout: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.file = self.socket.makefile("rb")

    def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = WRITE_TOKEN, **headers: str
    ) -> None:
        raw = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(raw)}"]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if body is not None:
            lines.append("Content-Type: application/json")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + raw)

    def read(self, *, head: bool = False) -> Reply | None:
        """The next answer; None if the server closed without a byte. A reset raises ConnectionResetError."""
        line = self.file.readline()
        if not line:
            return None
        headers: dict[str, str] = {}
        while text := self.file.readline().strip().decode():
            name, _, value = text.partition(": ")
            headers[name] = value
        length = 0 if head else int(headers.get("Content-Length", 0))
        body = self.file.read(length)
        return Reply(int(line.split()[1]), headers, body, cut=len(body) < length)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Reply | None:
        self.send(method, path, body, **more)
        return self.read()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
