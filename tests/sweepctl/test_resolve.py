from __future__ import annotations

from collections.abc import Iterator

import pytest
from asking import Service

from service.client import Client
from service.errors import NotFound
from sweepctl import resolve
from sweepctl.exits import CliError, lines_of
from sweeps.trial import trial_id


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with service.client() as made:
        yield made


def test_a_sweep_by_id_prefix_and_name(client: Client, service: Service) -> None:
    whole = service.sweeps["done"].id
    for ref in (whole, whole[:20], "done"):
        assert resolve.sweep(client, ref).id == whole


def test_a_trial_by_id_prefix_and_number(client: Client, service: Service) -> None:
    sweep = service.sweeps["done"].id
    whole = trial_id(sweep, 3)
    for ref in (whole, whole[:20], f"{sweep}/3", f"{sweep[:20]}/3", "done/3", "done/03"):
        assert resolve.trial(client, ref).id == whole


def test_ambiguous_ones_list_their_candidates(client: Client, service: Service) -> None:
    twins = [service.submit("twin"), service.submit("twin")]
    with pytest.raises(CliError, match="'twin' fits 2") as caught:
        resolve.sweep(client, "twin")
    assert caught.value.code == 2
    said = "\n".join(lines_of(caught.value))
    for twin in twins:
        assert twin.id[:12] in said
    with pytest.raises(CliError, match=r"'swp_' fits \d+"):
        resolve.sweep(client, "swp_")
    with pytest.raises(CliError, match=r"'trl_' fits \d+"):
        resolve.trial(client, "trl_")


@pytest.mark.parametrize("ref", ["nothing", "swp_zzz", "trl_zzz", "nothing/3", "done/99"])
def test_what_is_not_there(client: Client, ref: str) -> None:
    with pytest.raises(CliError) as caught:
        (resolve.trial if resolve.is_trial(ref) else resolve.sweep)(client, ref)
    assert caught.value.code == 3
    assert caught.value.hint


def test_full_ids_that_are_not_there(client: Client) -> None:
    with pytest.raises(NotFound):
        resolve.sweep(client, "swp_" + "0" * 32)
    with pytest.raises(NotFound):
        resolve.trial(client, "trl_" + "0" * 32)


def test_a_missing_number_says_how_many_there_are(client: Client) -> None:
    with pytest.raises(CliError, match=r"\(done\) has no trial 99; it has 5 by now"):
        resolve.trial(client, "done/99")


@pytest.mark.parametrize("ref", ["done", "done/x", "done/-1"])
def test_what_can_be_no_trial(client: Client, ref: str) -> None:
    with pytest.raises(CliError) as caught:
        resolve.trial(client, ref)
    assert caught.value.code == 2
