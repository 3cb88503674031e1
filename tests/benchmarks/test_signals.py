from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from curve_files import small_sweep, write_folder

from benchmarks.signals import SIGNALS, agreement, main, true_norms
from sweeps.simulator.folders import read_groups
from sweeps.simulator.recorded import Group, Run
from sweeps.simulator.tables import Numbers
from sweeps.trial import Params


def column(*values: float) -> Numbers:
    return Numbers(np.array(values), np.ones(len(values), dtype=bool))


def run(early: float, final: float | None, *, norm: float = 1.0, **params: str | int) -> Run:
    """A run of 20 samples whose loss at 10 is `early`."""
    given: Params = {"config_id": f"{early} {final} {norm}", **params}
    return Run(
        given, final, np.array([10, 20]), column(early, 0.0), column(norm, 1.0),
        column(early, 0.0), column(0.1, 0.1),
    )  # fmt: skip


def group(*runs: Run, higher: bool = True) -> Group:
    return Group("g", "w", "samples", 20, higher, higher, runs)


def test_the_sign_is_that_of_a_better_final() -> None:
    rising = group(*(run(loss, 2 * loss) for loss in (1.0, 2.0, 3.0, 4.0)))
    assert agreement(rising, SIGNALS["loss"], 0.5, ()) == pytest.approx(1.0)
    falling = dataclasses.replace(rising, higher_is_better=False)
    assert agreement(falling, SIGNALS["loss"], 0.5, ()) == pytest.approx(-1.0)
    # What does not vary ranks nothing.
    assert agreement(rising, SIGNALS["grad_norm"], 0.5, ()) is None


def test_ties_share_their_rank() -> None:
    # Ranks 1.5, 1.5, 3, 4 against 1, 2, 3, 4.
    tied = group(run(1.0, 1.0), run(1.0, 2.0), run(3.0, 3.0), run(4.0, 4.0))
    assert agreement(tied, SIGNALS["loss"], 0.5, ()) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_within_equal_parameters_the_sign_may_turn() -> None:
    small = [run(loss, 10 - loss, global_batch_size=16) for loss in (1.0, 2.0, 3.0, 4.0)]
    large = [run(loss, 100 - loss, global_batch_size=64) for loss in (11.0, 12.0, 13.0, 14.0)]
    both = group(*small, *large)
    within = agreement(both, SIGNALS["loss"], 0.5, ("global_batch_size",))
    assert within == pytest.approx(-1.0)
    pooled = agreement(both, SIGNALS["loss"], 0.5, ())
    assert pooled is not None
    assert pooled > 0.4


def test_runs_in_warmup_and_without_a_final_are_left_out() -> None:
    fine = [run(loss, loss) for loss in (1.0, 2.0, 3.0, 4.0)]
    warming = run(0.5, 9.0, global_batch_size=5, warmup_steps=2)
    rest = [run(0.4, None), run(0.3, math.nan), run(math.nan, 9.0), warming]
    assert agreement(group(*fine, *rest), SIGNALS["loss"], 0.5, ()) == pytest.approx(1.0)
    assert agreement(group(*fine[:3], *rest), SIGNALS["loss"], 0.5, ()) is None
    # Before its first row a run has said nothing.
    assert agreement(group(*fine), SIGNALS["loss"], 0.4, ()) is None


def test_the_norm_without_noise_is_one_more_signal(tmp_path: Path) -> None:
    head = "group,config_id,seed,samples_seen,train_loss,grad_norm,eval_metric,true_grad_norm"
    rows = [f"g,c{n},{seed},{x},1,1,1,{'' if x < 10 else n + seed}" for n in range(4)
            for seed in (0, 1) for x in (20, 10, 5)]  # fmt: skip
    (tmp_path / "runs.csv").write_text("\n".join([head, *rows]) + "\n")
    lines = [f"g,c{n},{seed},{n + seed},True" for n in range(4) for seed in (0, 1)]
    head = "group,config_id,seed,final_metric,higher_is_better"
    (tmp_path / "finals.csv").write_text("\n".join([head, *lines]) + "\n")
    (found,) = read_groups(tmp_path)
    column = true_norms(tmp_path)["true_grad_norm"]
    seen = column(found, found.runs[3])
    assert (seen.there.tolist(), seen.values[1:].tolist()) == ([False, True, True], [2.0, 2.0])
    assert agreement(found, column, 0.5, ()) == pytest.approx(1.0)
    write_folder(tmp_path / "bare", *small_sweep())
    assert true_norms(tmp_path / "bare") == {}


def test_it_prints_finals_and_correlations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(tmp_path, *small_sweep())
    assert main([str(tmp_path), "--at", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "| group | runs | best | median | worst | without a final | best run |" in out
    assert out.count("| 0.5 | ") == len(SIGNALS)
