from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import WORDS, RecordingLink, Run, make_run, tiny_workload, write_rows
from safetensors.torch import load_file
from trained import same, weights

from sweeps.errors import SweepError
from sweeps.points import Stage
from sweeps.trial import Params, Report
from workers.recipes.context import Order, Paused, Stopped
from workers.recipes.parts.facts import prepare
from workers.recipes.parts.gradient import BatchSum, GlobalGradient
from workers.recipes.sft import run
from workers.recipes.shared import SharedFolder, SharedPhases
from workers.roots import DataRoots

# 3 steps of 4 samples, then 2 of 6: 24 samples. Points lie at 8, 18 (of 16) and 24.
STAGES = (Stage(12), Stage(12, global_batch_size=6, learning_rate=3e-3, replay=0.25))
PHASES = [{"data": "a.jsonl"}, {"data": "b.jsonl"}]
WARM: Params = {"warmup_steps": 1, "lr_scheduler_type": "linear", "learning_rate": 1e-2}
SHARED_AFTER = 3


@pytest.fixture
def data(dropout_base: Path) -> Path:
    rows = [{"prompt": f"{word} = ", "completion": word[::-1]} for word in WORDS]
    write_rows(dropout_base / "a.jsonl", rows[:5])
    write_rows(dropout_base / "b.jsonl", rows[5:10])
    return dropout_base


def attempt(
    folder: Path,
    trial: str = "trial",
    link: RecordingLink | None = None,
    params: Params | None = None,
    stages: Sequence[Stage] = STAGES,
    **changes: Any,
) -> Run:
    """A phased run over a model with dropout, in a fresh cache as in a fresh process."""
    workload = tiny_workload(model="base", data={"eval": "eval.jsonl"}, strategy={"phased": PHASES})
    whole = {**WARM, **(params or {})}
    changes = {"heard": 0, "micro_batch_size": 3, **changes}
    return make_run(folder, workload, whole, link=link, trial=trial, stages=stages, **changes)


def sharing(folder: Path) -> SharedPhases:
    """As another process would see the sweep's folder."""
    return SharedPhases({SHARED_AFTER: SharedFolder(folder / "shared")})


def losses(run_: Run) -> list[tuple[int, dict[str, float]]]:
    return [(at, entry) for at, entry in run_.log.entries if "num_tokens" in entry]


def bare(report: Report) -> Report:
    """Without what no two runs have in common, and without whose run it was."""
    window = report.window.model_copy(update={"tokens_per_second": None})
    return report.model_copy(update={"window": window, "inherited": None, "footprint": None})


def test_each_phase_has_its_batch_its_rate_its_warmup_and_a_fresh_optimizer(data: Path) -> None:
    whole = attempt(data)
    run(whole.context)
    assert [at for at, _ in losses(whole)] == [4, 8, 12, 18, 24]
    assert [entry["learning_rate"] for _, entry in losses(whole)] == [0, 1e-2, 5e-3, 0, 3e-3]
    (last,) = (data / "trial").iterdir()
    assert float(load_file(last / "optimizer.safetensors")["0.step"]) == 2


def test_a_resumed_phased_run_is_bit_identical_after_a_save_at_any_step(data: Path) -> None:
    whole = attempt(data, "whole")
    run(whole.context)
    for samples in (4, 12, 18):
        first = attempt(data, f"at-{samples}", RecordingLink(Order.PAUSE, samples))
        with pytest.raises(Paused):
            run(first.context)
        torch.manual_seed(samples)
        second = attempt(data, f"at-{samples}", heard=None)
        run(second.context)
        assert losses(first) + losses(second) == losses(whole)
        assert same(weights(second), weights(whole))


def test_stacked_trials_of_the_same_sweep_train_on_all_of_it(data: Path) -> None:
    stacked = attempt(data, params={"strategy": "stacked"})
    run(stacked.context)
    assert [at for at, _ in losses(stacked)] == [4, 8, 12, 16, 20, 24]
    plain = tiny_workload(model="base", data={"train": "all.jsonl", "eval": "eval.jsonl"})
    (data / "all.jsonl").write_text((data / "a.jsonl").read_text() + (data / "b.jsonl").read_text())
    other = make_run(data, plain, WARM, trial="other", micro_batch_size=3)
    run(other.context)
    assert losses(other) == losses(stacked)


def test_the_facts_name_the_rows_of_each_phase_and_a_digest_of_all_files(data: Path) -> None:
    def facts(*names: str) -> Any:
        phases = [{"data": name} for name in names]
        workload = tiny_workload(data={"eval": "eval.jsonl"}, strategy={"phased": phases})
        return prepare(workload, DataRoots((data,)))

    assert facts("a.jsonl", "b.jsonl").phase_samples == (5, 5)
    assert facts("a.jsonl", "b.jsonl").train_samples == 10
    twice = facts("a.jsonl", "train.jsonl", "a.jsonl")
    assert (twice.phase_samples, twice.train_samples) == ((5, 10, 5), 15)
    before = facts("a.jsonl", "b.jsonl").data_digest
    assert facts("b.jsonl", "a.jsonl").data_digest != before
    with (data / "b.jsonl").open("a") as file:
        file.write('{"prompt": "owl = ", "completion": "lwo"}\n')
    assert facts("a.jsonl", "b.jsonl").data_digest != before


def test_three_second_phases_pay_one_first_phase(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted where examples go through the model, not where somebody says so."""
    trained: list[int] = []
    true = GlobalGradient.__call__

    def counting(gradient: GlobalGradient, step: int, chosen: Sequence[int]) -> BatchSum:
        trained.append(len(chosen))
        return true(gradient, step, chosen)

    monkeypatch.setattr(GlobalGradient, "__call__", counting)
    rates = (1e-3, 3e-3, 9e-3)
    alone = [attempt(data, f"alone-{i}", params=_second(rate)) for i, rate in enumerate(rates)]
    for one in alone:
        run(one.context)
    assert sum(trained) == 3 * (12 + 12)
    trained.clear()
    shared = [
        attempt(data, f"shared-{i}", params=_second(rate), shared=sharing(data))
        for i, rate in enumerate(rates)
    ]
    for one in shared:
        run(one.context)
    assert sum(trained) == 12 + 3 * 12
    for one, other in zip(shared, alone, strict=True):
        assert same(weights(one), weights(other))
        assert list(map(bare, one.link.reports)) == list(map(bare, other.link.reports))
    assert [r.inherited for r in shared[0].link.reports] == [None] * 3
    assert [r.inherited for one in shared[1:] for r in one.link.reports] == [12] * 6


def _second(rate: float) -> Params:
    return {"phase2_learning_rate": rate}


def test_the_reports_taken_over_are_told_with_their_metrics_but_those_heard_before(
    data: Path,
) -> None:
    payer = attempt(data, "payer", shared=sharing(data))
    run(payer.context)
    heir = attempt(data, "heir", shared=sharing(data))
    run(heir.context)
    assert [report.point for report in heir.link.reports] == [1, 2, 3]
    assert heir.link.reports[0].samples == 8
    told = [entry for at, entry in heir.log.entries if at == 8]
    assert told == [
        {
            **payer.link.reports[0].metrics,
            "learning_rate": payer.link.reports[0].window.learning_rate,
            "loss": payer.link.reports[0].window.loss.value,  # type: ignore[union-attr]
            "grad_norm": payer.link.reports[0].window.grad_norm.value,  # type: ignore[union-attr]
        }
    ]
    late = attempt(data, "late", heard=1, shared=sharing(data))
    run(late.context)
    assert [report.point for report in late.link.reports] == [2, 3]


@pytest.mark.parametrize("order", [Order.PAUSE, Order.STOP, Order.LEAVE])
def test_what_becomes_of_the_payer_at_the_boundary_takes_nothing_from_the_others(
    data: Path, order: Order
) -> None:
    stages = (dataclasses.replace(STAGES[0], samples=8), dataclasses.replace(STAGES[1], samples=16))

    def trial(name: str, link: RecordingLink | None = None) -> Run:
        shared = SharedPhases({2: SharedFolder(data / "shared")})
        return attempt(data, name, link, stages=stages, shared=shared)

    payer = trial("payer", RecordingLink(order, 8))
    with pytest.raises(Stopped):
        run(payer.context)
    assert [report.point for report in payer.link.reports] == [1] * len(payer.link.reports)
    heir, alone = trial("heir"), attempt(data, "alone", stages=stages)
    run(heir.context)
    run(alone.context)
    assert len(losses(heir)) == len(losses(alone)) - 2
    assert same(weights(heir), weights(alone))
    assert [r.point for r in heir.link.reports] == [r.point for r in alone.link.reports]


def test_an_heir_that_is_paused_before_its_first_step_goes_on_from_its_own_checkpoint(
    data: Path,
) -> None:
    run(attempt(data, "payer", shared=sharing(data)).context)
    first = attempt(data, "heir", RecordingLink(Order.PAUSE, 8), shared=sharing(data))
    with pytest.raises(Paused):
        run(first.context)
    assert losses(first) == []
    assert [report.point for report in first.link.reports] == [1]
    second = attempt(data, "heir", heard=1, shared=sharing(data))
    run(second.context)
    alone = attempt(data, "alone")
    run(alone.context)
    assert same(weights(second), weights(alone))
    assert [report.point for report in second.link.reports] == [2, 3]
    assert {report.inherited for report in second.link.reports} == {12}


def test_a_trial_further_on_than_the_shared_checkpoint_keeps_its_own(data: Path) -> None:
    ahead = attempt(data, "ahead", RecordingLink(Order.PAUSE, 18))
    with pytest.raises(Paused):
        run(ahead.context)
    behind = attempt(data, "behind", RecordingLink(Order.PAUSE, 4))
    with pytest.raises(Paused):
        run(behind.context)
    run(attempt(data, "payer", shared=sharing(data)).context)
    for name, steps in (("ahead", [24]), ("behind", [18, 24])):
        on = attempt(data, name, heard=0, shared=sharing(data))
        run(on.context)
        assert [at for at, _ in losses(on)] == steps


def test_a_torn_shared_checkpoint_is_as_good_as_none(data: Path) -> None:
    run(attempt(data, "payer", shared=sharing(data)).context)
    (found,) = (data / "shared").iterdir()
    (found / "model.safetensors").write_bytes(b"half")
    other = attempt(data, "other", shared=sharing(data))
    run(other.context)
    assert len(losses(other)) == 5
    assert sharing(data).beyond(0) is not None


def test_a_guard_at_the_boundary_leaves_nothing_to_the_others(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = GlobalGradient.__call__

    def breaking(gradient: GlobalGradient, step: int, chosen: Sequence[int]) -> BatchSum:
        found = true(gradient, step, chosen)
        return dataclasses.replace(found, loss=float("nan")) if step == 2 else found

    monkeypatch.setattr(GlobalGradient, "__call__", breaking)
    broken = attempt(data, "broken", RecordingLink(Order.STOP, 12), shared=sharing(data))
    with pytest.raises(Stopped):
        run(broken.context)
    assert broken.link.reports[-1].guard == "non_finite_loss"
    assert not (data / "shared").exists()


def test_data_of_a_later_phase_that_changed_is_told(data: Path) -> None:
    run(attempt(data, "payer", shared=sharing(data)).context)
    write_rows(data / "b.jsonl", [{"prompt": "a", "completion": "b"}])
    with pytest.raises(SweepError, match="data changed"):
        run(attempt(data, "heir", shared=sharing(data)).context)
