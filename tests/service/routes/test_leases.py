"""Leases over bare HTTP."""

from __future__ import annotations

import httpx
import pytest
from service_support import AGENT, make_spec

from service.client import Client

HEADERS = {"Authorization": f"Bearer {AGENT}"}
OFFER = {"agent": "box", "pool": "default", "slots": 2, "recipes": ["toy"]}
PATH = "/api/v1/leases"


def test_nothing_waits_then_something(web: httpx.Client, user: Client) -> None:
    empty = web.post(PATH, json=OFFER, headers=HEADERS)
    assert (empty.status_code, empty.content) == (204, b"")
    sweep = user.create_sweep(make_spec()).id
    lease = web.post(PATH, json=OFFER, headers=HEADERS).json()
    assert set(lease) == {
        *("sweep", "spec", "state", "token", "slots", "expires_in", "renew_every"),
        *("commands", "tracking", "max_parallel"),
    }
    assert lease["sweep"] == sweep
    gone = web.delete(f"{PATH}/{sweep}", params={"token": 1}, headers=HEADERS)
    assert (gone.status_code, gone.content) == (204, b"")


@pytest.mark.parametrize(
    "change", [{"agent": ""}, {"slots": 0}, {"recipes": []}, {"pool": "a b"}, {"extra": 1}]
)
def test_offers_are_checked(web: httpx.Client, change: dict[str, object]) -> None:
    answer = web.post(PATH, json={**OFFER, **change}, headers=HEADERS)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{next(iter(change))}")
