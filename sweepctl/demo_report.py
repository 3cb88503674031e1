"""What the demo says and writes at its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from service.schemas import SweepDetail, Why
from sweepctl import result as results
from sweepctl import text
from sweepctl import why as whys
from sweepctl.output import plain, show
from sweepctl.state import StateFolder
from sweeps.result import Result
from sweeps.trial import trial_id


@dataclass(frozen=True)
class Story:
    """The finished sweep. `state` is the folder as typed, for the commands that are shown."""

    sweep: SweepDetail
    result: Result
    why: Why | None
    state: Path
    elapsed: float


def to_explain(result: Result) -> int | None:
    """The stopped trial to explain: one that was judged before one that failed."""
    rows = sorted(result.stopped, key=lambda row: (row.state != "STOPPED", row.point == 0))
    return rows[0].trial if rows else None


def trial_of(sweep_id: str, number: int) -> str:
    """The id of a sweep's trial."""
    return trial_id(sweep_id, number)


def write(story: Story, state: StateFolder) -> None:
    """`summary.json` in the state folder."""
    text_ = json.dumps(summary(story, state), indent=2, allow_nan=False)
    (state.root / "summary.json").write_text(text_ + "\n")


def summary(story: Story, state: StateFolder) -> dict[str, Any]:
    """Plain data; numbers that are not finite are strings. `tracking_uri` needs no server."""
    sweep, best = story.sweep, story.result.best
    return {
        "sweep_id": sweep.id,
        "name": sweep.name,
        "state": sweep.state.value,
        "counts": story.result.counts,
        "best": best
        and {
            "trial": best.trial,
            "trial_id": trial_id(sweep.id, best.trial),
            "params": best.params,
            "metric": sweep.metric.name,
            "goal": sweep.metric.goal,
            "value": best.final,
            "stderr": best.stderr,
        },
        "stopped": [
            {"trial": row.trial, "reason": row.reason, "message": row.message, "point": row.point}
            for row in story.result.stopped
        ],
        "compute_saved": story.result.compute_saved,
        "result": plain(story.result),
        "tracking_uri": f"sqlite:///{state.mlflow_db}",
        "experiment": sweep.project,
        "experiment_id": sweep.tracking and sweep.tracking.experiment_id,
        "run_id": sweep.tracking and sweep.tracking.run_id,
        "mlflow_link": sweep.tracking and sweep.tracking.url,
        "elapsed_seconds": round(story.elapsed, 1),
    }


def tell(story: Story, mlflow_url: str) -> None:
    """The result, one verdict explained, and the commands that open it all again."""
    sweep = story.sweep
    reopen = f"sweepctl up --state {story.state} --no-agent"
    parts: list[RenderableType] = [
        "",
        f"Sweep {sweep.name} ({sweep.id}) is {sweep.state} after {story.elapsed:.0f} s",
        "",
        *results.view(story.result),
    ]
    if story.why is not None:
        command = f"sweepctl why {text.short(sweep.id)}/{story.why.number}"
        parts += ["", f"$ {command}", *whys.view(story.why)]
        parts += ["", f"Ask again at any time: {reopen}", f"and in another terminal {command}"]
    link = (sweep.tracking and sweep.tracking.url) or mlflow_url
    parts += ["", f"MLflow on this result: {reopen}", f"and open {link}"]
    parts += ["", f"Summary: {story.state / 'summary.json'}"]
    show(parts)
