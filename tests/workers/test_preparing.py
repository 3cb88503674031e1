from __future__ import annotations

import json
from pathlib import Path

import pytest
import toy_recipe
from e2e_support import sft_spec, write_data
from tests_support import toy_spec

from service.schemas import PastPoint, PastSweep, PastSweeps, PastTrial
from sweeps.checks import check
from sweeps.errors import SpecError
from sweeps.journal import Asked, Entry, PastCurves, Prepared, fold
from sweeps.spec import SweepSpec, parse
from sweeps.trial import Role
from workers.preparing import device_of, past_curves, prepare, trial_resources
from workers.settings import WorkerSettings


def test_epochs_become_samples(settings: WorkerSettings) -> None:
    prepared = prepare(toy_spec(horizon={"epochs": 1.5}), settings, "cpu")
    assert (prepared.horizon_samples, prepared.train_samples) == (960, 640)
    assert (prepared.device_kind, prepared.devices_per_trial) == ("cpu", 1)


def test_phases_get_their_lengths_and_what_does_not_add_up_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "one.jsonl", 10, seed=1)
    write_data(tmp_path / "two.jsonl", 30, seed=2)
    write_data(tmp_path / "eval.jsonl", 4, seed=3)
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))

    def prepared(*lengths: dict[str, int]) -> Prepared:
        files = [{"data": str(tmp_path / name)} for name in ("one.jsonl", "two.jsonl")]
        work = {
            "model": {"tiny": "llama"},
            "data": {"eval": str(tmp_path / "eval.jsonl")},
            "strategy": {"phased": [one | two for one, two in zip(files, lengths, strict=True)]},
        }
        spec = sft_spec("phases", tmp_path, workload=work, horizon={"epochs": 3})
        return prepare(spec, settings, "cpu")

    assert (prepared({}, {}).horizon_samples, prepared({}, {}).train_samples) == (120, 40)
    assert prepared({}, {}).phase_samples == [30, 90]
    assert prepared({"epochs": 7}, {}).phase_samples == [70, 50]
    with pytest.raises(SpecError, match="add up to 90 samples, the horizon is 120"):
        prepared({"epochs": 3}, {"epochs": 2})


def test_devices_of_a_trial_are_gpus_on_a_gpu_pool(settings: WorkerSettings) -> None:
    spec = toy_spec(resources={"gpus_per_trial": 0.5, "cpus_per_trial": 3})
    assert prepare(spec, settings, "cuda").devices_per_trial == 0.5
    assert prepare(spec, settings, "cpu").devices_per_trial == 3


def test_a_recipe_for_it_runs_as_one_process_a_device(settings: WorkerSettings) -> None:
    two, half = ({"gpus_per_trial": gpus} for gpus in (2, 0.5))
    assert prepare(toy_spec(resources=two), settings, "cuda").ranks == 2
    assert prepare(toy_spec(resources=half), settings, "cuda").ranks == 1
    # On CPUs it is the operator's to say.
    assert prepare(toy_spec(), settings, "cpu").ranks == 1
    divided = settings.model_copy(update={"cpu_ranks": 3})
    spec = toy_spec()
    prepared = prepare(spec, divided, "cpu")
    assert (prepared.ranks, prepared.devices_per_trial) == (3, 3)
    assert trial_resources(spec, prepared, {"CPU": 4})["cpu"] == 3
    with pytest.raises(SpecError, match="more than a node of the pool 'default' has"):
        trial_resources(spec, prepared, {"CPU": 2})


def test_a_recipe_that_is_not_for_it_gets_all_devices_in_one_process(
    settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy_recipe, "RANKED", False)
    spec = toy_spec(resources={"gpus_per_trial": 2})
    prepared = prepare(spec, settings, "cuda")
    assert prepared.ranks == 1
    assert trial_resources(spec, prepared, {"CPU": 4, "GPU": 2})["gpu"] == 2


def test_data_is_counted_and_digested(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 30, seed=1)
    write_data(tmp_path / "eval.jsonl", 4, seed=2)
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))
    prepared = prepare(sft_spec("count", tmp_path), settings, "cpu")
    assert (prepared.train_samples, prepared.eval_samples) == (30, 4)
    write_data(tmp_path / "train.jsonl", 30, seed=3)
    assert prepare(sft_spec("count", tmp_path), settings, "cpu").data_digest != prepared.data_digest


def test_the_rows_that_the_recipe_can_make_are_journalled(
    tmp_path: Path, settings: WorkerSettings
) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    write_data(tmp_path / "eval.jsonl", 3, seed=2)
    ours = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))
    rows = prepare(sft_spec("rows", tmp_path), ours, "cpu").rows
    assert rows == [Role.BASE, Role.PRESET]
    assert prepare(toy_spec(), settings, "cpu").rows == []


def test_a_base_row_that_the_recipe_cannot_make_is_refused(settings: WorkerSettings) -> None:
    with pytest.raises(SpecError, match="/spec/baselines/base: the recipe toy cannot evaluate"):
        prepare(toy_spec(baselines={"base": True}), settings, "cpu")


def test_a_metric_that_the_data_does_not_give_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    write_data(tmp_path / "eval.jsonl", 3, seed=2)
    question = {"question": "2+2?", "choices": ["3", "4"], "answer": "B"}
    (tmp_path / "mmlu.jsonl").write_text(json.dumps(question) + "\n")
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))

    def spec(name: str, held_out: str) -> SweepSpec:
        changed = sft_spec("metric", tmp_path, metric={"name": name, "goal": "maximize"}).dump()
        changed["spec"]["workload"]["data"]["eval"] = str(tmp_path / held_out)
        found = parse(changed)
        check(found)  # nobody has looked into the files there
        return found

    assert prepare(spec("eval_accuracy", "mmlu.jsonl"), settings, "cpu").eval_samples == 1
    assert prepare(spec("loss", "mmlu.jsonl"), settings, "cpu").eval_samples == 1
    with pytest.raises(SpecError, match="There is: eval_loss, loss, grad_norm") as caught:
        prepare(spec("eval_accuracy", "eval.jsonl"), settings, "cpu")
    assert [fault.pointer for fault in caught.value.faults] == ["/spec/metric/name"]
    with pytest.raises(SpecError, match="There is: eval_accuracy, eval_accuracy_norm, loss"):
        prepare(spec("eval_loss", "mmlu.jsonl"), settings, "cpu")


def test_data_outside_the_roots_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    settings = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path / "elsewhere"))
    with pytest.raises(SpecError, match="/spec/workload/data/train"):
        prepare(sft_spec("outside", tmp_path), settings, "cpu")


@pytest.mark.parametrize(
    ("wanted", "kind", "given"),
    [
        ({}, "cpu", {"cpu": 1, "gpu": 0}),
        ({"cpus_per_trial": 2}, "cpu", {"cpu": 2, "gpu": 0}),
        ({"gpus_per_trial": 0.5}, "cuda", {"cpu": 1, "gpu": 0.5}),
    ],
)
def test_what_ray_must_give(
    wanted: dict[str, float], kind: str, given: dict[str, float], settings: WorkerSettings
) -> None:
    spec = toy_spec(resources=wanted)
    prepared = prepare(spec, settings, kind)
    assert trial_resources(spec, prepared, {"CPU": 4, "GPU": 1}) == given


@pytest.mark.parametrize("field", ["cpus_per_trial", "gpus_per_trial"])
def test_more_than_the_cluster_has_is_refused(field: str, settings: WorkerSettings) -> None:
    spec = toy_spec(resources={field: 1 if field.startswith("gpu") else 64})
    prepared = Prepared(horizon_samples=1, devices_per_trial=1)
    with pytest.raises(SpecError, match=f"/spec/resources/{field}"):
        trial_resources(spec, prepared, {"CPU": 4})


def test_a_cluster_without_nodes_refuses_nothing(settings: WorkerSettings) -> None:
    """They are not up yet, or are being replaced: the trial waits for them."""
    spec = toy_spec(resources={"cpus_per_trial": 64})
    prepared = Prepared(horizon_samples=1, devices_per_trial=1)
    for empty in ({}, {"CPU": 0.0}):
        assert trial_resources(spec, prepared, empty) == {"cpu": 64, "gpu": 0}


@pytest.mark.parametrize(
    ("cluster", "expected", "found"),
    [
        ({"CPU": 8, "GPU": 2}, "cpu", "cuda"),
        ({"CPU": 8}, "cuda", "cpu"),
        ({}, "cuda", "cuda"),
        ({"CPU": 0.0}, "cpu", "cpu"),
    ],
)
def test_what_trials_run_on(cluster: dict[str, float], expected: str, found: str) -> None:
    assert device_of(cluster, expected) == found


PAST = PastSweeps(
    items=[
        PastSweep(
            sweep="swp_" + "1" * 32,
            higher=False,
            trials=[
                PastTrial(
                    params={"learning_rate": 0.1},
                    final=1.5,
                    points=[PastPoint(share=0.05, samples=5, loss=2.0, grad_norm=None, metric=3.0)],
                )
            ],
        )
    ]
)


def entry(body: Prepared | Asked | PastCurves, seq: int = 1) -> Entry:
    return Entry(seq=seq, at="2026-11-21T09:00:00Z", body=body)


def test_past_curves_are_asked_for_once() -> None:
    spec = toy_spec(pruning={"type": "early_dynamics", "history": True})
    prepared = entry(Prepared(horizon_samples=64))
    found = past_curves(spec, [prepared], lambda: PAST)
    assert found is not None
    # The journal's text comes back as the same evidence.
    again = Entry.model_validate_json(entry(found, 2).model_dump_json())
    assert fold([prepared, again]).evidence == [
        {
            "sweep": "swp_" + "1" * 32,
            "higher": False,
            "trials": [
                {
                    "params": {"learning_rate": 0.1},
                    "final": 1.5,
                    "points": [
                        {"share": 0.05, "samples": 5, "loss": 2.0, "grad_norm": None, "metric": 3.0}
                    ],
                }
            ],
        }
    ]
    assert past_curves(spec, [prepared, again], unasked) is None


def test_where_there_is_nothing_to_learn_from_the_journal_says_so() -> None:
    spec = toy_spec(pruning={"type": "early_dynamics", "history": True})
    found = past_curves(spec, [], lambda: PastSweeps(items=[]))
    assert found == PastCurves(curves=[])
    assert past_curves(spec, [entry(found)], unasked) is None


def test_past_curves_are_not_asked_for_unless_wanted() -> None:
    plain, without = {"type": "early_dynamics"}, {"type": "never"}
    for pruning in (plain, without):
        assert past_curves(toy_spec(pruning=pruning), [], unasked) is None
    # A sweep that began without them goes on without them.
    spec = toy_spec(pruning={**plain, "history": True})
    assert past_curves(spec, [entry(Asked(trial=0, params={}))], unasked) is None


def unasked() -> PastSweeps:
    raise AssertionError("nobody may ask")


def test_limits_need_a_recipe_that_can_evaluate_its_base_model(settings: WorkerSettings) -> None:
    metric = {"name": "eval_loss", "goal": "minimize", "max_drop": {"eval_kept_accuracy": 0.1}}
    with pytest.raises(SpecError, match="/spec/metric/max_drop: the recipe toy cannot evaluate"):
        prepare(toy_spec(metric=metric), settings, "cpu")


def test_judges_and_tasks_are_the_operators(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    write_data(tmp_path / "eval.jsonl", 3, seed=2)
    plain = sft_spec("judged", tmp_path).dump()
    plain["spec"]["evaluation"] = {"judge": "length"}
    ours = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))
    with pytest.raises(SpecError, match="/spec/evaluation/judge: no judge of this name"):
        prepare(parse(plain), ours, "cpu")
    ours = ours.model_copy(update={"judges": "length=judges_of_tests:length"})
    assert prepare(parse(plain), ours, "cpu").train_samples == 3


def test_a_limit_that_the_data_does_not_give_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path / "train.jsonl", 3, seed=1)
    write_data(tmp_path / "eval.jsonl", 3, seed=2)
    plain = sft_spec("limits", tmp_path).dump()
    plain["spec"]["metric"]["max_drop"] = {"eval_accuracy": 0.1}
    del plain["spec"]["baselines"]
    check(parse(plain))
    ours = WorkerSettings(storage=tmp_path, data_roots=str(tmp_path))
    with pytest.raises(SpecError, match="/spec/metric/max_drop/eval_accuracy: the evaluation data"):
        prepare(parse(plain), ours, "cpu")
