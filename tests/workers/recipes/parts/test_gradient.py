from __future__ import annotations

import logging
import math
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from recipe_support import (
    WORDS,
    RecordingLink,
    Run,
    make_run,
    tiny_workload,
    write_rows,
)
from trained import same, weights

from sweeps.errors import SweepError
from sweeps.trial import Params
from workers.recipes.context import Context, Order, Paused, TryAgainError
from workers.recipes.parts.data import Examples
from workers.recipes.parts.gradient import BatchSum, GlobalGradient, clip
from workers.recipes.parts.materials import materials
from workers.recipes.sft import run
from workers.recipes.world import World


def loaded(job: Run) -> tuple[Any, Examples, GlobalGradient]:
    """The model in training mode, the examples, and what makes gradients of them."""
    base, train, _ = materials(job.context)
    model = base.fresh()
    return model, train.examples, GlobalGradient(model, train.examples, job.context, base, seed=0)


def steps(job: Run) -> list[tuple[int, dict[str, float]]]:
    """What was logged of every step, but for how its batch was cut."""
    names = ("loss", "grad_norm", "learning_rate", "num_tokens")
    return [
        (at, {name: entry[name] for name in names})
        for at, entry in job.log.entries
        if "loss" in entry
    ]


def packing(on: bool) -> Any:
    return tiny_workload(options={"packing": on})


def test_gradients_depend_neither_on_the_micro_batch_nor_on_packing(folder: Path) -> None:
    found: list[tuple[BatchSum, float, list[torch.Tensor]]] = []
    cache: dict[str, Any] = {}
    for packed in (False, True):
        for micro in (10, 4, 3, 1):
            job = make_run(folder, packing(packed), micro_batch_size=micro, cache=cache)
            model, _, gradient = loaded(job)
            total = gradient(0, range(10))
            grads = [p.grad.clone() for p in model.parameters()]
            found.append((total, clip(model, 0.0), grads))
            assert (total.cut.packed_tokens is not None) == packed
    for total, norm, grads in found[1:]:
        assert (total.tokens, total.label_tokens) == (found[0][0].tokens, found[0][0].label_tokens)
        assert total.loss == pytest.approx(found[0][0].loss, rel=1e-6)
        assert norm == pytest.approx(found[0][1], rel=1e-5)
        for left, right in zip(grads, found[0][2], strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    assert all(grad.abs().max() > 0 for grad in found[0][2])
    assert [total.cut.gradient_accumulation_steps for total, _, _ in found[:4]] == [1, 3, 4, 10]


def test_a_whole_run_depends_neither_on_the_micro_batch_nor_on_packing(folder: Path) -> None:
    """Two epochs of training: micro-batch 1 against 8, packed against padded."""
    traces, cuts = [], []
    for micro, packed in ((8, False), (1, False), (8, True), (1, True)):
        job = make_run(folder, packing(packed), {"global_batch_size": 8, "learning_rate": 1e-3},
                       micro_batch_size=micro, trial=f"{micro}-{packed}")  # fmt: skip
        run(job.context)
        traces.append(steps(job))
        cuts.append(job.link.reports[-1].cut)
    for trace in traces[1:]:
        for (at, entry), (there, other) in zip(trace, traces[0], strict=True):
            assert at == there
            assert entry == pytest.approx(other, rel=1e-4)
    assert {cut.effective_batch_size for cut in cuts if cut} == {8}
    assert [cut.gradient_accumulation_steps for cut in cuts if cut] == [1, 8, 1, 8]


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


class Ranked(World):
    """One of several ranks, whose words are not heard: sums are its own."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("ranks", "micro"), [(3, 2), (4, 1), (2, 8), (7, 1)])
def test_uneven_ranks_make_the_gradient_of_one(
    folder: Path, ranks: int, micro: int, packed: bool
) -> None:
    """Ten examples on 3, 4 or 7 ranks: the sum of what they make is the gradient of the whole."""
    cache: dict[str, Any] = {}
    model, _, gradient = loaded(make_run(folder, packing(packed), cache=cache))
    whole = gradient(0, range(10))
    expected = [p.grad.clone() for p in model.parameters()]
    sums, losses, passes = [torch.zeros_like(grad) for grad in expected], 0.0, set()
    for rank in range(ranks):
        job = make_run(folder, packing(packed), cache=cache, micro_batch_size=micro,
                       world=Ranked(rank, ranks))  # fmt: skip
        model, _, gradient = loaded(job)
        mine = gradient(0, range(10))
        losses += mine.loss
        passes.add(mine.cut.gradient_accumulation_steps)
        for total, parameter in zip(sums, model.parameters(), strict=True):
            total += parameter.grad
        assert (mine.tokens, mine.label_tokens) == (whole.tokens, whole.label_tokens)
        assert (mine.cut.effective_batch_size, mine.cut.devices) == (10, ranks)
    assert len(passes) == 1  # with collectives inside, a rank that is ready early would hang
    assert losses == pytest.approx(whole.loss, rel=1e-6)
    for total, grad in zip(sums, expected, strict=True):
        torch.testing.assert_close(total, grad, rtol=1e-4, atol=1e-6)


def test_the_part_is_the_mean_gradient_of_examples_drawn_by_seed_and_step(folder: Path) -> None:
    job = make_run(folder, micro_batch_size=4)
    model, examples, gradient = loaded(job)
    parts = []
    for step in (0, 1, 0):
        model.zero_grad()
        parts.append(gradient(step, range(10)).part)
    assert all(part is not None and part.samples == 4 for part in parts)
    norms = [part.grad_norm for part in parts if part]
    assert norms[0] == pytest.approx(norms[2], rel=1e-6)
    assert norms[0] != pytest.approx(norms[1], rel=1e-3)
    # It is the norm over four of the ten, whichever they are.
    alone = make_run(folder, micro_batch_size=10)
    found = []
    model, _, gradient = loaded(alone)
    for four in combinations(range(10), 4):
        model.zero_grad()
        total = gradient(0, four)
        assert total.part is None  # one micro-batch is the whole batch: nothing to compare with
        found.append(clip(model, 0.0))
    assert min(abs(norm - norms[0]) for norm in found) < 1e-4 * norms[0]
    assert len(examples) == 10


def test_measuring_the_noise_changes_nothing_in_training(
    dropout_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = tiny_workload(model="base")
    measured = make_run(dropout_base, workload, micro_batch_size=1)
    run(measured.context)
    monkeypatch.setattr("workers.recipes.parts.gradient.grad_norm", lambda _: torch.tensor(1.0))
    without = make_run(dropout_base, workload, micro_batch_size=1, trial="without")
    run(without.context)
    assert steps(measured) == steps(without)
    assert same(weights(measured), weights(without))
    assert any("true_grad_norm" in entry for _, entry in measured.log.entries)


@pytest.mark.parametrize("spread", [0, 6])
def test_the_noise_of_a_real_model_is_that_of_its_examples(tmp_path: Path, spread: int) -> None:
    """Words of one length, and of 2 to 8 letters. The truth is computed from the gradient of every
    example alone: of token means of unequal examples, the residuals of a ratio estimate (Cochran,
    Sampling Techniques, 3rd ed., 2.11), which for equal ones are those of a mean."""
    count, batch, micro = 48, 24, 8
    rng = torch.Generator().manual_seed(1)
    sizes = torch.randint(0, spread + 1, (count,), generator=rng) + (2 if spread else 4)
    words = [
        "".join(map(chr, torch.randint(97, 123, (int(size),), generator=rng).tolist()))
        for size in sizes
    ]
    rows = [{"prompt": f"{word} = ", "completion": word[::-1]} for word in words]
    write_rows(tmp_path / "train.jsonl", rows)
    write_rows(tmp_path / "eval.jsonl", rows[:2])
    params: Params = {"learning_rate": 0.0, "global_batch_size": batch}
    # The model never moves, so all steps are draws from one distribution. The horizon is a whole
    # number of epochs.
    job = make_run(tmp_path, params=params, horizon=count * 60, points=1, micro_batch_size=micro)
    run(job.context)
    window = job.link.reports[-1].window
    model, examples, gradient = loaded(make_run(tmp_path, cache=job.context.cache))
    sums = []
    for index in range(count):
        model.zero_grad()
        labels = gradient(0, [index]).label_tokens
        flat = torch.cat([p.grad.reshape(-1) for p in model.parameters()]).double()
        sums.append(flat * labels)
    tokens = torch.tensor(examples.label_counts).double()
    mean = torch.stack(sums).sum(0) / tokens.sum()
    residuals = (torch.stack(sums) - tokens[:, None] * mean) / tokens.mean()
    square = float((mean**2).sum())
    trace = float((residuals**2).sum() / (count - 1))
    # Batches are drawn without putting back: of 48, a mean over n has noise tr/n x (1 - n/48), so
    # that what is left of |G|^2 is the square less tr/48.
    assert window.true_grad_norm == pytest.approx((square - trace / count) ** 0.5, rel=0.03)
    assert window.noise_scale == pytest.approx(trace / (square - trace / count), rel=0.1)


def test_clipping_bounds_the_gradient(folder: Path) -> None:
    model = torch.nn.Linear(3, 2)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 10.0)
    assert [clip(model, 0.0) for _ in range(2)] == pytest.approx([10.0 * math.sqrt(8)] * 2)
    assert clip(model, 1.0) == pytest.approx(10.0 * math.sqrt(8))
    assert clip(model, 0.0) == pytest.approx(1.0, rel=1e-4)


def small_device(monkeypatch: pytest.MonkeyPatch, tokens: Callable[[], int]) -> None:
    """Training that runs out of memory above so many tokens in a micro-batch, once the forward
    pass is done and a part of the gradient is there."""
    from workers.recipes.parts.loss import token_losses

    def limited(model: Any, batch: Any, device: str) -> torch.Tensor:
        found = token_losses(model, batch, device)
        if batch.ids.numel() > tokens():
            found.sum().backward()  # type: ignore[no-untyped-call]
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")
        return found

    monkeypatch.setattr("workers.recipes.parts.gradient.token_losses", limited)


@pytest.mark.parametrize("packed", [False, True])
def test_out_of_memory_halves_the_micro_batch_and_the_numbers_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, packed: bool
) -> None:
    params: Params = {"global_batch_size": 8, "learning_rate": 1e-3}
    cache: dict[str, Any] = {}
    free = make_run(folder, packing(packed), params, micro_batch_size=8, trial="free", cache=cache)
    run(free.context)
    longest = max(len(f"{word} = {word}!") for word in WORDS[:10])
    small_device(monkeypatch, lambda: 3 * longest)
    short = make_run(folder, packing(packed), params, micro_batch_size=8, cache=cache)
    with caplog.at_level(logging.WARNING):
        run(short.context)
    for (at, entry), (there, other) in zip(steps(short), steps(free), strict=True):
        assert at == there
        assert entry == pytest.approx(other, rel=1e-4)
    assert short.context.params == free.context.params
    cut = short.link.reports[-1].cut
    assert cut is not None
    assert (cut.effective_batch_size, cut.per_device_train_batch_size, cut.halvings) == (8, 2, 2)
    if not packed:
        assert cut.gradient_accumulation_steps == 4
    assert len([record for record in caplog.records if "ran out of memory" in record.message]) == 2
    told = [e for _, e in short.log.entries if "batch/per_device_train_batch_size" in e]
    assert [(e["batch/per_device_train_batch_size"], e["batch/halvings"]) for e in told] == [
        (2.0, 2.0)
    ]
    # The next trial of this shape in this worker begins where this one came to.
    caplog.clear()
    after = make_run(folder, packing(packed), {**params, "learning_rate": 2e-3},
                     micro_batch_size=8, trial="after", cache=cache)  # fmt: skip
    run(after.context)
    assert not caplog.records
    cut = after.link.reports[-1].cut
    assert cut is not None
    assert (cut.per_device_train_batch_size, cut.halvings) == (2, 0)


def test_a_resumed_run_keeps_the_micro_batch_it_had(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [1000]
    small_device(monkeypatch, lambda: room[0])
    params: Params = {"global_batch_size": 8}

    def attempt(trial: str, link: RecordingLink) -> Run:
        room[0] = 1000
        job = make_run(folder, packing(False), params, link=link, trial=trial, horizon=32,
                       micro_batch_size=8)  # fmt: skip
        told = job.context.step

        def step(**values: Any) -> None:
            room[0] = 25 if job.context.steps_done == 0 else room[0]  # short from step 2 on
            told(**values)

        monkeypatch.setattr(job.context, "step", step)
        return job

    whole = attempt("whole", RecordingLink())
    run(whole.context)
    cuts = [report.cut for report in whole.link.reports]
    assert [cut.per_device_train_batch_size for cut in cuts if cut] == [2, 2, 2]
    first = attempt("parted", RecordingLink(Order.PAUSE, 16))
    with pytest.raises(Paused):
        run(first.context)
    # A fresh worker with plenty of memory: the numbers must be the same bits all the same.
    second = attempt("parted", RecordingLink())
    run(second.context)
    assert first.log.entries + second.log.entries == whole.log.entries
    assert same(weights(second), weights(whole))
    last = second.link.reports[-1].cut
    assert last is not None
    assert (last.per_device_train_batch_size, last.halvings) == (2, 2)


def test_when_one_example_does_not_fit_the_mend_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_device(monkeypatch, lambda: 5)
    with pytest.raises(SweepError, match="gradient_checkpointing"):
        run(make_run(folder).context)


def test_with_several_ranks_the_next_attempt_begins_with_half(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait within the model, so one that ran out of memory ends the attempt for all."""

    def attempt() -> BatchSum:
        job = make_run(folder, packing(False), micro_batch_size=4, world=Ranked(0, 2))
        return loaded(job)[2](0, range(10))

    small_device(monkeypatch, lambda: 25)
    with pytest.raises(TryAgainError, match="The next attempt begins with a micro-batch of 2"):
        attempt()
    cut = attempt().cut
    assert (cut.per_device_train_batch_size, cut.halvings) == (2, 1)
    small_device(monkeypatch, lambda: 3)
    with pytest.raises(TryAgainError, match="micro-batch of 1"):
        attempt()
    with pytest.raises(SweepError, match="Lower workload"):
        attempt()


def short_update(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The update of that many steps from here runs out of memory, once some weights have moved."""
    begun: list[int] = []

    class Short(torch.optim.AdamW):
        def step(self, closure: Any = None) -> Any:
            begun.append(1)
            if len(begun) == at:
                self.param_groups[0]["params"][0].data.add_(1.0)
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")
            return super().step(closure)

    monkeypatch.setattr(torch.optim, "AdamW", Short)


@pytest.mark.parametrize("at", [1, 4])
def test_an_update_that_runs_out_of_memory_is_made_by_the_next_attempt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """At the first step, which allocates the moments, no checkpoint is there yet."""

    def attempt(trial: str) -> Run:
        # A fresh cache, as in a fresh process; every step is saved.
        return make_run(folder, packing(False), {"global_batch_size": 8, "learning_rate": 1e-3},
                        horizon=48, micro_batch_size=8, trial=trial,
                        checkpoint_seconds=0.0)  # fmt: skip

    free = attempt("free")
    run(free.context)
    short_update(monkeypatch, at)
    first, second = attempt("short"), attempt("short")
    with pytest.raises(TryAgainError, match="The next attempt begins with a micro-batch of 4"):
        run(first.context)
    assert len(steps(first)) == at - 1
    run(second.context)
    found = steps(first) + steps(second)
    assert [step for step, _ in found] == [step for step, _ in steps(free)]
    for (_, entry), (_, other) in zip(found, steps(free), strict=True):
        assert entry == pytest.approx(other, rel=1e-4)
    for mine, theirs in zip(weights(second).values(), weights(free).values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    cuts = [report.cut for job in (free, second) for report in job.link.reports[-1:]]
    told = [(c.effective_batch_size, c.per_device_train_batch_size, c.halvings) for c in cuts if c]
    assert told == [(8, 8, 0), (8, 4, 1)]


def test_an_update_that_fits_no_micro_batch_names_the_mend(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_update(monkeypatch, at=1)
    with pytest.raises(SweepError, match="moments, or because another process"):
        run(make_run(folder, packing(False), micro_batch_size=1).context)


def test_other_errors_pass_through(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> torch.Tensor:
        raise RuntimeError("expected scalar type")

    monkeypatch.setattr("workers.recipes.parts.gradient.token_losses", broken)
    with pytest.raises(RuntimeError, match="expected scalar type"):
        run(make_run(folder).context)
    _, _, gradient = loaded(make_run(folder))
    with pytest.raises(RuntimeError, match="expected"), gradient.applying():
        broken()


def test_every_micro_batch_is_told_to_the_context(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(Context, "micro_batch", lambda _, tokens: seen.append(tokens))
    _, examples, gradient = loaded(make_run(folder, packing(True), micro_batch_size=3))
    gradient(0, range(10))
    assert sum(seen) == int(examples.lengths.sum())
