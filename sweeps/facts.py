"""The facts of a verdict, the same wherever they are shown: the CLI, REST, MLflow's tags."""

from __future__ import annotations

from sweeps.trial import Verdict
from sweeps.wire import Wire

_RANK = "rank_"


class Facts(Wire):
    """What a verdict rests on.

    `point` and `samples` are where it was given. Of the `peer_count` trials that it was compared
    with `peers` names the nearest. `probability` is the chance that the trial ends best or within
    tolerance, `miss_risk` the pruner's estimate of the chance that a trial it holds back beats the
    best known, `stated_risk` what the spec asks for. `ranks` are the trial's places by signal, 1 is
    best; `more` is what else the pruner noted. None, or not there: not measured.
    """

    action: str
    reason: str
    message: str
    audit: bool
    point: int | None
    samples: int | None
    signal: str | None
    value: float | None
    cutoff: float | None
    peers: list[int]
    peer_count: int
    probability: float | None
    miss_risk: float | None
    stated_risk: float | None
    ranks: dict[str, float]
    more: dict[str, float]


def facts(verdict: Verdict, point: int | None, samples: int | None) -> Facts:
    """The facts of a verdict that was given at `point` after `samples`."""
    seen = verdict.evidence
    rest = {name: value for name, value in seen.details.items() if value is not None}
    known = {name: rest.pop(name, None) for name in ("miss_risk", "stated_risk")}
    at = {name: rest.pop(name, None) for name in ("point", "samples")}
    # Of an earlier version, whose verdicts name every peer, the names are the count.
    peer_count = round(rest.pop("peers", len(seen.peers)))
    return Facts(
        action=verdict.action.value,
        reason=verdict.reason,
        message=verdict.message,
        audit=verdict.audit,
        point=_whole(at["point"], point),
        samples=_whole(at["samples"], samples),
        signal=seen.signal,
        value=seen.value,
        cutoff=seen.cutoff,
        peers=seen.peers,
        peer_count=peer_count,
        probability=seen.probability,
        **known,
        ranks={n.removeprefix(_RANK): v for n, v in rest.items() if n.startswith(_RANK)},
        more={n: v for n, v in rest.items() if not n.startswith(_RANK)},
    )


def told(found: Facts) -> dict[str, str]:
    """Every fact that there is as text, by a name that tags and tables can use."""
    numbers = {
        "value": found.value,
        "cutoff": found.cutoff,
        "probability": found.probability,
        "miss_risk": found.miss_risk,
        "stated_risk": found.stated_risk,
        **{f"{_RANK}{signal}": rank for signal, rank in found.ranks.items()},
        **found.more,
    }
    texts = {
        "reason": found.reason,
        "message": found.message,
        "audit": "true" if found.audit else None,
        "point": None if found.point is None else str(found.point),
        "samples": None if found.samples is None else str(found.samples),
        "signal": found.signal,
        "peers": ",".join(map(str, found.peers)) or None,
        "peer_count": str(found.peer_count) if found.peer_count else None,
        **{name: None if n is None else f"{n:.6g}" for name, n in numbers.items()},
    }
    return {name: text for name, text in texts.items() if text is not None}


def rests_on_something(verdict: Verdict) -> bool:
    """False for a verdict that only says that nothing spoke against the trial."""
    seen = verdict.evidence
    return seen.signal is not None or seen.probability is not None or bool(seen.details)


def _whole(told_there: float | None, known: int | None) -> int | None:
    return known if told_there is None else round(told_there)
