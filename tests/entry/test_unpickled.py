"""Nothing from outside the process is unpickled: no session, and nothing in the cache."""

import base64
import pickle
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from pytest_django import Settings

from opportunities.models import Person
from slantweb.variables import Variables
from tests.support.redis_server import redis_server

JSON_SALT = "django.contrib.sessions.SessionStore"


class Poison:
    """Unpickled, it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.mark), "w")


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "unpickled"


def test_the_poison_works(mark: Path) -> None:
    pickle.loads(pickle.dumps(Poison(mark))).close()  # noqa: S301 - that is the point

    assert mark.exists()


@pytest.mark.parametrize(
    "url",
    [
        "dbcache://cache_table",
        "filecache:///var/tmp/cache",
        "memcache://127.0.0.1:11211",
        "pymemcache://127.0.0.1:11211",
        "pylibmc://127.0.0.1:11211",
    ],
)
def test_a_cache_that_django_unpickles_is_refused_at_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_URL", url)

    with pytest.raises(
        ImproperlyConfigured, match="CACHE_URL: a cache in files, in the database or in mem"
    ) as no:
        Variables().cache("CACHE_URL")

    assert "could run code here. Use redis:// or rediss://, or leave it empty." in str(no.value)
    assert url.partition("://")[2] not in str(no.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "rediscache"])
def test_every_way_to_name_redis_gets_the_cache_that_holds_json(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_URL", f"{scheme}://127.0.0.1:1/0?serializer=pickle")

    assert Variables().cache("CACHE_URL")["BACKEND"] == "slantweb.cache.JsonRedisCache"


def test_without_a_cache_it_is_the_memory_of_the_process() -> None:
    assert isinstance(caches["default"], LocMemCache)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[BaseCache, "redis.Redis"]]:
    """The cache as settings make it of a Redis, and that Redis as an attacker has it."""
    with redis_server(tmp_path) as url:
        monkeypatch.setenv("CACHE_URL", url)
        config = Variables().cache("CACHE_URL")
        cache = import_string(config["BACKEND"])(config["LOCATION"], config)
        attacker = redis.Redis.from_url(url)
        yield cache, attacker
        attacker.close()
        cache._cache.get_client().close()


def test_redis_holds_json_and_what_else_stands_there_is_not_there(
    shared: tuple[BaseCache, "redis.Redis"], mark: Path
) -> None:
    cache, attacker = shared
    cache.set("document", {"keys": [{"kid": "1"}], "n": 1, "good": True})
    cache.add("count", 0)
    assert cache.get("document") == {"keys": [{"kid": "1"}], "n": 1, "good": True}
    assert (cache.incr("count"), cache.incr("count"), cache.get("count")) == (1, 2, 2)
    assert attacker.get(":1:document") == b'{"keys": [{"kid": "1"}], "n": 1, "good": true}'

    rubbish = [
        pickle.dumps(Poison(mark)),
        pickle.dumps(Poison(mark), protocol=0),
        b"\xff\x00",
        b"[" * 100_000,
    ]
    for value in rubbish:
        attacker.set(":1:document", value)
        attacker.set(":1:count", value)
        assert cache.get("document", "absent") == "absent"
        assert cache.get("count", 0) == 0
        # As limits count: what cannot be counted begins anew.
        with pytest.raises(ValueError, match="not a number"):
            cache.incr("count")
        assert cache.add("count", 0)
        assert cache.incr("count") == 1
    assert not mark.exists()


def test_a_pickle_in_a_session_is_no_session_even_with_our_signature(
    db: None, manager: Person, mark: Path, settings: Settings
) -> None:
    client = Client()
    client.force_login(manager)
    assert client.get("/settings/sending/").status_code == 200
    row = Session.objects.get()
    poison = pickle.dumps(Poison(mark))
    packed = "." + base64.urlsafe_b64encode(zlib.compress(poison)).rstrip(b"=").decode()
    forged = [
        poison.hex(),
        base64.b64encode(poison).decode(),
        base64.b64encode(b"hash:" + poison).decode(),
        signing.TimestampSigner(salt=JSON_SALT).sign(packed),
    ]
    for data in forged:
        Session.objects.update_or_create(
            session_key=row.session_key,
            defaults={"session_data": data, "expire_date": timezone.now() + timedelta(hours=1)},
        )

        assert client.get("/settings/sending/").status_code == 302
        assert not mark.exists()
        client.cookies["sessionid"] = row.session_key
    assert settings.SESSION_SERIALIZER.endswith(".JSONSerializer")
