from __future__ import annotations

import math

import pytest
from asking import Service, until

from service.errors import NotFound, Unauthenticated
from sweepctl.feed import Feed


def test_it_gathers_both_signals_of_every_trial(service: Service) -> None:
    with service.client() as client, Feed(client, service.sweeps["done"].id) as feed:
        feed.finish(10)
        feed.wait(10)
    assert feed.signals.loss[3] == {3: 1.0}
    assert feed.signals.grad_norm[0] == {9: 1.0, 10: 1.0}
    assert feed.signals.loss[4] == {1: 2.0}


def test_a_sweep_that_runs_is_read_as_far_as_it_is(service: Service) -> None:
    with service.client() as client, Feed(client, service.sweeps["running"].id) as feed:
        until(lambda: 1 in feed.signals.loss)
        feed.wait(5)
    assert math.isnan(feed.signals.loss[1][4])


@pytest.mark.parametrize(
    ("token", "sweep_id", "error"),
    [(None, "swp_" + "0" * 32, NotFound), ("wrong", "swp_" + "0" * 32, Unauthenticated)],
)
def test_what_the_stream_breaks_with_is_raised_where_it_is_waited_for(
    service: Service, token: str | None, sweep_id: str, error: type[Exception]
) -> None:
    with (
        service.client(token) as client,
        Feed(client, sweep_id) as feed,
        pytest.raises(error),
    ):
        feed.wait(10)
