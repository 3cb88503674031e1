"""The example of docs/phased.md, whole: stacked against phased, one first phase for three."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running import ROOT, Running

from sweeps.journal import fold
from sweeps.lifecycle import TrialState
from sweeps.phases import stages_in
from sweeps.prefixes import prefixes
from sweeps.result import samples_run
from sweeps.simulator.refold import refold
from sweeps.spec import parse, parse_text
from sweeps.trial import Role

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.slow]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.mark.timeout(600)
def test_stacked_against_phased_with_one_first_phase_for_three(up: Running) -> None:
    subprocess.run([sys.executable, str(EXAMPLES / "phased_data.py"), str(up.folder)], check=True)
    data = parse_text((EXAMPLES / "phased.yaml").read_text("utf-8")).dump()
    work = data["spec"]["workload"]
    for holder in (work["data"]["eval"], *work["strategy"]["phased"]):
        for key in holder.keys() & {"data", "knowledge", "skills"}:
            holder[key] = str(up.folder / holder[key])
    # Fresh seeds have tests of their own, and take two thirds of the time.
    del data["spec"]["confirm"]
    spec = parse(data)
    sweep = up.client.create_sweep(spec)
    assert up.ended(sweep.id, 500).state == "DONE", up.driver_log(sweep.id)

    entries = list(up.client.entries(sweep.id))
    story = fold(entries)
    search = [r for _, r in sorted(story.trials.items()) if r.trial.role is Role.SEARCH]
    assert [record.trial.params["strategy"] for record in search] == ["stacked"] + ["phased"] * 3
    assert {record.state for record in search} == {TrialState.DONE}
    assert [record.reports[6].samples for record in search] == [1200] * 4
    (boundary,) = {
        prefix.samples
        for record in search
        for prefix in prefixes(spec, stages_in(spec, story), record.trial)
    }
    assert boundary == 600
    _, payer, *heirs = search
    for heir in heirs:
        assert {report.inherited for report in heir.reports.values()} == {boundary}
        for point in (1, 2, 3):
            assert heir.reports[point].metrics == payer.reports[point].metrics
        assert samples_run(heir) == 600
    result = up.client.result(sweep.id)
    assert result.samples_run == 2 * 1200 + 2 * 600
    assert {row.params["strategy"] for row in result.ranking} == {"stacked", "phased"}
    assert refold(spec, entries) == []
    assert not list(up.folder.rglob("phases/*/step-*"))
