"""A listening port of the sandbox, which can be closed and opened again while the sandbox runs."""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from typing import Any

from opportunities.sandbox.world import World

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Listener(ThreadingMixIn, TCPServer):
    """One listening port. `control` listeners answer `/_...` only."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        handler: type[BaseRequestHandler],
        world: World,
        application: Application,
        *,
        control: bool = False,
    ) -> None:
        self.world = world
        self.application = application
        self.control = control
        self.main: Listener = self
        self.open = False
        self.turning = threading.Lock()
        self._serving = threading.Event()
        self.to_reset: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread. Returns once it serves, so that `shut` never meets a server that is starting."""
        self.open = True
        self._serving.clear()
        name = f"port {self.port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True, name=name).start()
        self._serving.wait(5)

    def service_actions(self) -> None:
        """Called by `serve_forever` in each of its rounds."""
        self._serving.set()

    def shut(self) -> None:
        """Stop listening but keep the port: connects are refused."""
        if not self.open:
            return
        self.open = False
        self.shutdown()
        self.socket.close()
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_bind()

    def reopen(self) -> None:
        if not self.open:
            self.server_activate()
            self.start()

    def stop(self) -> None:
        if self.open:
            self.shutdown()
        self.server_close()

    def shutdown_request(self, request: Any) -> None:
        """Close with FIN, except a connection that must be reset."""
        if request in self.to_reset:
            self.to_reset.discard(request)
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not report a client that closed its connection early."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()
