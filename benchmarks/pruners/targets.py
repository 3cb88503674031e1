"""What is asked of `early_dynamics`, computed from the measured points: met, or not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# The most compute at which a trial within the tolerance must survive with SURVIVE, by data set.
COMPUTE = {
    "algoperf_pooled": 0.25,
    "algoperf": 0.40,
    "stepback": 0.38,
    "deepobs_lr": 0.42,
    "sft_tiny/skill": 0.42,
}
SURVIVE, SHARE, VERDICT_MS = 0.90, 0.80, 20.0
POLICY = "early_dynamics"
OURS, PEER, ABLATION = "sweepctl", "peer", "ablation"


@dataclass(frozen=True)
class Point:
    """One policy on one data set: the means over its workloads. `library` is whose code it is;
    `kind` says whether it counts as a peer. `time` is that to the result, as a share of running
    everything; `interval` holds the 95 % bounds of a figure by its name in the backtest."""

    library: str
    policy: str
    kind: str
    compute: float
    regret: float
    kept: float
    best_kept: float
    time: float = 1.0
    risk: float | None = None
    interval: Mapping[str, tuple[float, float]] | None = None


@dataclass(frozen=True)
class Line:
    """One demand on one data set. `met` is None where it is no demand, only told."""

    demand: str
    case: str
    met: bool | None
    told: str


def cheapest(line: Iterable[Point], kept: float = SURVIVE) -> Point | None:
    """The point of least compute that keeps often enough; None without one."""
    enough = [point for point in line if point.kept >= kept]
    return min(enough, key=lambda point: point.compute, default=None)


def dominating(points: Iterable[Point], ours: Point) -> list[Point]:
    """Those that are no worse than ours in compute and regret, and better in one."""
    return [
        point
        for point in points
        if point.compute <= ours.compute
        and point.regret <= ours.regret
        and (point.compute, point.regret) != (ours.compute, ours.regret)
    ]


def compute_at(line: Sequence[Point], regret: float) -> float:
    """The least compute at which our line has this regret, straight between its risks.

    A run of everything, compute 1 without regret, closes the line. A regret that the cheapest
    point beats costs what that point costs.
    """
    corners = sorted((point.compute, point.regret) for point in line)
    corners = [*corners, (1.0, 0.0)]
    (before, worst), lowest = corners[0], math.inf
    for compute, value in corners:
        value = min(value, lowest)
        if value <= regret:
            fall = worst - value
            part = 1.0 if fall <= 0 else min(1.0, (worst - regret) / fall)
            return compute if lowest is math.inf else before + part * (compute - before)
        before, worst, lowest = compute, value, value
    return 1.0


def random_kept(trials: int, good: int, compute: float) -> float:
    """How often a random share `compute` of `trials` holds one of `good`, exactly; straight
    between two whole numbers of trials."""
    run = min(max(compute, 0.0), 1.0) * trials
    low = math.floor(run)
    at = [_hit(trials, good, min(k, trials)) for k in (low, low + 1)]
    return at[0] + (run - low) * (at[1] - at[0])


def _hit(trials: int, good: int, run: int) -> float:
    return 1.0 - math.comb(trials - good, run) / math.comb(trials, run)


def survival(points: Mapping[str, Sequence[Point]]) -> list[Line]:
    """Survive at the compute that is asked, by data set."""
    found = []
    for case, asked in COMPUTE.items():
        if case not in points:
            continue
        best = cheapest(_ours(points[case]))
        told = "no risk kept enough" if best is None else _at(best)
        met = best is not None and best.compute <= asked
        found.append(Line(f"survive ≥ {SURVIVE:.2f} at compute ≤ {asked:.2f}", case, met, told))
    return found


def domination(points: Mapping[str, Sequence[Point]]) -> list[Line]:
    """Whether a peer is better in both compute and regret, by data set."""
    found = []
    for case, these in points.items():
        peers = [point for point in these if point.kind == PEER]
        beaten = [(ours, point) for ours in _ours(these) for point in dominating(peers, ours)]
        told = "; ".join(
            f"risk {ours.risk:g} ({_at(ours)}) by {point.policy} ({_at(point)})"
            for ours, point in beaten
        )
        found.append(Line("dominated by no peer", case, not beaten, told or "by none"))
    return found


def share(points: Mapping[str, Sequence[Point]]) -> list[Line]:
    """Our compute as a share of a peer's at the peer's regret: each, by data set, and on average
    over the data sets."""
    found, means = [], []
    for case, these in points.items():
        line = _ours(these)
        ratios = {
            point.policy: compute_at(line, point.regret) / point.compute
            for point in these
            if point.kind == PEER and line
        }
        if not ratios:
            continue
        means.append(math.fsum(ratios.values()) / len(ratios))
        told = ", ".join(f"{policy} {ratio:.2f}" for policy, ratio in ratios.items())
        found.append(
            Line("our compute at a peer's regret", case, None, f"mean {means[-1]:.2f}: {told}")
        )
    if means:
        mean = math.fsum(means) / len(means)
        demand = f"our compute at a peer's regret ≤ {SHARE:.2f} of its"
        found.append(Line(demand, "all data sets", mean <= SHARE, f"mean {mean:.2f}"))
    return found


def promise(points: Mapping[str, Sequence[Point]]) -> list[Line]:
    """Stated against realised survival."""
    return [
        Line(
            "stated and realised survival",
            case,
            None,
            ", ".join(f"{1 - (ours.risk or 0):.2f} → {ours.kept:.2f}" for ours in _ours(these)),
        )
        for case, these in points.items()
        if _ours(these)
    ]


def _ours(points: Iterable[Point]) -> list[Point]:
    """The line of our policy, by falling risk."""
    mine = [point for point in points if point.library == OURS and point.kind == OURS]
    return sorted(mine, key=lambda point: -(point.risk or 0.0))


def _at(point: Point) -> str:
    return f"{point.compute:.2f}/{point.regret:.3f}/{point.kept:.2f}"
