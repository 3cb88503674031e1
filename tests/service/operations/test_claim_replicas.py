"""Two services over one PostgreSQL, of which one's machine has a wrong clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from service_support import AGENT, Host, make_offer, make_spec, take, until

from service.clock import now
from service.settings import Settings

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])


@pytest.fixture(params=[-1, 1])
def astray(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Host]:
    """A second service; its machine is so many hours off."""
    quick = settings.model_copy(update={"renew_seconds": 0.2})
    found = Host(quick)
    clock = found.app.state.context.clock
    clock.wall = lambda: now() + timedelta(hours=request.param)
    found.start()
    yield found
    found.stop()


def test_a_held_lease_is_given_away_by_neither(host: Host, astray: Host) -> None:
    for number, (mine, other) in enumerate([(host, astray), (astray, host)]):
        with mine.client(AGENT) as agent, other.client(AGENT) as rival, other.client() as user:
            made = user.create_sweep(make_spec(pool=f"p{number}")).id
            lease = take(agent, pool=f"p{number}")
            assert rival.claim(make_offer("rival", f"p{number}")) is None
            assert user.get_sweep(made).driven
            assert agent.renew(made, lease.token).expires_in == 30
            assert all(one.alive for pool in user.pools().items for one in pool.agents)


def test_a_clock_that_jumps_is_set_again(host: Host, astray: Host) -> None:
    clock = astray.app.state.context.clock
    clock.wall = lambda: now() - timedelta(days=1)
    until(lambda: abs((clock.now() - now()).total_seconds()) < 2)
