"""The cache in Redis holds JSON. Django's own pickles, so whoever could write there could run code here."""

import json
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache


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
        super().__init__(server, params | {"OPTIONS": options})

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except (ValueError, RecursionError):
            return default

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        try:
            return super().incr(key, delta, version)
        except redis.ResponseError as problem:
            self.delete(key, version)
            raise ValueError("not a number") from problem
