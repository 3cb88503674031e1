"""Is a parsed spec one that can run? `sweeps.spec` checks each field, these check the whole."""

from __future__ import annotations

from sweeps.checks.adapters import adapter_faults
from sweeps.checks.cells import runnable_faults
from sweeps.checks.champion import champion_faults
from sweeps.checks.panel import panel_faults
from sweeps.checks.phases import phase_faults
from sweeps.checks.pruning import pruning_faults
from sweeps.checks.sft import sft_faults
from sweeps.checks.space import method_faults, space_faults
from sweeps.checks.texts import secret_faults, text_faults
from sweeps.checks.values import value_faults
from sweeps.errors import SpecError
from sweeps.spec import SweepSpec


def check(spec: SweepSpec, *, cells: bool = True) -> None:
    """Raise SpecError with every fault of `spec`, each with pointer, value and mend.

    `cells=False` leaves out configurations that cannot run (warmup not shorter than the run, batch
    below the devices): a dry run lists those in its plan instead. A secret is reported alone and
    never printed.
    """
    if faults := secret_faults(spec):
        raise SpecError(faults)
    faults = [*text_faults(spec), *space_faults(spec), *value_faults(spec), *method_faults(spec)]
    faults += [*pruning_faults(spec), *panel_faults(spec), *phase_faults(spec)]
    faults += [*adapter_faults(spec), *champion_faults(spec)]
    if spec.spec.workload.recipe == "sft":
        faults += sft_faults(spec)
    # Cells are only made from axes that hold what they should.
    if not faults:
        faults = runnable_faults(spec, refused=cells)
    if faults:
        raise SpecError(faults)
