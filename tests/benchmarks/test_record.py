from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks import record as bench
from benchmarks.record import Cell, Record, cells, main, record, write
from sweepctl.curves import FINALS, RUNS
from sweeps.simulator.folders import read_groups
from workers.demo import files
from workers.recipes.parts.tokenizer import train_tokenizer

COMMITTED = Path(bench.__file__).parent / "curves" / bench.NAME


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The demo's data beside a base model that knows nothing yet."""
    folder = tmp_path / "work" / "demo"
    files.write_data(folder)
    config = LlamaConfig(
        vocab_size=260, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(5)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    train_tokenizer(["abc"], 260).save_pretrained(folder / "base")
    files.stamp(folder)
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four points and two configurations instead of twenty and 72."""
    monkeypatch.setattr(bench, "SAMPLES", 256)
    monkeypatch.setattr(bench, "POINTS", 4)
    grid = {**bench.GRID, "global_batch_size": (16,), "learning_rate": (1e-3, 1e4)}
    grid |= {"warmup_steps": (0,), "lr_scheduler_type": ("constant",)}
    monkeypatch.setattr(bench, "GRID", grid)


def rows(file: Path) -> list[dict[str, str]]:
    content = file.read_bytes()
    plain = gzip.decompress(content) if file.suffix == ".gz" else content
    return list(csv.DictReader(io.StringIO(plain.decode())))


def test_the_grid_varies_the_batch_over_enough_configurations() -> None:
    found = cells()
    assert len({cell.config for cell in found}) == 72
    assert len(found) == 144
    for cell in found:
        assert len({cell.plan.global_batch_size // size for size in (8, 16, 64)}) == 3
        assert cell.plan.warmup_steps < cell.plan.steps
        assert cell.plan.steps >= cell.plan.points


@pytest.mark.usefixtures("small")
def test_a_sweep_is_recorded_once_and_read_back(
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran: list[str] = []

    def counted(cell: Cell, folder: Path, cache: dict[str, Any]) -> Record:
        ran.append(f"{cell.config} {cell.seed}")
        return record(cell, folder, cache)

    monkeypatch.setattr(bench, "record", counted)
    out, work = tmp_path / "out", ["--work", str(demo.parent)]
    assert main([str(out), *work, "--part", "1/2"]) == 1
    assert not out.exists()
    trained = ["b16-lr0.001-w0-constant 0", "b16-lr0.001-w0-constant 1"]
    assert ran == [*trained, "b16-lr0-w0-constant 0"]
    assert main([str(out), *work]) == 0
    assert len(ran) == len(set(ran)) == 5
    first = [(out / name).read_bytes() for name in (RUNS, FINALS)]
    assert main([str(tmp_path / "again"), *work]) == 0
    assert [(tmp_path / "again" / name).read_bytes() for name in (RUNS, FINALS)] == first
    assert len(ran) == 5
    assert "the base model: skill 5.5" in capsys.readouterr().out

    groups = read_groups(out)
    assert [group.name for group in groups] == [
        f"sft_tiny/{target}/seed{seed}" for target in ("retention", "skill") for seed in (0, 1)
    ]
    assert {group.workload for group in groups} == {"sft_tiny/skill", "sft_tiny/retention"}
    for group in groups:
        assert (group.axis, group.horizon, group.higher_is_better) == ("samples", 256, False)
        run = group.runs[0]
        assert run.x.tolist() == [64, 128, 192, 256]
        assert run.final == run.metric.at(3)
        assert set(run.params) == {"config_id", "seed", *bench.GRID}
        assert run.params["global_batch_size"] == 16
        assert all(run.grad_norm.there)
    assert groups[0].runs[0].final != groups[2].runs[0].final


@pytest.mark.usefixtures("small")
def test_the_same_run_leaves_the_same_record(demo: Path) -> None:
    cell = cells()[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    one, two = (record(cell, demo, {}) for _ in range(2))
    torch.set_num_threads(threads)
    assert one.reports == two.reports
    assert {"eval_skill_loss", "eval_retention_loss"} <= set(one.reports[0].metrics)


@pytest.mark.usefixtures("small")
def test_a_run_that_a_guard_stops_has_no_finite_final(demo: Path, tmp_path: Path) -> None:
    whole = record(cells()[0], demo, {})
    broken = whole.reports[1].model_copy(update={"guard": "non_finite_loss", "metrics": {}})
    other = Record(params=cells()[1].params, seed=0, seconds=1.0, reports=[broken])
    points, trials = write(tmp_path, [whole, other])
    assert (points, trials) == (10, 4)
    last = rows(tmp_path / FINALS)[1]
    assert (last["config_id"], last["final_metric"]) == ("b16-lr10000-w0-constant", "NaN")
    (group, _) = read_groups(tmp_path)
    final = group.runs[1].final
    assert final is not None
    assert math.isnan(final)


@pytest.mark.skipif(not (COMMITTED / FINALS).exists(), reason="the recording is not here")
def test_the_committed_recording_is_whole() -> None:
    groups = read_groups(COMMITTED)
    assert [len(group.runs) for group in groups] == [72] * 4
    for group in groups:
        finals = [run.final for run in group.runs if run.final is not None]
        assert len(finals) == 72
        best, worst = group.ranked()[0].final, group.ranked()[-1].final
        assert best is not None
        assert worst is not None
        assert best < worst
