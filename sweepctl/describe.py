"""`describe sweep | trial`: one of them, whole."""

from __future__ import annotations

import typer
import yaml
from rich.console import RenderableType

from service.schemas import SweepDetail, Trial, TrialDetail
from sweepctl import resolve, tables, text
from sweepctl.output import Format, Output, emit, facts, table
from sweepctl.settings import connect

app = typer.Typer(no_args_is_help=True, help="Show one sweep or one trial, whole.")


@app.command("sweep")
def sweep(
    ctx: typer.Context,
    sweep: resolve.SweepRef,
    output: Output = Format.TABLE,
) -> None:
    """One sweep: where it is, its spec, its trials."""
    with connect(ctx) as client:
        found = client.get_sweep(resolve.sweep(client, sweep).id)
        trials = list(client.every_trial(found.id)) if output in (Format.TABLE, Format.WIDE) else []
    emit(output, found, lambda wide: _sweep(found, trials, wide), [found.id])


@app.command("trial")
def trial(
    ctx: typer.Context,
    trial: resolve.TrialRef,
    output: Output = Format.TABLE,
) -> None:
    """One trial: its configuration, attempts, reports and verdicts."""
    with connect(ctx) as client:
        found = resolve.trial(client, trial)
    emit(output, found, lambda wide: _trial(found, wide), [found.id])


def _sweep(found: SweepDetail, trials: list[Trial], wide: bool) -> list[RenderableType]:
    labels = ", ".join(f"{name}={value}" for name, value in found.labels.items())
    pending = ", ".join(
        command.kind + ("" if command.trial is None else f" {command.trial}")
        for command in found.pending
    )
    rows = [
        ("Id", found.id),
        ("Name", found.name),
        ("Project", found.project),
        ("Labels", labels or "-"),
        ("State", found.state.value),
        ("Message", found.message or "-"),
        ("Waiting commands", pending or "-"),
        ("Pool", found.pool),
        ("Driver", f"{found.slots} slots" if found.driven else "none"),
        ("Priority", str(found.priority)),
        ("Max parallel", text.limit(found.max_parallel)),
        ("Budget of trials", text.limit(found.budget_trials)),
        ("Metric", tables.metric(found)),
        ("Trials", text.states(found.trials)),
        ("Created", text.moment(found.created_at)),
        ("Started", text.moment(found.started_at)),
        ("Ended", text.moment(found.ended_at)),
        ("MLflow", (found.tracking and found.tracking.url) or "-"),
        ("Journal", f"{found.journal_seq} entries"),
    ]
    parts: list[RenderableType] = [facts(rows)]
    if trials:
        parts += ["", tables.trials(trials, found.metric.name, wide)]
    spec = yaml.safe_dump(found.spec, sort_keys=False, allow_unicode=True).rstrip()
    return [*parts, "", "Spec:", "\n".join(f"  {line}" for line in spec.splitlines())]


def _trial(found: TrialDetail, wide: bool) -> list[RenderableType]:
    rows = [
        ("Id", found.id),
        ("Sweep", f"{found.sweep_id}, trial {found.number}"),
        ("Role", found.role.value),
        ("Seed", str(found.seed)),
        ("State", found.state.value),
        ("Reason", text.reason(found.reason)),
        ("Samples", text.count(found.samples)),
        *((name, text.parameter(value)) for name, value in found.params.items()),
        *cut_facts(found),
    ]
    attempts = table("attempt", "started", "ended", "how", "samples", "seconds", "error")
    for one in found.history:
        attempts.add_row(
            str(one.number),
            text.moment(one.started_at),
            text.moment(one.ended_at),
            one.ended or "running",
            text.count(one.samples),
            f"{one.seconds:.1f}",
            one.error or "-",
        )
    parts: list[RenderableType] = [facts(rows), "", attempts]
    return [*parts, "", _reports(found, wide)] if found.reports else parts


def cut_facts(found: TrialDetail) -> list[tuple[str, str]]:
    """How its global batch was cut, by its last report that says so."""
    cuts = [line.report.cut for line in found.reports if line.report.cut is not None]
    return [("Micro-batch", cuts[-1].sentence())] if cuts else []


def _reports(found: TrialDetail, wide: bool) -> RenderableType:
    names = list(dict.fromkeys(name for line in found.reports for name in line.report.metrics))
    more = ("tokens/s", "spikes", "non-finite") if wide else ()
    made = table(
        "point", "samples", "step", "loss", "grad_norm", "rate", *names, *more, "verdict", "why"
    )
    for line in found.reports:
        report, window = line.report, line.report.window
        extra = [text.number(window.tokens_per_second), str(window.spikes), str(window.non_finite)]
        made.add_row(
            str(report.point),
            text.count(report.samples),
            text.count(report.step),
            text.number(window.loss.value if window.loss else None),
            text.number(window.grad_norm.value if window.grad_norm else None),
            text.number(window.learning_rate),
            *(text.number(report.metrics.get(name)) for name in names),
            *(extra if wide else []),
            line.verdict.action.value,
            line.verdict.message,
        )
    return made
