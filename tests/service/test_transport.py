"""One connection pool: streams that are over, and proxies, against small servers on loopback.

What both clients must do alike is in tests/contracts/test_clients.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from scripted import serving

from service.calls import watch_sweep
from service.client import Client
from service.errors import Unreachable
from service.exchange import Address
from service.transport import Transport

SWEEP = "swp_" + "0" * 32
AWAY = (503, "text/plain", b"restarting")
EMPTY = (200, "application/json", b'{"items":[]}')

serve = pytest.fixture(serving)


def test_a_stream_can_be_over(serve: Any) -> None:
    server = serve((204, "text/event-stream", b""))
    wire = Transport(Address(server.url, None, 5), 0)
    assert wire.stream(watch_sweep(SWEEP), 5) is None
    wire.close()


PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Any:
    """proxied(url): from now on the user's proxy is there, for every address."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def set_all(url: str) -> None:
        for name in PROXIES:
            monkeypatch.setenv(name, url)

    return set_all


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_loopback_is_asked_without_a_proxy(serve: Any, proxied: Any, host: str) -> None:
    server, proxy = serve(EMPTY), serve(AWAY)
    proxied(proxy.url)
    with Client(server.url.replace("127.0.0.1", host), retries=0) as client:
        assert client.pools().items == []
    assert not proxy.seen


def test_loopback_of_ipv6_is_asked_without_a_proxy(serve: Any, proxied: Any) -> None:
    """Nobody listens there: what counts is that the proxy hears nothing."""
    proxy = serve(EMPTY)
    proxied(proxy.url)
    with Client("http://[::1]:9", retries=0) as client, pytest.raises(Unreachable):
        client.pools()
    assert not proxy.seen


def test_other_hosts_are_asked_through_the_proxy(serve: Any, proxied: Any) -> None:
    proxy = serve(EMPTY)
    proxied(proxy.url)
    with Client("http://sweeps.invalid", retries=0) as client:
        assert client.pools().items == []
    assert [request.path for request in proxy.seen] == ["http://sweeps.invalid/api/v1/pools"]
