from __future__ import annotations

from typing import Any

import pytest
from stories import Script, make_spec, plain

from sweeps.journal import CommandApplied
from sweeps.lifecycle import SweepState
from sweeps.space import grid
from sweeps.spec import parse, parse_text
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_runs import FAILED, FINISHED, KILLED, RUNNING
from workers.sinks.mlflow_sweep import state_of, sweep_picture, winner_yaml

SWEEP = "swp_" + "1" * 32


def chronicle_of(script: Script | None = None) -> Chronicle:
    chronicle = Chronicle(make_spec())
    for entry in script.entries if script else []:
        chronicle.take(entry)
    return chronicle


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (SweepState.RUNNING, RUNNING),
        (SweepState.PAUSED, RUNNING),
        (SweepState.STOPPING, RUNNING),
        (SweepState.DONE, FINISHED),
        (SweepState.CANCELLED, KILLED),
        (SweepState.FAILED, FAILED),
    ],
)
def test_the_status_follows_the_state(state: SweepState, status: str) -> None:
    picture = sweep_picture(chronicle_of(), SWEEP, state, "", 0, 0)
    assert picture.status == status
    assert picture.tags["sweep.state"] == state.value


def test_params_say_how_it_searches_and_tags_what_it_ran_on() -> None:
    picture = sweep_picture(
        chronicle_of(Script(data_digest="sha256:abc")), SWEEP, SweepState.RUNNING, "note", 0, 0
    )
    wanted = {
        "recipe": "sft",
        "model": "tiny llama",
        "method": "grid",
        "pruning": "early_dynamics",
        "metric": "eval_loss",
        "goal": "minimize",
        "horizon": "samples: 1000",
        "horizon_samples": "1000",
        "points": "10",
        "space.learning_rate": "values: [0.1, 0.2, 0.3]",
    }
    assert wanted.items() <= picture.params.items()
    assert picture.tags["sweep.data_digest"] == "sha256:abc"
    assert picture.tags["sweep.code_version"]
    assert picture.tags["mlflow.source.type"] == "JOB"
    assert picture.tags["mlflow.note.content"] == "note"


def test_what_is_not_known_yet_is_not_written() -> None:
    picture = sweep_picture(chronicle_of(), SWEEP, SweepState.RUNNING, "", 0, 0)
    assert "horizon_samples" not in picture.params
    assert "sweep.data_digest" not in picture.tags


def test_labels_are_tags() -> None:
    data = plain()
    data["metadata"]["labels"] = {"team": "nlp"}
    picture = sweep_picture(Chronicle(parse(data)), SWEEP, SweepState.RUNNING, "", 0, 0)
    assert picture.tags["sweep.label.team"] == "nlp"


def test_the_state_while_a_driver_has_it() -> None:
    script = Script()
    assert state_of(chronicle_of(script)) is SweepState.RUNNING
    script.add(CommandApplied(command="c1", kind="pause"))
    assert state_of(chronicle_of(script)) is SweepState.PAUSED
    script.add(CommandApplied(command="c2", kind="cancel"))
    assert state_of(chronicle_of(script)) is SweepState.STOPPING


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": {"type": "random"}, "budget": {"trials": 5}},
        {"confirm": {"top": 1, "seeds": 2}},
        {"pruning": {"type": "halving", "eta": 2}},
        {"workload": {"model": "org/model", "data": {"train": "a.jsonl"}}},
        {"horizon": {"epochs": 1.5}},
    ],
)
def test_the_winner_is_a_spec_of_one_configuration(changes: dict[str, Any]) -> None:
    spec = make_spec(**changes)
    params = {"global_batch_size": 20, "learning_rate": 1e-5, "lr_scheduler_type": "cosine"}
    winner = parse_text(winner_yaml(spec, dict(params)))
    assert list(grid(winner.spec.parameters)) == [params]
    assert winner.spec.workload == spec.spec.workload
    assert (winner.spec.confirm, winner.spec.baselines.preset) == (None, None)
    assert winner.spec.horizon == spec.spec.horizon
    assert winner.metadata.name == "test-winner"


def test_the_winner_of_a_sweep_with_a_long_name_parses() -> None:
    data = plain()
    data["metadata"]["name"] = "x" * 100
    assert parse_text(winner_yaml(parse(data), {"learning_rate": 0.1}))
