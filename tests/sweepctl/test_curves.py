from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path
from typing import Any

import pytest
from asking import NAN, Service, make_trial
from stories import make_report

from service.schemas import SweepReport
from sweepctl.curves import FINALS, RUNS, Recorded, group, write
from sweeps.lifecycle import TrialState
from sweeps.simulator.folders import read_groups
from sweeps.trial import GO_ON, Report


def recorded(service: Service, name: str) -> Recorded:
    with service.client() as client:
        sweep = client.get_sweep(service.sweeps[name].id)
        return Recorded(
            sweep, list(client.every_trial(sweep.id)), list(client.every_report(sweep.id))
        )


def rows(file: Path) -> list[dict[str, str]]:
    content = file.read_bytes()
    plain = gzip.decompress(content) if file.suffix == ".gz" else content
    return list(csv.DictReader(io.StringIO(plain.decode())))


def test_a_row_a_point_and_a_row_a_trial(service: Service, tmp_path: Path) -> None:
    found = recorded(service, "done")
    written = write(tmp_path, [found])
    runs, finals = rows(tmp_path / RUNS), rows(tmp_path / FINALS)
    assert (written.points, written.trials) == (len(runs), len(finals)) == (8, 5)
    assert list(runs[0]) == [
        *("group", "config_id", "seed", "samples_seen", "train_loss", "grad_norm", "eval_metric"),
        *("true_grad_norm", "noise_scale", "global_batch_size", "learning_rate"),
    ]
    assert list(finals[0])[:5] == ["group", "config_id", "seed", "final_metric", "higher_is_better"]
    name = group(found.sweep)
    assert {row["group"] for row in [*runs, *finals]} == {name}
    assert [row["samples_seen"] for row in runs if row["config_id"] == "0"] == ["900", "1000"]
    by_number = {row["config_id"]: row for row in finals}
    assert [by_number[n]["final_metric"] for n in "01234"] == ["1.5", "1.0", "1.2", "", ""]
    assert [by_number[n]["valid"] for n in "01234"] == ["True"] * 3 + ["False"] * 2
    assert by_number["0"]["horizon_samples"] == "1000"
    assert by_number["0"]["workload"].startswith('sft|{"')


def test_the_simulator_reads_it_back(service: Service, tmp_path: Path) -> None:
    write(tmp_path, [recorded(service, "done")])
    (found,) = read_groups(tmp_path)
    assert found.axis == "samples"
    assert (found.horizon, found.higher_is_better, len(found.runs)) == (1000, False, 3)
    first = found.runs[0]
    assert first.x.tolist() == [900, 1000]
    assert (first.final, first.params["learning_rate"]) == (1.5, 0.15)
    assert [first.metric.at(index) for index in (0, 1)] == [2.0, 1.5]


def made(service: Service, *reports: Report, **changes: Any) -> Recorded:
    """A sweep of one trial with these reports."""
    with service.client() as client:
        sweep = client.get_sweep(service.sweeps["done"].id)
    trial = make_trial(0, state=TrialState.DONE, **changes)
    lines = [
        SweepReport(
            trial_id=trial.id, number=0, attempt=1, at=trial.created_at, report=one, verdict=GO_ON
        )
        for one in reports
    ]
    return Recorded(sweep, [trial], lines)


def test_nan_comes_back_as_nan_and_absent_as_absent(service: Service, tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            made(
                service,
                make_report(1, losses=(1.0, 1.0), norms=(None, None)),
                make_report(2, math.inf, losses=(NAN, NAN), norms=(0.5, 0.5)),
                make_report(10, NAN),
            )
        ],
    )
    names = ("train_loss", "grad_norm", "eval_metric")
    lines = [tuple(row[name] for name in names) for row in rows(tmp_path / RUNS)]
    assert lines == [("1.0", "", ""), ("NaN", "0.5", "inf"), ("1.0", "1.0", "NaN")]
    assert rows(tmp_path / FINALS)[0]["final_metric"] == "NaN"
    (found,) = read_groups(tmp_path)
    (run,) = found.runs
    assert math.isnan(float(str(run.loss.at(1))))
    assert (run.grad_norm.at(0), run.metric.at(0), run.metric.at(1)) == (None, None, math.inf)
    assert math.isnan(float(str(run.final)))


def test_every_digit_of_a_number_comes_back(service: Service, tmp_path: Path) -> None:
    exact = 0.1 + 0.2
    write(tmp_path, [made(service, make_report(10, exact), params={"learning_rate": 1e-320})])
    row = rows(tmp_path / RUNS)[0]
    assert float(row["eval_metric"]) == exact
    assert float(row["learning_rate"]) == 1e-320


def test_a_parameter_named_as_a_column_is_set_apart(service: Service, tmp_path: Path) -> None:
    write(tmp_path, [made(service, make_report(10, 1.0), params={"seed": 7}, seed=3)])
    row = rows(tmp_path / RUNS)[0]
    assert (row["seed"], row["parameter.seed"]) == ("3", "7")


def test_the_same_sweeps_give_the_same_bytes(service: Service, tmp_path: Path) -> None:
    both = [recorded(service, "done"), recorded(service, "running")]
    for folder in ("one", "two"):
        write(tmp_path / folder, both)
    for name in (RUNS, FINALS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert sorted(one.name for one in (tmp_path / "one").iterdir()) == [FINALS, RUNS]
    assert {one.name for one in read_groups(tmp_path / "one")} == {group(one.sweep) for one in both}


def test_what_breaks_off_leaves_the_old_file(service: Service, tmp_path: Path) -> None:
    found = made(service, make_report(10, 1.0))
    write(tmp_path, [found])
    before = (tmp_path / RUNS).read_bytes()

    def broken() -> Any:
        yield from found.reports
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write(tmp_path, [Recorded(found.sweep, found.trials, broken())])
    assert (tmp_path / RUNS).read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == [FINALS, RUNS]


def test_a_trial_of_after_the_listing_is_left_out(service: Service, tmp_path: Path) -> None:
    found = recorded(service, "done")
    write(tmp_path, [Recorded(found.sweep, found.trials[:2], found.reports)])
    assert {row["config_id"] for row in rows(tmp_path / RUNS)} == {"0", "1"}
