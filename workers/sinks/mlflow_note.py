"""The note on a sweep's run: markdown that says how it stands, without opening anything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeps.journal import Story
from sweeps.lifecycle import TrialState
from sweeps.pruning_report import tells
from sweeps.ranking import Ranked, Standing
from sweeps.remarks import told
from sweeps.result import Result, make_result
from sweeps.spec import SweepSpec
from sweeps.trial import Role, trial_id

TOP = 10
NOTES = 5
CONFIGURATION_LENGTH = 200


@dataclass(frozen=True)
class Pages:
    """Links that a note may hold: all curves, the drawn figures, and trials' own runs."""

    charts: str | None = None
    figures: str | None = None
    trials: Mapping[int, str] = field(default_factory=dict)


def note(
    spec: SweepSpec, story: Story, sweep_id: str, state: str, message: str, pages: Pages
) -> str:
    """The note."""
    result = make_result(spec, story)
    parts = [_headline(result, state, message), _links(pages), result.recommendation]
    if result.pruning is not None and tells(result.pruning):
        parts.append(result.pruning.sentence)
    runs = pages.trials
    parts += [_ranking(result, runs), _beside(result, runs), _waiting(result, runs)]
    parts.append("\n".join(f"- {_plain(remark)}" for remark in result.notes[:NOTES]))
    parts.append(_questions(result, sweep_id))
    return "\n\n".join(part for part in parts if part)


def _headline(result: Result, state: str, message: str) -> str:
    counts = result.counts
    words = {
        "finished": counts[TrialState.DONE],
        "stopped": counts[TrialState.STOPPED],
        "failed": counts[TrialState.FAILED],
        "running": counts[TrialState.RUNNING],
        "parked": counts[TrialState.PAUSED],
        "waiting": counts[TrialState.PENDING],
    }
    told_counts = ", ".join(f"{count} {word}" for word, count in words.items() if count)
    line = f"**{state}** · {sum(counts.values())} trials: {told_counts or 'none yet'}"
    if result.compute_saved is not None:
        line += f" · compute saved {result.compute_saved:.0%}"
    return f"{line}\n\n{_plain(message)}" if message else line


def _links(pages: Pages) -> str:
    named = {
        "Curves of all trials": pages.charts,
        "Figures: curves, heat map, early against final, compute": pages.figures,
    }
    return " · ".join(f"[{name}]({page})" for name, page in named.items() if page)


def _ranking(result: Result, pages: Mapping[int, str]) -> str:
    limits = list(result.ranking[0].drops)[: len(result.metric.max_drop)] if result.ranking else []
    rows = []
    for row in result.ranking[:TOP]:
        place = f"{row.rank} (over)" if row.over else str(row.rank)
        trial, value, configuration = _row(row, row.mean, pages)
        trial += " (audit)" if row.audited else ""
        lost = [f"{row.drops[name]:+.4g}" for name in limits]
        rows.append([place, trial, value, *lost, configuration])
    heads = ["rank", "trial", result.ranked_by or result.metric.name]
    return _table([*heads, *(f"drop of {name}" for name in limits), "configuration"], rows)


def _beside(result: Result, pages: Mapping[int, str]) -> str:
    """Base model and preset. Confirmation runs are in the means of the ranking."""
    rows = []
    for row in result.beside:
        if row.role is not Role.CONFIRM and row.final is not None:
            page = pages.get(row.trial)
            trial = f"[{row.trial}]({page})" if page else str(row.trial)
            gap = "" if row.difference is None else f"{row.difference:+.4g}"
            rows.append([row.role.value, trial, f"{row.final:.6g}", gap])
    return _table(["beside", "trial", result.ranked_by or result.metric.name, "to the best"], rows)


def _waiting(result: Result, pages: Mapping[int, str]) -> str:
    if result.ranking:
        return ""
    rows = [[row.state, *_row(row, row.best_so_far, pages)] for row in result.best_so_far[:TOP]]
    return _table(["state", "trial", f"best {result.metric.name} so far", "configuration"], rows)


def _row(row: Ranked | Standing, value: float, pages: Mapping[int, str]) -> list[str]:
    page = pages.get(row.trial)
    trial = f"[{row.trial}]({page})" if page else str(row.trial)
    return [trial, f"{value:.6g}", _plain(told(row.params)[:CONFIGURATION_LENGTH])]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _questions(result: Result, sweep_id: str) -> str:
    if result.stopped:
        which = trial_id(sweep_id, result.stopped[-1].trial)
        why = f"`sweepctl why {which}` says why trial {result.stopped[-1].trial} was stopped"
        return f"{why}; `sweepctl result {sweep_id}` prints all of this."
    return f"`sweepctl result {sweep_id}` prints all of this."


def _plain(text: str) -> str:
    """Text of users and recipes, so that it breaks no table and opens no link or tag."""
    for character in "\\|[]<>`":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
