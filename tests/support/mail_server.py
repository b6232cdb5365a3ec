"""A mail server on loopback that accepts mail, refuses it, hangs, or is down, as a test configures it."""

import contextlib
import socket
import threading
from email import message_from_string
from email.message import Message
from email.policy import default
from typing import Self


class MailServer:
    """Implements as much SMTP as a sender needs. `messages` are those it accepted.

    `mood` is what it does with the next connection: `take`; `refuse` every recipient; `hang` without an
    answer; `drip` single bytes, so that the socket's own timeout never ends.
    """

    def __init__(self) -> None:
        self.mood = "take"
        self.messages: list[Message] = []
        self.connections = 0
        self.port = 0
        self._over = threading.Event()
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.close()

    def open(self) -> None:
        """Listen, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=[self._listener], daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        if self._listener:
            # A thread that waits in accept() keeps the port open after close() alone.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self.mood == "hang":
                self._over.wait(60)
            elif self.mood == "drip":
                while not self._over.wait(0.05):
                    connection.sendall(b"2")
            else:
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            connection.sendall(b"220 mail.test\r\n")
            for line in lines:
                verb = line[:4].upper()
                if verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    text = b""
                    while (part := lines.readline()) != b".\r\n":
                        text += part
                    self.messages.append(message_from_string(text.decode(), policy=default))
                refused = verb == b"RCPT" and self.mood == "refuse"
                connection.sendall(b"550 not here\r\n" if refused else b"250 well\r\n")
                if verb == b"QUIT":
                    return
