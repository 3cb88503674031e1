"""The spec, whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sweeps.pruners.configs import EarlyDynamics, Pruning
from sweeps.searchers.configs import Method
from sweeps.spec.goals import Evaluation, Horizon, Metric, ReportPlan
from sweeps.spec.limits import Budget, Checkpoints, Resources
from sweeps.spec.parameters import Parameters
from sweeps.spec.rows import Baselines, Confirm
from sweeps.spec.words import Name
from sweeps.spec.workload import Workload
from sweeps.wire import Wire


class Metadata(Wire):
    """Whose sweep this is."""

    name: Name
    project: Name = "default"
    labels: dict[Name, Annotated[str, Field(max_length=256)]] = {}


class Body(Wire):
    """The `spec:` block."""

    workload: Workload
    parameters: Parameters
    method: Method
    metric: Metric
    horizon: Horizon
    report: ReportPlan = ReportPlan()
    evaluation: Evaluation = Evaluation()
    pruning: Pruning = EarlyDynamics(type="early_dynamics")
    resources: Resources = Resources()
    budget: Budget = Budget()
    checkpoints: Checkpoints = Checkpoints()
    confirm: Confirm | None = None
    baselines: Baselines = Baselines()
    seed: int = Field(default=0, ge=0, lt=2**32)


class SweepSpec(Wire):
    """One sweep, whole. `parse` is the way in; a parsed spec dumps to what parses to itself."""

    apiVersion: Literal["sweeps/v1"]
    kind: Literal["Sweep"]
    metadata: Metadata
    spec: Body

    def dump(self) -> dict[str, Any]:
        """Plain JSON data with every default written out."""
        return self.model_dump(mode="json", exclude_none=True)
