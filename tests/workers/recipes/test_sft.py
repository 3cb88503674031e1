from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import (
    TINY,
    WORDS,
    RecordingLink,
    Run,
    held_out,
    make_run,
    timeless,
    tiny_workload,
    write_rows,
)
from trained import same, weights

from sweeps.errors import SpecError
from sweeps.spec import Evaluation
from sweeps.trial import Params
from workers.recipes.context import Order, Paused, Stopped
from workers.recipes.parts.tokenizer import train_tokenizer
from workers.recipes.sft import prepare, run


def test_a_resumed_run_is_bit_identical_after_a_save_at_any_step(dropout_base: Path) -> None:
    workload = tiny_workload(model="base")
    params: Params = {
        "lr_scheduler_type": "cosine", "warmup_steps": 1, "weight_decay": 0.1, "learning_rate": 3e-3
    }  # fmt: skip

    def attempt(trial: str, link: RecordingLink) -> Run:
        # A fresh cache, as in a fresh process; 7 steps of 4 over 10 rows, 4 of 5 points reported.
        return make_run(dropout_base, workload, params, horizon=26, points=5, link=link,
                        trial=trial, micro_batch_size=3)  # fmt: skip

    whole = attempt("whole", RecordingLink())
    run(whole.context)
    assert whole.context.plan.steps == 7
    assert len({entry["loss"] for _, entry in whole.log.entries if "loss" in entry}) == 7
    for step in range(1, 8):
        first = attempt(f"at-{step}", RecordingLink(Order.PAUSE, 4 * step))
        with pytest.raises(Paused):
            run(first.context)
        torch.manual_seed(step)  # whatever the other process did with its generator
        second = attempt(f"at-{step}", RecordingLink())
        run(second.context)
        assert second.context.steps_done == 7
        assert first.log.entries + second.log.entries == whole.log.entries
        reports = [*first.link.reports, *second.link.reports]
        if step == 7:  # the final checkpoint is written before its report, and says it again
            assert timeless(reports.pop()) == timeless(reports[-1])
        assert list(map(timeless, reports)) == list(map(timeless, whole.link.reports))
        # Paused after the last step, the second attempt has nothing to train but must hold it.
        assert same(weights(second), weights(whole)), step


def test_a_run_paused_at_every_step_is_the_same_run(dropout_base: Path) -> None:
    workload = tiny_workload(model="base")
    whole = make_run(dropout_base, workload, trial="whole", micro_batch_size=4)
    run(whole.context)
    entries, cache = [], dict[str, Any]()
    for step in range(1, 7):
        link = RecordingLink(Order.PAUSE, 4 * step)
        part = make_run(dropout_base, workload, link=link, cache=cache, micro_batch_size=4)
        with pytest.raises(Paused):
            run(part.context)
        entries += part.log.entries
    assert entries == whole.log.entries
    assert same(weights(part), weights(whole))


def test_it_learns(folder: Path) -> None:
    evaluation = Evaluation(every_points=2, exact_match=True, max_new_tokens=8)
    workload = tiny_workload(data={"train": "train.jsonl", "eval": "train.jsonl"})
    job = make_run(folder, workload, {"learning_rate": 2e-2}, horizon=1200, points=4,
                   evaluation=evaluation)  # fmt: skip
    run(job.context)
    reports = job.link.reports
    assert [report.point for report in reports] == [1, 2, 3, 4]
    assert [sorted(report.metrics) for report in reports] == [
        [], ["eval_exact_match", "eval_exact_match_stderr", "eval_loss", "eval_loss_stderr"],
    ] * 2  # fmt: skip
    assert reports[0].window.loss.first == pytest.approx(math.log(260), abs=0.3)
    assert reports[-1].metrics["eval_loss"] < 0.3
    assert reports[-1].metrics["eval_exact_match"] > 0.7


def test_a_step_uses_the_rate_it_reports(folder: Path) -> None:
    job = make_run(folder, params={"warmup_steps": 1}, horizon=4)
    run(job.context)
    assert next(entry["learning_rate"] for _, entry in job.log.entries) == 0.0
    assert same(weights(job), job.context.cache["sft.base"].pristine)
    rates = make_run(folder, params={"lr_scheduler_type": "linear"}, horizon=16, trial="linear")
    run(rates.context)
    assert [e["learning_rate"] for _, e in rates.log.entries if "loss" in e] == pytest.approx(
        [0.01, 0.0075, 0.005, 0.0025]
    )


def test_the_second_trial_of_a_warm_worker_equals_the_first_of_a_fresh_one(folder: Path) -> None:
    cache: dict[str, Any] = {}
    link = RecordingLink(Order.STOP, 12)
    spoiled = make_run(folder, params={"learning_rate": 0.5}, link=link, cache=cache, trial="a")
    with pytest.raises(Stopped):
        run(spoiled.context)
    warm = make_run(folder, params={"seed": 3}, cache=cache, trial="b")
    run(warm.context)
    fresh = make_run(folder, params={"seed": 3}, trial="c")
    run(fresh.context)
    assert warm.log.entries == fresh.log.entries
    assert same(weights(warm), weights(fresh))
    assert not same(weights(fresh), fresh.context.cache["sft.base"].pristine)
    assert same(warm.context.cache["sft.base"].pristine, fresh.context.cache["sft.base"].pristine)


@pytest.mark.parametrize("name", ["seed", "data_seed"])
def test_seeds_change_the_order(folder: Path, name: str) -> None:
    losses = []
    for number, params in enumerate([{}, {name: 0}, {name: 1}]):
        job = make_run(folder, params=params, trial=str(number))
        run(job.context)
        losses.append([entry["loss"] for _, entry in job.log.entries if "loss" in entry])
    assert losses[0] == losses[1]
    assert losses[1] != losses[2]


def test_a_run_that_rounds_to_nothing_is_seen(folder: Path) -> None:
    job = make_run(folder, params={"learning_rate": 1e-30}, points=1)
    run(job.context)
    assert job.link.reports[-1].window.unchanged == 6
    moved = make_run(folder, params={"learning_rate": 1e-4}, points=1, trial="moved")
    run(moved.context)
    assert moved.link.reports[-1].window.unchanged == 0


def test_a_loss_that_is_no_number_is_passed_on_as_it_is(folder: Path) -> None:
    job = make_run(folder, params={"learning_rate": 1e30, "max_grad_norm": 0.0},
                   link=RecordingLink(Order.STOP, 8))  # fmt: skip
    with pytest.raises(Stopped):
        run(job.context)
    assert job.link.reports[-1].guard in ("non_finite_loss", "non_finite_grad_norm")
    assert not math.isfinite(job.log.entries[-1][1]["loss"])


def test_examples_are_cut_at_max_length_and_at_the_models_own_limit(folder: Path) -> None:
    write_rows(folder / "train.jsonl", [{"prompt": "a" * 9, "completion": "b" * 40}] * 4)
    cache: dict[str, Any] = {}
    seen = []
    for length in (12, 64):
        workload = tiny_workload(model={**TINY, "max_position_embeddings": 16}, max_length=length)
        job = make_run(folder, workload, horizon=4, points=1, cache=cache, trial=str(length))
        run(job.context)
        seen.append(job.log.entries[0][1]["num_tokens"])
    assert seen == [4 * 12, 4 * 16]


def test_several_eval_sets_have_names(folder: Path) -> None:
    data = {"train": "train.jsonl", "eval": {"skill": "eval.jsonl", "old": "train.jsonl"}}
    job = make_run(folder, tiny_workload(data=data), points=1)
    run(job.context)
    assert set(job.link.reports[-1].metrics) == {
        "eval_skill_loss", "eval_skill_loss_stderr", "eval_old_loss", "eval_old_loss_stderr",
    }  # fmt: skip


def test_evaluation_changes_nothing_in_training(dropout_base: Path) -> None:
    workload = tiny_workload(model="base", data=held_out(dropout_base))
    found, metrics = [], []
    for every, examples in ((1, 500), (6, 500), (1, 1)):
        evaluation = Evaluation(
            every_points=every, max_examples=examples, exact_match=True, max_new_tokens=4
        )
        job = make_run(dropout_base, workload, horizon=24, points=6, evaluation=evaluation,
                       trial=f"{every}-{examples}", micro_batch_size=3)  # fmt: skip
        run(job.context)
        losses = [entry["loss"] for _, entry in job.log.entries if "loss" in entry]
        found.append((losses, weights(job)))
        metrics.append([len(report.metrics) for report in job.link.reports])
    # Loss, exact match and two accuracies, each with its error; one example has none.
    assert metrics == [[8] * 6, [0] * 5 + [8], [4] * 6]
    assert len(set(found[0][0])) == 6
    assert found[1][0] == found[0][0] == found[2][0]
    assert same(found[1][1], found[0][1])
    assert same(found[2][1], found[0][1])


def test_a_batch_over_several_points_makes_up_the_evaluation(folder: Path) -> None:
    job = make_run(folder, params={"global_batch_size": 10}, horizon=24, points=12,
                   evaluation=Evaluation(every_points=4))  # fmt: skip
    run(job.context)
    # Points 4 and 8 lie within the steps that report 5 and 10.
    found = [(report.point, bool(report.metrics)) for report in job.link.reports]
    assert found == [(5, True), (10, True), (12, True)]
    evaluated = [samples for samples, entry in job.log.entries if "eval_loss" in entry]
    assert evaluated == [10, 20, 30]


def test_choosing_is_learnt(folder: Path) -> None:
    rows = [{"question": w, "answer": w[::-1]} for w in WORDS]
    write_rows(folder / "train.jsonl", rows)
    data = {**held_out(folder), "eval": "choice.jsonl"}
    job = make_run(folder, tiny_workload(data=data), {"learning_rate": 1e-2}, horizon=1200,
                   points=4)  # fmt: skip
    run(job.context)
    last = job.link.reports[-1].metrics
    assert sorted(last) == [
        "eval_accuracy", "eval_accuracy_norm", "eval_accuracy_norm_stderr", "eval_accuracy_stderr",
    ]  # fmt: skip
    assert last["eval_accuracy_norm"] > 0.7


def test_without_eval_data_nothing_is_evaluated(folder: Path) -> None:
    job = make_run(folder, tiny_workload(data={"train": "train.jsonl"}))
    run(job.context)
    assert [report.metrics for report in job.link.reports] == [{}, {}, {}]


def test_data_that_changed_since_the_checkpoint_is_refused(folder: Path) -> None:
    job = make_run(folder, tiny_workload(model={**job_model(folder)}),
                   link=RecordingLink(Order.PAUSE, 4))  # fmt: skip
    with pytest.raises(Paused):
        run(job.context)
    write_rows(folder / "train.jsonl", [{"prompt": "a", "completion": "b"}])
    again = make_run(folder, tiny_workload(model={**job_model(folder)}))
    with pytest.raises(Exception, match="training data changed"):
        run(again.context)


def job_model(folder: Path) -> dict[str, Any]:
    """A tiny model with a tokenizer of its own, which does not change with the data."""
    train_tokenizer(["abc"], 260).save_pretrained(folder / "tokenizer")
    return {"tiny": "llama", "hidden_size": 16, "num_attention_heads": 2, "vocab_size": 260,
            "tokenizer": "tokenizer"}  # fmt: skip


def test_gradient_checkpointing_gives_the_same_numbers(folder: Path) -> None:
    plain = make_run(folder, trial="plain")
    run(plain.context)
    cache = plain.context.cache
    saving = make_run(folder, tiny_workload(options={"gradient_checkpointing": True}), cache=cache)
    run(saving.context)
    losses = [entry["loss"] for _, entry in plain.log.entries if "loss" in entry]
    assert [e["loss"] for _, e in saving.log.entries if "loss" in e] == pytest.approx(losses)
    assert saving.context.cache["sft.base"].model.is_activation_checkpointing
    after = make_run(folder, trial="after", cache=cache)
    run(after.context)
    assert not after.context.cache["sft.base"].model.is_activation_checkpointing


def test_a_workload_without_model_is_refused(folder: Path) -> None:
    with pytest.raises(SpecError, match="/spec/workload/model"):
        run(make_run(folder, tiny_workload(model=None)).context)


def test_prepare_is_that_of_the_facts(folder: Path) -> None:
    assert (
        dataclasses.asdict(prepare(tiny_workload(), make_run(folder).context.roots))[
            "train_samples"
        ]
        == 10
    )
