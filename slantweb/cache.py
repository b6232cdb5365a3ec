"""The cache in Redis holds JSON. Django's own pickles, so whoever could write there could run code here.

No page needs Redis: while it does not answer, each process remembers for itself.
"""

import json
import logging
import time
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)

# Redis is near. One that hangs holds up a page for so long, and then nobody asks it for some seconds.
ANSWER_SECONDS = 0.5
LEFT_ALONE_SECONDS = 5.0
AWAY = (redis.ConnectionError, redis.TimeoutError)


class JsonSerializer:
    """What Django's client of Redis asks for. Whole numbers stay as they are, so that Redis can count."""

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class JsonRedisCache(RedisCache):
    """A value that is no JSON, or no number where one is counted, is one that is not there."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = params.get("OPTIONS", {}) | {"serializer": JsonSerializer()}
        options |= {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        super().__init__(server, params | {"OPTIONS": options})
        # What is added there guards as before, in this process.
        self._own = LocMemCache("while-redis-is-away", {})
        self._away_until = float("-inf")

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return self._ask("get", key, default, version)
        except (ValueError, RecursionError):
            return default

    def add(self, key: Any, *given: Any, **named: Any) -> Any:
        return self._ask("add", key, *given, **named)

    def set(self, key: Any, *given: Any, **named: Any) -> Any:
        return self._ask("set", key, *given, **named)

    def delete(self, key: Any, *given: Any, **named: Any) -> Any:
        return self._ask("delete", key, *given, **named)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return int(self._ask("incr", key, delta, version))
        except redis.ResponseError as problem:
            self.delete(key, version=version)
            raise ValueError("not a number") from problem

    def _ask(self, what: str, *given: Any, **named: Any) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return getattr(super(), what)(*given, **named)
            except AWAY as problem:
                self._away_until = time.monotonic() + LEFT_ALONE_SECONDS
                logger.warning("the cache does not answer: %s", type(problem).__name__)
        return getattr(self._own, what)(*given, **named)
