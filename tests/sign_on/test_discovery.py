"""What is remembered of the provider is fetched once, however many people sign in at the same moment."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from slantweb import discovery
from tests.sign_on.forger import Forger


def test_who_signs_in_while_the_keys_are_fetched_waits_for_them(
    forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    fetch = discovery._fetch_json

    def slowly(address: str, *given: Any) -> dict[str, Any]:
        asked.append(address)
        time.sleep(0.1)
        return fetch(address, *given)

    monkeypatch.setattr(discovery, "_fetch_json", slowly)
    kid = fetch(forger.config["jwks_uri"])["keys"][0]["kid"]

    with ThreadPoolExecutor(4) as people:
        found = list(people.map(discovery.find_key, [kid] * 4))

    assert [key["kid"] for key in found] == [kid] * 4
    assert asked.count(forger.config["jwks_uri"]) == 1
