"""A cache in Redis that holds JSON. Django's own uses pickle, so somebody who can write to Redis could run
code here.

No page needs Redis: while it does not answer, each process uses its own memory.
"""

import json
import logging
import time
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)

# Redis is near. If it hangs, a page waits for this long, and then no process uses it for some seconds.
ANSWER_SECONDS = 0.5
LEFT_ALONE_SECONDS = 5.0
AWAY = (redis.ConnectionError, redis.TimeoutError)


class JsonSerializer:
    """The serializer interface of Django's Redis client. Whole numbers are unchanged, so that Redis can
    count.
    """

    def dumps(self, value: Any) -> Any:
        return value if type(value) is int else json.dumps(value)

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class JsonRedisCache(RedisCache):
    """A value that is not JSON, or a counter that is not a number, counts as missing."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = params.get("OPTIONS", {}) | {"serializer": JsonSerializer()}
        options |= {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS}
        super().__init__(server, params | {"OPTIONS": options})
        # Keys added in this process still protect, in its own memory.
        self._own = LocMemCache("while-redis-is-away", {})
        self._away_until = float("-inf")

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return self._ask("get", key, default, version)
        except (ValueError, RecursionError):
            return default

    def add(self, key: Any, *arguments: Any, **named: Any) -> Any:
        return self._ask("add", key, *arguments, **named)

    def set(self, key: Any, *arguments: Any, **named: Any) -> Any:
        return self._ask("set", key, *arguments, **named)

    def delete(self, key: Any, *arguments: Any, **named: Any) -> Any:
        return self._ask("delete", key, *arguments, **named)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return int(self._ask("incr", key, delta, version))
        except redis.ResponseError as problem:
            self.delete(key, version=version)
            raise ValueError("not a number") from problem

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                return getattr(super(), method)(*arguments, **named)
            except AWAY as problem:
                self._away_until = time.monotonic() + LEFT_ALONE_SECONDS
                logger.warning("the cache does not answer: %s", type(problem).__name__)
        return getattr(self._own, method)(*arguments, **named)
