"""Which ports are free, and where the sandbox's switches listen."""

import os
import socket
from urllib.parse import urlsplit

from django.conf import settings


def why_not_free(port: int) -> str:
    """Why nothing can listen on `port`, as words for a sentence; "" if it is free."""
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            plug.bind(("127.0.0.1", port))
            # Only listening fails where another process bound the port with SO_REUSEADDR too.
            plug.listen(1)
        except PermissionError:
            return "is not ours to use"
        except OSError:
            return "is taken"
    return ""


def choose_control_port() -> int:
    """The port of the sandbox's switches: that of SANDBOX_CONTROL_URL if it is free, else any free one."""
    port_set = urlsplit(settings.SANDBOX_CONTROL_URL).port
    if port_set and port_set not in (settings.PORT, settings.SANDBOX_PORT) and not why_not_free(port_set):
        return port_set
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def record_control_url(control_url: str) -> None:
    """Write the address of the sandbox's switches into `demo.env`, where scripts find it."""
    file = settings.VAR_DIR / "demo.env"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("SANDBOX_CONTROL_URL=")]
    draft = file.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("\n".join([*lines, f"SANDBOX_CONTROL_URL={control_url}\n"]))
    draft.replace(file)
