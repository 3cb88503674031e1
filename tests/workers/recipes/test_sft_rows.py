"""The rows beside a search, made by the real recipe: the base model, and runs on other seeds."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from recipe_support import RecordingLink, make_run, tiny_workload, write_rows

from sweeps.baselines import preset_params
from sweeps.metric import final
from sweeps.spec import Evaluation, Metric, Workload
from sweeps.trial import TrialRecord
from workers.recipes import RECIPES
from workers.recipes.context import Order, Paused, Stopped
from workers.recipes.sft import run

METRIC = Metric(name="eval_loss", goal="minimize")


def last_loss(folder: Path, trial: str, seed: int) -> float:
    """The held-out loss at the end of a short run."""
    job = make_run(folder, trial=trial, seed=seed)
    run(job.context)
    return job.link.reports[-1].metrics["eval_loss"]


def test_the_base_row_is_the_model_before_its_first_step(folder: Path) -> None:
    """What a run that learns nothing ends with: its rate is 0 all along."""
    base = make_run(folder, params={}, trial="base")
    RECIPES["sft"].run_untrained(base.context)
    (report,) = base.link.reports
    assert (report.point, report.samples, report.step) == (3, 0, 0)
    assert (report.window.steps, report.window.loss) == (0, None)
    still = make_run(folder, params={"learning_rate": 0.0}, trial="still")
    run(still.context)
    assert report.metrics == still.link.reports[-1].metrics
    assert base.log.entries == [(0, report.metrics)]
    assert report.metrics["eval_loss_stderr"] > 0
    assert not (folder / "base").exists()


def test_its_report_is_a_final(folder: Path) -> None:
    base = make_run(folder, params={})
    RECIPES["sft"].run_untrained(base.context)
    (report,) = base.link.reports
    record = TrialRecord(None, "DONE", reports={report.point: report})  # type: ignore[arg-type]
    assert final(record, METRIC, 3) == report.metrics["eval_loss"]


def test_it_leaves_the_cached_model_as_it_was(folder: Path) -> None:
    before = make_run(folder, trial="before")
    run(before.context)
    base = make_run(folder, params={}, trial="base")
    base.context.cache = before.context.cache
    RECIPES["sft"].run_untrained(base.context)
    alone = make_run(folder, params={}, trial="alone")
    RECIPES["sft"].run_untrained(alone.context)
    assert base.link.reports == alone.link.reports


def test_told_to_stop_it_stops(folder: Path) -> None:
    base = make_run(folder, params={}, link=RecordingLink(Order.STOP))
    with pytest.raises(Stopped):
        RECIPES["sft"].run_untrained(base.context)


def test_without_evaluation_data_it_measures_nothing(folder: Path) -> None:
    workload = tiny_workload(data={"train": "train.jsonl"})
    base = make_run(folder, workload, params={}, evaluation=Evaluation())
    RECIPES["sft"].run_untrained(base.context)
    assert base.link.reports[0].metrics == {}


def test_the_parameters_of_a_preset_run(folder: Path) -> None:
    params = preset_params("tulu2")
    assert params == {
        "global_batch_size": 128, "learning_rate": 2e-5,
        "warmup_ratio": 0.03, "lr_scheduler_type": "linear",
    }  # fmt: skip
    job = make_run(folder, params=params, horizon=512)
    run(job.context)
    assert [report.samples for report in job.link.reports] == [256, 384, 512]
    assert math.isfinite(job.link.reports[-1].metrics["eval_loss"])


def test_a_fresh_seed_makes_another_run_and_the_same_one_the_same(folder: Path) -> None:
    """Data order alone: this model has no dropout, and all trials start from equal weights."""
    finals = [last_loss(folder, f"seed-{seed}", seed) for seed in (0, 1, 2)]
    assert len(set(finals)) == 3
    assert last_loss(folder, "again", 1) == finals[1]


def unseen(folder: Path) -> Workload:
    """The words, and two more that are kept for the end."""
    rows = [{"prompt": f"{word} = ", "completion": word[::-1]} for word in ("mule", "newt")]
    write_rows(folder / "unseen.jsonl", rows)
    data = {"train": "train.jsonl", "eval": "eval.jsonl", "unseen": "unseen.jsonl"}
    return tiny_workload(data=data)


def test_every_row_has_the_unseen_sets_at_its_end_and_nowhere_before(folder: Path) -> None:
    workload = unseen(folder)
    base = make_run(folder, workload, params={}, trial="base")
    RECIPES["sft"].run_untrained(base.context)
    still = make_run(folder, workload, params={"learning_rate": 0.0}, trial="still")
    run(still.context)
    (report,) = base.link.reports
    assert report.metrics == still.link.reports[-1].metrics
    assert {"eval_loss", "unseen_loss", "unseen_loss_stderr"} <= report.metrics.keys()
    assert not any("unseen_loss" in said.metrics for said in still.link.reports[:-1])
    logged = [step for step, entry in still.log.entries if "unseen_loss" in entry]
    assert logged == [24]


def test_the_unseen_sets_change_nothing_in_training_and_survive_a_pause(folder: Path) -> None:
    plain, whole = make_run(folder, trial="plain"), make_run(folder, unseen(folder), trial="whole")
    run(plain.context)
    run(whole.context)
    losses = [
        [entry["loss"] for _, entry in job.log.entries if "loss" in entry] for job in (plain, whole)
    ]
    assert losses[0] == losses[1]
    link = RecordingLink(order=Order.PAUSE, order_at=12)
    with pytest.raises(Paused):
        run(make_run(folder, unseen(folder), trial="paused", link=link).context)
    again = make_run(folder, unseen(folder), trial="paused")
    run(again.context)
    assert again.link.reports[-1].metrics == whole.link.reports[-1].metrics


def test_a_judge_of_the_operators_scores_trials_and_base(folder: Path) -> None:
    asked = Evaluation(every_points=3, judge="length", max_new_tokens=4)
    setting = {"evaluation": asked, "judges": "length=judges_of_tests:length"}
    job = make_run(folder, trial="job", **setting)
    run(job.context)
    base = make_run(folder, params={}, trial="base", **setting)
    RECIPES["sft"].run_untrained(base.context)
    for report in (job.link.reports[-1], base.link.reports[-1]):
        assert 0 < report.metrics["eval_judge"] <= 1
        assert "eval_judge_stderr" in report.metrics
