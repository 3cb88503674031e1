"""The public clients against a real service, each used in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import Service, finish_when_there
from scripted import Blocking

from service.errors import NotFound, Unauthenticated
from sweepctl import AsyncClient, Client


class Asking(Blocking):
    """The public AsyncClient."""

    kind = AsyncClient


@pytest.fixture(params=[Client, Asking], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Each kind of client."""
    return request.param


@pytest.fixture
def client(kind: Any, service: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One that finds the service by the environment."""
    monkeypatch.setenv("SWEEPCTL_SERVER", service.url)
    monkeypatch.setenv("SWEEPCTL_TOKEN", service.user)
    with kind() as found:
        yield found


def test_a_file_is_submitted_and_waited_for(
    client: Any, service: Service, spec_file: Path, kind: Any
) -> None:
    pool = f"script-{kind.__name__.lower()}"
    spec_file.write_text(spec_file.read_text().replace("nobody", pool))
    made = client.create(spec_file, f"key-{pool}")
    assert client.create(spec_file, f"key-{pool}").id == made.id
    with pytest.raises(TimeoutError):
        client.wait(made, timeout=0.1)
    with finish_when_there(service, pool, "DONE", "all done"):
        assert client.wait(made.id, timeout=20).message == "all done"


def test_trials_and_curves_are_tables(client: Any, service: Service) -> None:
    done = service.sweeps["done"]
    trials, curves = client.trials_frame(done), client.curves(done.id)
    assert list(trials.trial) == [0, 1, 2, 3, 4]
    assert list(trials.learning_rate) == [0.15, 0.1, 0.12, 0.25, 0.3]
    assert list(trials.state)[2:4] == ["DONE", "STOPPED"]
    last = curves.groupby("trial").last()
    assert list(last.eval_loss.dropna()) == list(trials.value.dropna())
    assert list(last.samples_seen) == list(trials.samples_seen)
    assert len(curves) == len(list(client.every_report(done.id)))


def test_errors_are_those_of_the_service(client: Any, kind: Any, service: Service) -> None:
    with pytest.raises(NotFound):
        client.wait("swp_" + "0" * 32)
    with kind(service.url, token="wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.pools()
