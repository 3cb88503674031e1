"""`sweepctl backtest` over folders written here, in every shape that people have them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import Cli
from curve_files import Row, write_folder
from flat_sweeps import flat_folder, flat_rows

LEVELS = [float(n * 5 % 8) for n in range(8)]


def table_of(
    cli: Cli, folder: Path, *options: str, pruner: str = "median", peers: bool = False
) -> dict[str, Any]:
    """The JSON of one backtest."""
    given = ["--order-seeds", "2", "--points", "9", *options]
    given += [] if peers else ["--no-peers"]
    result = cli("backtest", str(folder), "--pruner", pruner, *given, "-o", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_the_json_has_all_that_was_agreed(bare: Cli, tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, LEVELS)
    options = ("--risk", "0.1,0.2", "--slots", "2", "--min-trials", "6")
    found = table_of(bare, folder, *options, peers=True)
    assert found["pruner"] == "median"
    assert [row["risk"] for row in found["rows"]] == [0.1, 0.2]
    keys = {"compute", "regret", "best_kept", "kept_within_tolerance", "time_to_result"}
    more = {"risk", "tolerance", "audit_compute", "interval", "groups"}
    assert keys | more <= set(found["rows"][0])
    assert keys | {"group", "workload", "trials"} == set(found["rows"][0]["groups"][0])
    assert found["rows"][0]["groups"][0]["trials"] == 8
    assert keys <= set(found["peers"]["hyperband"])
    assert "median" not in found["peers"]


def test_figures_worked_out_by_hand(bare: Cli, tmp_path: Path) -> None:
    """Eight trials: 3 of 8 pass 1/9 of the run, 1 of 3 passes 1/3 of it."""
    folder = flat_folder(tmp_path, LEVELS)
    peers = table_of(bare, folder, peers=True)["peers"]
    assert peers["successive_halving"]["compute"] == pytest.approx((5 * 10 + 2 * 30 + 90) / 720)
    assert peers["successive_halving"]["regret"] == 0
    assert peers["better_half"]["compute"] == pytest.approx((4 * 10 + 4 * 90) / 720)
    assert peers["random_half"]["compute"] == 0.5
    assert peers["never"] == pytest.approx(
        {
            "compute": 1,
            "regret": 0,
            "best_kept": 1,
            "kept_within_tolerance": 1,
            "time_to_result": 1,
            "compute_of_horizon": 1,
            "random_regret": 0,
            "random_kept": 1,
        }
    )


def test_equal_words_give_equal_bytes_and_a_seed_another_order(bare: Cli, tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, LEVELS)
    one = table_of(bare, folder, pruner="random_half")
    assert table_of(bare, folder, pruner="random_half") == one
    assert table_of(bare, folder, "--jobs", "2", pruner="random_half") == one
    others = [
        table_of(bare, folder, "--seed", str(seed), pruner="random_half")["rows"][0]["regret"]
        for seed in range(1, 5)
    ]
    assert set(others) != {one["rows"][0]["regret"]}


def test_the_table_is_for_people(bare: Cli, tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, LEVELS)
    result = bare(
        "backtest", str(folder), "--pruner", "better_half", "--order-seeds", "1", "-o", "wide"
    )
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["POLICY", "RISK", "COMPUTE"]
    assert lines[1].split()[:2] == ["better_half", "0.1"]
    assert any(line.startswith("flat ") for line in lines)
    assert lines[-1].startswith("Groups: 1, of 1 workloads. Trials: 8. Orders: 1. Slots: 4. ")
    bare_table = bare("backtest", str(folder), "--pruner", "never", "--no-peers").stdout
    assert len([line for line in bare_table.splitlines() if line.startswith("never")]) == 1
    assert "hyperband" not in bare_table
    assert bare("backtest", str(folder), "--pruner", "never", "-o", "name").stdout == "flat\n"


def test_small_groups_are_left_out(bare: Cli, tmp_path: Path) -> None:
    small, large = flat_rows([1.0, 2.0], group="small"), flat_rows(LEVELS, group="large")
    folder = write_folder(tmp_path, small[0] + large[0], small[1] + large[1])
    groups = table_of(bare, folder)["rows"][0]["groups"]
    assert [one["group"] for one in groups] == ["large"]
    both = table_of(bare, folder, "--min-trials", "2")["rows"][0]["groups"]
    assert [one["group"] for one in both] == ["large", "small"]


def test_workloads_count_alike_however_many_groups_they_have(bare: Cli, tmp_path: Path) -> None:
    rows: tuple[list[Row], list[Row]] = ([], [])
    for name, workload in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        # In b no trial can be told from another along the way, and the metric misleads.
        metrics = LEVELS if workload == "a" else [7 - level for level in LEVELS]
        runs, finals = flat_rows(LEVELS, group=name, workload=workload, metrics=metrics)
        rows[0].extend(runs)
        rows[1].extend(finals)
    found = table_of(bare, write_folder(tmp_path, *rows), pruner="better_half")
    assert [one["regret"] for one in found["rows"][0]["groups"]] == [0, 0, 1]
    assert found["rows"][0]["regret"] == 0.5
    assert found["rows"][0]["interval"]["regret"] == [0, 1]


Change = Callable[[list[Row], list[Row]], None]


def each(rows: list[Row], change: Callable[[Row], None]) -> None:
    for row in rows:
        change(row)


def only_epochs(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.update(epoch=row.pop("samples_seen")))
    each(finals, lambda row: row.pop("horizon_samples"))


def only_steps(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.update(step=row.pop("samples_seen")))
    each(finals, lambda row: row.update(step_hint=row.pop("horizon_samples")))


def no_metric(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.pop("eval_metric"))


def no_norm(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.pop("grad_norm"))


def no_loss(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.pop("train_loss"))


def no_workload(runs: list[Row], finals: list[Row]) -> None:
    each(finals, lambda row: row.pop("workload"))


def two_seeds(runs: list[Row], finals: list[Row]) -> None:
    def named(row: Row) -> None:
        number = int(row["config_id"][1:])
        row.update(config_id=f"c{number // 2}", seed=number % 2)

    each(runs, named)
    each(finals, named)


def the_metric_turned_round(runs: list[Row], finals: list[Row]) -> None:
    each(runs, lambda row: row.update(eval_metric=-row["eval_metric"]))
    each(finals, lambda row: row.update(eval_higher_is_better=True))


SHAPES = [only_epochs, only_steps, no_metric, no_norm, no_loss, no_workload, two_seeds]


@pytest.mark.parametrize("change", [*SHAPES, the_metric_turned_round])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_shapes_that_change_nothing(bare: Cli, tmp_path: Path, change: Change, kind: str) -> None:
    """In all of them the better half by what is left is the better half."""
    runs, finals = flat_rows(LEVELS)
    change(runs, finals)
    found = table_of(bare, write_folder(tmp_path, runs, finals, kind), pruner="better_half")
    row = found["rows"][0]
    assert row["compute"] == pytest.approx((4 * 10 + 4 * 90) / 720)
    assert (row["regret"], row["best_kept"]) == (0, 1)


def test_what_is_not_valid_takes_no_part(bare: Cli, tmp_path: Path) -> None:
    runs, finals = flat_rows([-9.0, *LEVELS])
    each(finals, lambda row: row.update(valid=row["config_id"] != "c00"))
    found = table_of(bare, write_folder(tmp_path, runs, finals), pruner="never")
    assert found["trials"] == 8
    assert found["rows"][0]["regret"] == 0


def test_runs_that_broke_are_the_worst(bare: Cli, tmp_path: Path) -> None:
    finals = [*LEVELS, math.nan, math.nan]
    metrics = [*LEVELS, math.nan, 99.0]
    folder = flat_folder(tmp_path, finals, metrics=metrics)
    never = table_of(bare, folder, pruner="never")["rows"][0]
    assert never["compute"] == pytest.approx((9 * 90 + 1) / 900)
    assert never["regret"] == 0


def test_a_run_that_reached_its_target_is_whole(bare: Cli, tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, LEVELS, lengths=[45, *[90] * 7])
    never = table_of(bare, folder, pruner="never")["rows"][0]
    assert never["compute"] == 1
    assert never["compute_of_horizon"] == pytest.approx(675 / 720)
    assert never["regret"] == 0


def test_signals_can_be_dropped_and_the_target_reversed(bare: Cli, tmp_path: Path) -> None:
    folder = flat_folder(tmp_path, LEVELS, metrics=[7 - level for level in LEVELS])
    misled = table_of(bare, folder, pruner="better_half")["rows"][0]
    assert misled["regret"] == 1
    # Loss is the metric, one up, so what it says is as wrong; turned round it is right.
    turned = table_of(bare, folder, "--reverse", pruner="better_half")["rows"][0]
    assert turned["regret"] == 0
    no_signal = ("--drop", "metric", "--drop", "loss")
    blind = table_of(bare, folder, *no_signal, pruner="better_half")["rows"][0]
    assert (blind["compute"], blind["regret"]) == (1, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--pruner", "nobody"), "there is no pruner 'nobody'"),
        (("--pruner", "median", "--risk", "2"), "'2' is no list of risks"),
        (("--pruner", "median", "--risk", "a,b"), "'a,b' is no list of risks"),
        (("--pruner", "median", "--min-trials", "9"), "has 9 trials; the largest has 8"),
    ],
)
def test_what_cannot_be_done_says_what_to_type(
    bare: Cli, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    result = bare("backtest", str(flat_folder(tmp_path, LEVELS)), *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert result.stderr.splitlines()[-1].startswith("next: ")


def test_a_folder_that_is_none_names_the_file(bare: Cli, tmp_path: Path) -> None:
    def said(folder: Path) -> str:
        result = bare("backtest", str(folder), "--pruner", "median")
        assert result.exit_code == 2
        return result.stderr

    assert "has no runs.parquet and no runs.csv.gz" in said(tmp_path / "nowhere")
    runs, finals = flat_rows(LEVELS)
    folder = write_folder(tmp_path / "some", runs, finals)
    (folder / "finals.csv").rename(folder / "other.csv")
    assert "has no finals.csv" in said(folder)
    each(finals, lambda row: row.pop("final_metric"))
    assert "finals.csv lacks the column final_metric" in said(
        write_folder(tmp_path / "bare", runs, finals)
    )
    runs, finals = flat_rows(LEVELS)
    each(finals, lambda row: row.update(group="another"))
    assert "no run of" in said(write_folder(tmp_path / "apart", runs, finals))


def test_leaving_one_out_needs_another_problem(bare: Cli, tmp_path: Path) -> None:
    one = flat_folder(tmp_path / "one", LEVELS, workload="a")
    other = flat_folder(tmp_path / "other", LEVELS, workload="b")
    alone = bare("backtest", str(one), "--pruner", "early_dynamics", "--leave-one-out")
    assert alone.exit_code == 2
    assert "nothing to learn from for a" in alone.stderr
    assert "--learn FOLDER" in alone.stderr.splitlines()[-1]
    learn = ("--leave-one-out", "--learn", str(other))
    found = table_of(bare, one, *learn, "--risk", "0.3", pruner="early_dynamics", peers=True)
    assert found["leave_one_out"]
    assert 0 < found["rows"][0]["compute"] <= 1
    assert {"metric_only", "loss_only", "grad_norm_only"} <= set(found["peers"])


def test_what_is_taken_is_used(bare: Cli, tmp_path: Path) -> None:
    folder = str(flat_folder(tmp_path, LEVELS))
    audit = bare("backtest", folder, "--pruner", "median", "--audit", "0.5")
    assert (audit.exit_code, "median audits nothing" in audit.stderr) == (2, True)
    learn = bare("backtest", folder, "--pruner", "median", "--learn", folder)
    assert (learn.exit_code, "add --leave-one-out" in learn.stderr) == (2, True)


def test_an_audit_costs_and_keeps_nothing(bare: Cli, tmp_path: Path) -> None:
    """All condemned trials run on: they cost, and what they would have found does not count."""
    folder = flat_folder(tmp_path, [float(n * 11 % 24) for n in range(24)])
    given = ("--risk", "0.5")
    plain = table_of(bare, folder, *given, pruner="early_dynamics")["rows"][0]
    audited = table_of(bare, folder, *given, "--audit", "1", pruner="early_dynamics")["rows"][0]
    assert plain["audit_compute"] == 0
    assert plain["compute"] < 1
    assert audited["audit_compute"] > 0
    assert audited["compute"] >= audited["audit_compute"] + plain["compute"] / 2
    assert audited["regret"] >= 0
