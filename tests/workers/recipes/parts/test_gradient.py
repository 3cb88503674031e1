from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from recipe_support import WORDS, Run, make_run, tiny_workload, write_rows
from trained import same, weights

from sweeps.trial import Params
from workers.recipes.parts.gradient import BatchSum, accumulate, clip
from workers.recipes.sft import run


def test_gradients_do_not_depend_on_the_micro_batch(folder: Path) -> None:
    found: list[tuple[BatchSum, float, list[torch.Tensor]]] = []
    for micro in (10, 4, 3, 1):
        job = make_run(folder, params={"learning_rate": 0.0}, horizon=10, points=1,
                       micro_batch_size=micro, trial=str(micro))  # fmt: skip
        run(job.context)
        base = job.context.cache["sft.base"]
        examples = next(v for k, v in job.context.cache.items() if k.startswith("sft.tokens"))
        total = accumulate(base.model, examples, range(10), job.context, base)
        grads = [p.grad.clone() for p in base.model.parameters()]
        found.append((total, clip(base.model, 0.0), grads))
    for total, norm, grads in found[1:]:
        assert (total.tokens, total.label_tokens) == (found[0][0].tokens, found[0][0].label_tokens)
        assert total.loss == pytest.approx(found[0][0].loss, rel=1e-6)
        assert norm == pytest.approx(found[0][1], rel=1e-5)
        for left, right in zip(grads, found[0][2], strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    assert all(grad.abs().max() > 0 for grad in found[0][2])


def test_loss_and_norm_are_those_of_the_whole_batch_before_clipping(folder: Path) -> None:
    params: Params = {"max_grad_norm": 1e-3, "learning_rate": 1e-3, "global_batch_size": 10}
    small = make_run(folder, params=params, horizon=10, points=1, micro_batch_size=3)
    run(small.context)
    free = make_run(folder, params={**params, "max_grad_norm": 0.0}, horizon=10, points=1,
                    micro_batch_size=3, trial="free")  # fmt: skip
    run(free.context)
    (_, clipped), (_, whole) = small.log.entries[0], free.log.entries[0]
    assert clipped["grad_norm"] == whole["grad_norm"] > 0.1
    assert clipped["num_tokens"] == sum(len(f"{w} = {w}!") for w in WORDS[:10])


def test_the_part_is_the_mean_gradient_of_the_first_micro_batch(folder: Path) -> None:
    job = make_run(folder, params={"learning_rate": 0.0}, horizon=10, points=1, micro_batch_size=4)
    run(job.context)
    base = job.context.cache["sft.base"]
    examples = next(v for k, v in job.context.cache.items() if k.startswith("sft.tokens"))
    lengths = [len(examples.example(index)[0]) for index in range(10)]
    longest = sorted(range(10), key=lambda index: -lengths[index])[:4]
    base.model.zero_grad()
    whole = accumulate(base.model, examples, range(10), job.context, base)
    base.model.zero_grad()
    alone = accumulate(base.model, examples, longest, job.context, base)
    assert whole.part is not None
    assert whole.part.samples == 4
    assert whole.part.grad_norm == pytest.approx(clip(base.model, 0.0), rel=1e-5)
    # One micro-batch is the whole batch: nothing to compare with.
    assert alone.part is None


def test_measuring_the_noise_changes_nothing_in_training(
    dropout_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = tiny_workload(model="base")
    measured = make_run(dropout_base, workload, micro_batch_size=1)
    run(measured.context)
    monkeypatch.setattr("workers.recipes.parts.gradient.grad_norm", lambda _: torch.tensor(1.0))
    without = make_run(dropout_base, workload, micro_batch_size=1, trial="without")
    run(without.context)

    def steps(job: Run) -> list[tuple[int, dict[str, float]]]:
        return [(at, entry) for at, entry in job.log.entries if "loss" in entry]

    assert steps(measured) == steps(without)
    assert same(weights(measured), weights(without))
    assert any("true_grad_norm" in entry for _, entry in measured.log.entries)


def test_the_noise_of_a_real_model_is_that_of_its_examples(tmp_path: Path) -> None:
    """Words of one length: then the first micro-batch is a random part of the batch. The truth is
    computed from the gradient of every example alone."""
    rng = torch.Generator().manual_seed(1)
    letters = torch.randint(97, 123, (48, 4), generator=rng).tolist()
    words = ["".join(map(chr, word)) for word in letters]
    rows = [{"prompt": f"{word} = ", "completion": word[::-1]} for word in words]
    write_rows(tmp_path / "train.jsonl", rows)
    write_rows(tmp_path / "eval.jsonl", rows[:2])
    params: Params = {"learning_rate": 0.0, "global_batch_size": 16}
    # The model never moves, so all steps are draws from one distribution. The horizon is a whole
    # number of epochs.
    job = make_run(tmp_path, params=params, horizon=48 * 60, points=1, micro_batch_size=2)
    run(job.context)
    window = job.link.reports[-1].window
    base = job.context.cache["sft.base"]
    examples = next(v for k, v in job.context.cache.items() if k.startswith("sft.tokens"))
    gradients = []
    for index in range(48):
        base.model.zero_grad()
        accumulate(base.model, examples, [index], job.context, base)
        gradients.append(torch.cat([p.grad.reshape(-1) for p in base.model.parameters()]).double())
    stacked = torch.stack(gradients)
    square = float((stacked.mean(0) ** 2).sum())
    trace = float(((stacked - stacked.mean(0)) ** 2).sum() / 47)
    # Batches are drawn without putting back: of 48, a mean over n has noise tr/n x (1 - n/48), so
    # that what is left of |G|^2 is the square less tr/48.
    assert window.true_grad_norm == pytest.approx((square - trace / 48) ** 0.5, rel=0.03)
    assert window.noise_scale == pytest.approx(trace / (square - trace / 48), rel=0.1)


def test_clipping_bounds_the_gradient(folder: Path) -> None:
    model = torch.nn.Linear(3, 2)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 10.0)
    assert [clip(model, 0.0) for _ in range(2)] == pytest.approx([10.0 * math.sqrt(8)] * 2)
    assert clip(model, 1.0) == pytest.approx(10.0 * math.sqrt(8))
    assert clip(model, 0.0) == pytest.approx(1.0, rel=1e-4)
