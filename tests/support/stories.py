"""Specs, reports and journals for tests of `sweeps`: made by hand, folded by the real fold."""

from __future__ import annotations

import copy
from typing import Any

from sweeps.journal import (
    Asked,
    AttemptEnded,
    AttemptStarted,
    Body,
    CommandApplied,
    Entry,
    Prepared,
    Reported,
    Story,
    apply,
)
from sweeps.lifecycle import AttemptEnd, StopReason
from sweeps.points import run_plan
from sweeps.spec import SweepSpec, parse
from sweeps.trial import GO_ON, Action, Params, Report, Role, StepRecord, Verdict
from sweeps.windows import make_window

HORIZON, POINTS, BATCH = 1000, 10, 10

PLAIN: dict[str, Any] = {
    "apiVersion": "sweeps/v1",
    "kind": "Sweep",
    "metadata": {"name": "test"},
    "spec": {
        "workload": {"model": {"tiny": "llama"}, "data": {"train": "a.jsonl", "eval": "b.jsonl"}},
        "parameters": {
            "global_batch_size": {"values": [10, 20]},
            "learning_rate": {"values": [0.1, 0.2, 0.3]},
        },
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": HORIZON},
        "report": {"points": POINTS},
        "evaluation": {"every_points": 1},
    },
}


def plain(**changes: Any) -> dict[str, Any]:
    """A good spec as plain data; `changes` replace keys of its spec block, None takes one out."""
    data = copy.deepcopy(PLAIN)
    data["spec"] |= changes
    data["spec"] = {name: value for name, value in data["spec"].items() if value is not None}
    return data


def make_spec(**changes: Any) -> SweepSpec:
    """`plain`, parsed."""
    return parse(plain(**changes))


def make_step(
    number: int = 1, loss: float = 1.0, norm: float | None = 1.0, **changes: Any
) -> StepRecord:
    """Optimizer step `number` of BATCH samples and 100 tokens."""
    fields: dict[str, Any] = {
        "step": number,
        "samples_seen": number * BATCH,
        "tokens": 100,
        "loss": loss,
        "grad_norm": norm,
        "learning_rate": 0.1,
        **changes,
    }
    return StepRecord(**fields)


def make_report(
    point: int,
    metric: float | None = None,
    *,
    losses: tuple[float, ...] = (1.0, 1.0),
    norms: tuple[float | None, ...] = (1.0, 1.0),
    metrics: dict[str, float] | None = None,
    guard: str | None = None,
    **changes: Any,
) -> Report:
    """The report at `point`; `metric` is its eval_loss, `changes` go to its steps."""
    last = point * HORIZON // POINTS // BATCH
    pairs = list(zip(losses, norms, strict=True))
    steps = [
        make_step(last - len(pairs) + 1 + index, loss, norm, **changes)
        for index, (loss, norm) in enumerate(pairs)
    ]
    found = {"eval_loss": metric} if metric is not None else {}
    return Report(
        point=point,
        samples=last * BATCH,
        step=last,
        window=make_window(steps),
        metrics={**found, **(metrics or {})},
        guard=guard,
    )


class Script:
    """Writes a journal move by move; `story` is always its fold."""

    def __init__(self, horizon: int = HORIZON, **prepared: Any) -> None:
        self.story, self.entries = Story(), list[Entry]()
        self.add(Prepared(horizon_samples=horizon, **prepared))

    def add(self, body: Body) -> None:
        """Append any entry."""
        apply(self.story, body)
        self.story.seq += 1
        entry = Entry(seq=self.story.seq, at="2026-01-01T00:00:00Z", body=body)
        self.entries.append(entry)

    def ask(self, role: Role = Role.SEARCH, **params: Any) -> int:
        """A new trial, its first attempt started. Its number."""
        number = len(self.story.trials)
        full: Params = {"global_batch_size": BATCH, "learning_rate": 0.1, **params}
        self.add(Asked(trial=number, params=full, role=role))
        self.start(number)
        return number

    def start(self, number: int) -> None:
        """The next attempt of a trial."""
        attempt = len(self.story.trials[number].attempts) + 1
        self.add(AttemptStarted(trial=number, attempt=attempt))

    def say(self, number: int, report: Report, verdict: Verdict = GO_ON) -> None:
        """A report of the running attempt."""
        attempt = len(self.story.trials[number].attempts)
        self.add(Reported(trial=number, attempt=attempt, report=report, verdict=verdict))

    def end(
        self,
        number: int,
        reason: AttemptEnd = AttemptEnd.FINISHED,
        samples: int | None = None,
        **more: Any,
    ) -> None:
        """The running attempt ends, by default where a whole run does."""
        record = self.story.trials[number]
        run = run_plan(record.trial.params, HORIZON, POINTS)
        whole = run.steps * run.global_batch_size
        ended = AttemptEnded(
            trial=number,
            attempt=len(record.attempts),
            reason=reason,
            samples=whole if samples is None else samples,
            **more,
        )
        self.add(ended)

    def run(self, *metrics: float | None, error: float | None = None, **params: Any) -> int:
        """A trial that reports one eval_loss a point, the last one at the horizon, and is DONE."""
        number = self.ask(**params)
        for point, metric in enumerate(metrics, start=POINTS - len(metrics) + 1):
            extra = {} if error is None else {"eval_loss_stderr": error}
            self.say(number, make_report(point, metric, metrics=extra))
        self.end(number, seconds=10.0)
        return number

    def audit(self, *metrics: float) -> int:
        """A trial that is condemned at its first point, and runs on to be measured."""
        number = self.ask()
        verdict = Verdict(action=Action.CONTINUE, reason="audit", message="Measured.", audit=True)
        self.say(number, make_report(1, metrics[0]), verdict)
        self.say(number, make_report(POINTS, metrics[-1]))
        self.end(number)
        return number

    def stop(self, number: int, samples: int, verdict: Verdict | None = None) -> None:
        """The running attempt is stopped: by `verdict` at the point of `samples`, or the user."""
        if verdict is not None:
            self.say(number, make_report(samples * POINTS // HORIZON), verdict)
        else:
            self.add(CommandApplied(command=f"c{number}", kind="stop_trial", trial=number))
        why = StopReason.USER if verdict is None else StopReason.PRUNED
        self.end(number, AttemptEnd.STOPPED, samples, stop_reason=why)
