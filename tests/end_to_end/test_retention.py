"""The example with a retention panel, whole: the real recipe and conductor, one process, no Ray."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recipe_support import MemoryLog
from stories import Script

from sweeps.baselines import preset_params
from sweeps.checks import check
from sweeps.conductor import Conductor
from sweeps.confirming import confirmed
from sweeps.journal import Story
from sweeps.keeping import best_finished
from sweeps.points import run_plan
from sweeps.pruners import make_pruner
from sweeps.pruners.decide import verdict
from sweeps.ranking import eligible
from sweeps.result import make_result
from sweeps.searchers import make_searcher
from sweeps.simulator.refold import refold
from sweeps.spec import SweepSpec, parse_text
from sweeps.support import refuse
from sweeps.trial import Report, Role, Trial
from workers.checkpoints import CheckpointFolder
from workers.demo import skills
from workers.demo.pretrain import pretrain
from workers.recipes.context import Context, Order, Setting
from workers.recipes.sft import run, run_untrained
from workers.roots import DataRoots

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "retention.yaml"
HORIZON = 800


def spec_of(text: str) -> SweepSpec:
    spec = parse_text(text)
    check(spec)
    refuse(spec)
    return spec


def write_files(folder: Path) -> None:
    """Data of the example, and a base that knows a little of the base skills."""
    new, old = skills.NEW, skills.BASE
    for name, which in (("skill", new), ("retention", old)):
        for split in ("dev", "test"):
            rows = skills.examples(which, 24, f"{name}-{split}")
            skills.write(rows, folder / "data" / f"{name}-{split}.jsonl")
    skills.write(skills.examples(new, 400, "train"), folder / "data" / "train.jsonl")
    (folder / "scratch").mkdir()
    pretrain(folder / "scratch", folder / "base", set(), samples=4000)


class Driver:
    """One trial after the other, each in this process; what is reported the conductor judges."""

    def __init__(self, spec: SweepSpec, folder: Path) -> None:
        self.spec, self.folder, self.cache = spec, folder, dict[str, object]()
        self.script = Script(horizon=HORIZON, rows=[Role.BASE])
        pruner = make_pruner(spec)
        self.conductor = Conductor(
            spec,
            self.script.story,
            make_searcher(spec, HORIZON),
            lambda story, number, report: verdict(spec, pruner, story, number, report),
            self.script.add,
        )
        self.now = (0, 0)

    def drive(self) -> Story:
        while (launch := self.conductor.next()) is not None:
            self.now = (launch.trial.number, launch.attempt)
            context = self.context(launch.trial)
            (run_untrained if launch.trial.role is Role.BASE else run)(context)
            self.conductor.finished(*self.now, context.samples_seen, 1.0)
        assert self.conductor.done()
        assert self.conductor.complete()
        return self.script.story

    def report(self, report: Report) -> Order:
        self.conductor.reported(*self.now, report)
        return Order.GO_ON

    def pulse(self, samples_seen: int) -> Order:
        return Order.GO_ON

    def context(self, trial: Trial) -> Context:
        body = self.spec.spec
        setting = Setting(
            workload=body.workload,
            evaluation=body.evaluation,
            params=trial.params,
            plan=run_plan(trial.params or preset_params("tulu2"), HORIZON, body.report.points),
            roots=DataRoots((self.folder,)),
            seed=trial.seed,
            keep_final=False,
            cache=self.cache,
        )
        checkpoints = CheckpointFolder(self.folder / "trials" / str(trial.number))
        return Context(setting, self, MemoryLog(), checkpoints)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Driver:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("retention")
    write_files(folder)
    driver = Driver(spec_of(EXAMPLE.read_text("utf-8")), folder)
    driver.drive()
    return driver


def test_every_trial_shows_what_it_lost_and_the_winner_lost_little(driven: Driver) -> None:
    spec, story = driven.spec, driven.script.story
    found = make_result(spec, story)
    assert (found.metric.name, found.ranked_by) == ("eval_skill_loss", "unseen_skill_loss")
    (base,) = [row for row in found.beside if row.role is Role.BASE]
    before = base.scores["unseen_retention_loss"]
    assert len(found.ranking) == 3
    for row in found.ranking:
        runs = [story.trials[n] for n in row.confirmed or [row.trial]]
        finals = [run.reports[4].metrics for run in runs]
        mean = sum(metrics["unseen_retention_loss"] for metrics in finals) / len(finals)
        assert row.drops["unseen_retention_loss"] == pytest.approx(mean - before)
        assert bool(row.over) is (mean - before > 0.5)
        assert row.mean == pytest.approx(sum(m["unseen_skill_loss"] for m in finals) / len(finals))
    # The highest rate learns most and forgets most, the lowest forgets nothing.
    lost = {row.params["learning_rate"]: bool(row.over) for row in found.ranking}
    assert lost[1e-2]
    assert not lost[1e-4]
    assert found.best is not None
    assert found.best.trial == eligible(found.ranking)[0].trial
    assert found.winner in {None, *(row.trial for row in eligible(found.ranking))}


def test_only_those_that_lost_little_are_confirmed_and_kept(driven: Driver) -> None:
    spec, story = driven.spec, driven.script.story
    assert confirmed(spec, story)
    rates = {r.trial.params["learning_rate"] for r in story.trials.values()
             if r.trial.role is Role.CONFIRM}  # fmt: skip
    assert rates
    assert 1e-2 not in rates
    (kept,) = best_finished(spec, story)
    assert kept == eligible(make_result(spec, story).ranking)[0].trial


def test_the_unseen_sets_were_looked_at_once_a_trial(driven: Driver) -> None:
    for record in driven.script.story.trials.values():
        seen = [k for k, r in record.reports.items() if "unseen_skill_loss" in r.metrics]
        assert seen == [4]


def test_the_same_journal_gives_the_same_decisions(driven: Driver) -> None:
    assert refold(driven.spec, driven.script.entries) == []
