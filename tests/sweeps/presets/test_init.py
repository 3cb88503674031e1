from __future__ import annotations

import re

import pytest

from sweeps.checks import check
from sweeps.errors import SpecError
from sweeps.journal import Prepared
from sweeps.lifecycle import TRIAL_ENDS
from sweeps.phases import phase_lengths, phases_of
from sweeps.planning import plan, resolve_horizon
from sweeps.presets import load, names
from sweeps.simulator.refold import refold
from sweeps.simulator.simulate import simulate
from sweeps.simulator.synthetic import Synthetic
from sweeps.space import Choice
from sweeps.spec import SweepSpec, parse_text
from sweeps.support import refuse

# The numbers as published (EVIDENCE, section 4): batch, rate, warmup, schedule, epochs.
PUBLISHED = {
    "tulu2": (128, 2e-5, ("warmup_ratio", 0.03), "linear", 2),
    "tulu3-8b": (128, 5e-6, ("warmup_ratio", 0.03), "linear", 2),
    "lab": (3840, 2e-5, ("warmup_steps", 0), "constant", 7),
    "lab-phased": (128, 2e-5, ("warmup_steps", 25), "constant", 8.5),
    "mistral-like": (3840, 1e-6, ("warmup_steps", 0), "constant", None),
    "small-data": (32, 1e-6, ("warmup_steps", 0), "constant", 3),
}
TRAIN_SAMPLES = 100_000


def test_all_of_them_are_shipped() -> None:
    assert names() == sorted([*PUBLISHED, "quickstart", "secret-recipe"])


@pytest.mark.parametrize("name", names())
def test_every_preset_parses_passes_the_checks_and_has_something_to_run(name: str) -> None:
    spec = parse_text(load(name))
    check(spec)
    refuse(spec)
    assert plan(spec).trials > 0
    assert plan(spec).refused_count == 0


def test_lab_phased_has_7_epochs_of_the_first_and_10_of_the_second() -> None:
    """Of files of one size: the published numbers of ilab."""
    spec = parse_text(load("lab-phased"))
    horizon = resolve_horizon(spec, 2 * 50_000)
    assert phase_lengths(spec.spec.workload, horizon, [50_000, 50_000]) == [350_000, 500_000]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_first_cell_is_as_published(name: str) -> None:
    batch, rate, warmup, shape, epochs = PUBLISHED[name]
    spec = parse_text(load(name))
    cell = {axis: values.values[0] for axis, values in _axes(spec).items()}
    assert (cell["global_batch_size"], cell["learning_rate"]) == (batch, rate)
    assert cell[warmup[0]] == warmup[1]
    assert cell["lr_scheduler_type"] == shape
    assert spec.spec.horizon.epochs == epochs


def test_small_data_keeps_to_the_published_ranges() -> None:
    axes = _axes(parse_text(load("small-data")))
    batches, rates = axes["global_batch_size"].values, axes["learning_rate"].values
    assert (batches[0], batches[-1]) == (32, 128)
    assert (rates[0], rates[-1]) == (1e-6, 5e-6)


@pytest.mark.parametrize("name", names())
def test_the_head_says_what_it_is_and_where_it_is_from(name: str) -> None:
    head = re.match(r"(#.*\n)+", load(name))
    assert head
    assert head[0].startswith("# ")
    assert name == "quickstart" or "Source: " in head[0] or "arXiv" in head[0]
    assert parse_text(load(name)).metadata.name == name


@pytest.mark.parametrize("name", names())
def test_every_preset_runs_to_its_end_on_the_virtual_clock(name: str) -> None:
    """With its own method and pruner, over toy curves whose best rate is its own first."""
    spec = parse_text(load(name))
    horizon = spec.spec.horizon.samples or round((spec.spec.horizon.epochs or 0) * TRAIN_SAMPLES)
    prepared = Prepared(horizon_samples=horizon, train_samples=TRAIN_SAMPLES)
    if phases := phases_of(spec.spec.workload):
        rows = [TRAIN_SAMPLES // len(phases)] * len(phases)
        lengths = phase_lengths(spec.spec.workload, horizon, rows)
        prepared = prepared.model_copy(update={"phase_samples": lengths})
    rate = float(_axes(spec)["learning_rate"].values[0])
    curves = Synthetic(spec.spec.metric, best_rate=rate)
    simulation = simulate(spec, curves, slots=4, prepared=prepared)
    states = {record.state for record in simulation.story.trials.values()}
    assert len(simulation.story.trials) == plan(spec, train_samples=TRAIN_SAMPLES).trials
    assert states <= set(TRIAL_ENDS)
    assert simulation.result.best is not None
    assert refold(spec, simulation.entries) == []


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(SpecError, match="'quickstart'"):
        load("quickstrat")
    with pytest.raises(SpecError, match="There are: "):
        load("../../etc/passwd")


def _axes(spec: SweepSpec) -> dict[str, Choice]:
    return {n: a for n, a in spec.spec.parameters.axes.items() if isinstance(a, Choice)}
