from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from asking import Cli, Service, until
from rich.console import Console
from stories import make_spec

from service.schemas import PruningHistory, SweepPruning
from sweepctl.report import view
from sweeps.audit import wilson
from sweeps.journal import Story
from sweeps.pruning_report import PruningReport, pool, pruning_report


def report(**changes: Any) -> PruningReport:
    found = pruning_report(make_spec(pruning={"type": "early_dynamics"}), Story(), 0.5, None)
    assert found is not None
    return found.model_copy(update=changes)


def audited(false_kills: int, finished: int) -> PruningReport:
    low, high = wilson(false_kills, finished)
    measured = {"rate": false_kills / finished, "low": low, "high": high, "finished": finished}
    told = {"trials": 30, "condemned": 20, "audited": finished + 1, "estimate": 0.04}
    return report(**told, **measured, false_kills=false_kills, expected=0.002, agreement=0.5)


def printed(*reports: PruningReport, wide: bool = False) -> list[str]:
    items = [
        SweepPruning(
            sweep_id=f"swp_{number:032x}",
            name=f"s{number}",
            project="default",
            ended_at=datetime.now(UTC),
            report=one,
        )
        for number, one in enumerate(reports)
    ]
    out = Console(width=300)
    with out.capture() as drawn:
        for part in view(PruningHistory(items=items, pooled=pool(reports)), wide):
            out.print(part)
    return drawn.get().splitlines()


def test_a_line_for_each_sweep_and_what_they_say_together() -> None:
    lines = printed(audited(3, 10), report())
    first = " ".join(lines[1].split())
    assert first.startswith("s0 early_dynamics 30 20 50.0 % 10.0 % 4.0 % 10 of 11 3 30.0 %")
    assert first.endswith("10.8 % to 60.3 %")
    assert lines[2].split()[-3:] == ["-", "-", "-"]
    assert "In 1 sweep 3 of 10 audits would have been a false kill: 30 %" in lines[-1]
    assert "contradicts the pruner" in lines[-1]
    assert "AGREEMENT" in printed(report(), wide=True)[0]


def test_no_sweep_is_done() -> None:
    assert printed() == ["No sweep that prunes is done yet."]


def test_what_the_service_knows(cli: Cli, service: Service) -> None:
    def names() -> list[str]:
        return cli("report", "-o", "name").stdout.split()

    until(lambda: service.sweeps["done"].id in names(), 30)
    found = json.loads(cli("report", "--project", "tests", "-o", "json").stdout)
    # Other tests end sweeps too.
    mine = service.sweeps["done"].id
    (item,) = [item for item in found["items"] if item["sweep_id"] == mine]
    assert (item["name"], item["report"]["pruner"], item["report"]["condemned"]) == (
        "done",
        "median",
        1,
    )
    assert found["pooled"]["rate"] is None
    assert "done" in cli("report").stdout
    assert json.loads(cli("report", "--project", "none", "-o", "json").stdout)["items"] == []
