"""What a driver hands to a worker: one attempt at one trial, as plain data."""

from __future__ import annotations

from pathlib import Path

from sweeps.journal import Prepared
from sweeps.points import RunPlan, run_plan
from sweeps.spec import Evaluation, SweepSpec, Workload
from sweeps.trial import Params, Role, Trial, trial_id
from sweeps.wire import Wire
from workers.settings import WorkerSettings


class AttemptOrder(Wire):
    """Everything a worker needs. It travels as JSON text in the Ray trial's config: Ray workers
    get the raylet's environment, not the driver's."""

    sweep_id: str
    number: int
    attempt: int
    # The last decision point that the journal has of this trial.
    heard: int | None = None
    params: Params
    role: Role = Role.SEARCH
    seed: int
    workload: Workload
    evaluation: Evaluation
    horizon: int
    points: int
    micro_batch_size: int
    device: str
    threads: int
    folder: str
    roots: list[str]
    recipes: str
    tracking_uri: str | None
    checkpoint_seconds: float
    keep_final: bool
    # The trial's own folder at the pool's mirror of checkpoints.
    mirror: str | None
    beat_seconds: float

    @property
    def trial_id(self) -> str:
        """`trl_...`"""
        return trial_id(self.sweep_id, self.number)

    @property
    def plan(self) -> RunPlan:
        """The run of this configuration."""
        return run_plan(self.params, self.horizon, self.points)


def trial_folder(sweep_folder: Path, number: int) -> Path:
    """Where one trial keeps its checkpoints and its metric spool."""
    return sweep_folder / "trials" / f"{number:05d}"


def checkpoints_of(folder: Path) -> Path:
    """Where a trial that has this folder keeps its checkpoints."""
    return folder / "checkpoints"


class OrderMaker:
    """Makes the order for an attempt from what is the same for the whole sweep."""

    def __init__(
        self,
        sweep_id: str,
        spec: SweepSpec,
        prepared: Prepared,
        settings: WorkerSettings,
        tracking_uri: str | None,
    ) -> None:
        self.sweep_id, self.spec, self.prepared = sweep_id, spec, prepared
        self.settings, self.tracking_uri = settings, tracking_uri

    def folder(self, number: int) -> Path:
        """Where trial `number` keeps its checkpoints and its metric spool."""
        return trial_folder(self.settings.sweep_folder(self.sweep_id), number)

    def make(self, trial: Trial, attempt: int, heard: int | None = None) -> AttemptOrder:
        """The order for attempt `attempt` of `trial`, which was heard up to a decision point."""
        body, settings = self.spec.spec, self.settings
        return AttemptOrder(
            sweep_id=self.sweep_id,
            number=trial.number,
            attempt=attempt,
            heard=heard,
            params=trial.params,
            role=trial.role,
            seed=trial.seed,
            workload=body.workload,
            evaluation=body.evaluation,
            horizon=self.prepared.horizon_samples,
            points=body.report.points,
            micro_batch_size=body.resources.per_device_train_batch_size or 8,
            device=self.prepared.device_kind,
            threads=max(1, int(body.resources.cpus_per_trial or 1)),
            folder=str(self.folder(trial.number)),
            roots=[str(root) for root in settings.roots().folders],
            recipes=settings.recipes,
            tracking_uri=self.tracking_uri,
            checkpoint_seconds=settings.checkpoint_seconds,
            # Of the rows beside the search nobody takes the weights.
            keep_final=body.checkpoints.keep_best > 0 and trial.role is Role.SEARCH,
            mirror=settings.mirror_of(self.sweep_id, trial.number),
            beat_seconds=settings.beat_seconds,
        )
