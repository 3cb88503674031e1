"""Which configuration to take, and how sure that is: the winner, the recommendation, its words."""

from __future__ import annotations

from collections.abc import Sequence

from sweeps.contest import RATE
from sweeps.metric import ranked_by
from sweeps.ranking import Ranked, as_good
from sweeps.remarks import listed, told
from sweeps.spec import SweepSpec


def winner(ranking: Sequence[Ranked]) -> Ranked | None:
    """The configuration that is better than every one it was repeated with; None without one.

    Only repeated runs make a winner: between single runs nobody knows what another seed does, and
    the error of an evaluation does not say.
    """
    if not ranking:
        return None
    best, *others = _compared(ranking)
    known = best.runs > 1 or all(row.runs > 1 for row in others)
    return best if others and known and all(row.rank > best.rank for row in others) else None


def recommended(ranking: Sequence[Ranked]) -> Ranked | None:
    """The cheapest (in running time; the samples are equal) of those that are as good as the best.
    One that broke on another seed only when all of them did."""
    close = as_good(ranking)
    sound = [row for row in close if not row.broken] or close
    return min(sound, key=lambda row: (row.seconds, row.trial), default=None)


def recommendation(
    spec: SweepSpec, ranking: Sequence[Ranked], why_none: str | None, *, settled: bool = True
) -> str:
    """The recommendation as a sentence. "Is best" is said of a winner and of nothing else.

    `settled`: all runs that are compared are over; before, nobody has won.
    """
    taken = recommended(ranking)
    if taken is None:
        return f"No recommendation. {why_none}"
    name, best = ranked_by(spec).name, ranking[0]
    first = winner(ranking)
    if first is not None and settled:
        return (
            f"Trial {first.trial} is best: {_value(name, first)}, {told(first.params)}. It differs "
            f"from each of the {len(_compared(ranking)) - 1} compared with it, at a rate of {RATE}."
        )
    tied = [row for row in ranking if row.rank == best.rank and row.error is not None]
    head = _of_how_many(spec, name, ranking)
    if len(tied) > 1:
        text = f"{head}. {_trials(tied)} cannot be told apart."
    else:
        text = f"{head}: {told(best.params)}."
        if not _repeated(best) and best.error is not None and len(ranking) > 1:
            text += " More than the evaluation's own error, but single runs do not show the seed's."
    close = as_good(ranking)
    if len(close) > 1:
        how = "equal it" if best.error is None else "lie within one standard error of it"
        text += (
            f" {_trials(close)} {how}; the quickest is trial {taken.trial}, "
            f"{taken.seconds:,.0f} s: {told(taken.params)}."
        )
    waits = spec.spec.confirm is not None and not settled
    return f"{text} Not all confirmation runs are over." if waits else text


def _of_how_many(spec: SweepSpec, name: str, ranking: Sequence[Ranked]) -> str:
    best, compared = ranking[0], _compared(ranking)
    limited = bool(spec.spec.metric.max_drop)
    if len(ranking) == 1:
        only = "the only one that finished" + (" within max_drop" if limited else "")
        return f"Trial {best.trial} is {only}, with {_value(name, best)}"
    if _repeated(best):
        many = f"{len(compared)} that were confirmed" if best.basis == "confirm" else "those"
        head = f"Trial {best.trial} has the best mean of {many}"
        if len(compared) == 1:
            head = (
                f"Trial {best.trial} was chosen from {len(ranking)} and is the only one confirmed"
            )
        return f"{head}, {_value(name, best)}"
    runs = f"{len(compared)} single runs" + (" within max_drop" if limited else "")
    return f"Trial {best.trial} has the best {name} of {runs}, {_bare(best)}"


def _value(name: str, row: Ranked) -> str:
    return f"{name} {_bare(row)}"


def _bare(row: Ranked) -> str:
    over = f"over {row.runs} runs" if _repeated(row) else "of the evaluation"
    if row.error is None:
        over = f" over {row.runs} runs" if _repeated(row) else ""
        return f"{row.mean:.6g}{over}, no error bar"
    return f"{row.mean:.6g} (standard error {row.error:.2g} {over})"


def _repeated(row: Ranked) -> bool:
    return row.runs > 1


def _compared(ranking: Sequence[Ranked]) -> list[Ranked]:
    """The best and those it was compared with: of confirmed ones, those that were confirmed."""
    confirmed = ranking[0].basis == "confirm"
    return [row for row in ranking if (row.basis == "confirm") is confirmed]


def _trials(rows: Sequence[Ranked]) -> str:
    return f"Trials {listed([row.trial for row in rows])}"
