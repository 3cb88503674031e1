from __future__ import annotations

from asking import Cli, Service, failed_script

from service.schemas import SweepDetail
from sweeps.lifecycle import SweepState, TrialState


def failed(service: Service, name: str) -> SweepDetail:
    """A sweep of one trial, which failed."""
    made = service.submit(name)
    service.tell(service.claim(name), failed_script(), "FAILED", "every trial failed")
    return made


def test_all_failed_trials_of_a_sweep(cli: Cli, service: Service) -> None:
    made = failed(service, "retry-all")
    result = cli("retry", "retry-all")
    assert result.exit_code == 0
    assert result.stdout == f"{made.id}\n"
    assert "the sweep is QUEUED" in result.stderr
    assert result.stderr.splitlines()[-1] == f"next: sweepctl watch {made.id[:12]}"
    with service.client() as client:
        assert client.get_sweep(made.id).state is SweepState.QUEUED


def test_one_trial(cli: Cli, service: Service) -> None:
    made = failed(service, "retry-one")
    result = cli("retry", "retry-one/0")
    assert result.exit_code == 0
    assert result.stdout.startswith("trl_")
    assert f"retry trial 0 of {made.id[:12]}" in result.stderr
    with service.client() as client:
        assert client.get_sweep(made.id).state is SweepState.QUEUED
        assert [one.kind for one in client.get_sweep(made.id).pending] == ["retry_trial"]


def test_nothing_failed_is_a_conflict(cli: Cli, service: Service) -> None:
    short = service.sweeps["done"].id[:12]
    for ref, look in (("done", f"get trials {short}"), ("done/1", f"why {short}/1")):
        result = cli("retry", ref)
        assert result.exit_code == 5
        assert result.stdout == ""
        assert result.stderr.splitlines()[-1] == f"next: sweepctl {look}"
    with service.client() as client:
        (first, *_) = client.every_trial(service.sweeps["done"].id)
        assert first.state is TrialState.DONE


def test_what_is_not_there(cli: Cli) -> None:
    assert cli("retry", "nothing").exit_code == 3
    assert cli("retry", "done/99").exit_code == 3
