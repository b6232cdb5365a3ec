"""A private Redis server for a test; on Debian installed if it is not there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support import provision


@contextmanager
def redis_server(home: Path) -> Iterator[str]:
    """Yields its URL. Skips the test if no Redis is available, but not in CI."""
    binary = shutil.which("redis-server")
    if binary is None:
        try:
            provision._apt_install("redis-server")
        except provision.Missing as problem:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(problem))
        binary = shutil.which("redis-server") or "redis-server"
    port = provision.free_port()
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"redis://127.0.0.1:{port}/0"
        client = redis.Redis.from_url(url, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 50))
        client.ping()
        client.close()
        yield url
    finally:
        server.terminate()
        server.wait(10)
