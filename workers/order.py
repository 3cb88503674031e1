"""What a driver hands to a worker: one attempt at one trial, as plain data."""

from __future__ import annotations

from pathlib import Path

from sweeps.journal import Prepared
from sweeps.phases import stages_of
from sweeps.points import RunPlan, run_plan
from sweeps.prefixes import prefixes
from sweeps.spec import Evaluation, SweepSpec, Workload
from sweeps.trial import Params, Role, Trial, trial_id
from sweeps.wire import Wire
from workers.recipes.commands import read_commands
from workers.settings import WorkerSettings


class SharedPhase(Wire):
    """Where trials that begin alike leave a checkpoint after `steps` steps, and its mirror."""

    steps: int
    folder: str
    mirror: str | None = None


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
    phase_samples: list[int] = []
    shared: list[SharedPhase] = []
    # None: as many examples as fit.
    micro_batch_size: int | None
    # What the cost model foretells to fit, for the first micro-batch; None: it does not know.
    micro_batch_tokens: int | None = None
    # Of a device's memory, what this trial may take.
    device_share: float = 1.0
    device: str
    # How many processes share the trial, and the cores of each.
    ranks: int = 1
    threads: int
    folder: str
    # Where the node keeps tokenised data, for all trials of all sweeps.
    token_folder: str
    roots: list[str]
    recipes: str
    judges: str
    tasks: str
    # The operator's file of command lines when the workload names one of them, else "". Its path
    # alone: Ray writes what a trial is given to disk, and a command may hold a secret.
    commands: str = ""
    tracking_uri: str | None
    checkpoint_seconds: float
    keep_final: bool
    # The trial's own folder at the pool's mirror of checkpoints.
    mirror: str | None
    beat_seconds: float
    # How much more than after its first trial a worker may hold.
    growth_bytes: int

    @property
    def trial_id(self) -> str:
        """`trl_...`"""
        return trial_id(self.sweep_id, self.number)

    @property
    def plan(self) -> RunPlan:
        """The run of this configuration."""
        stages = stages_of(self.workload, self.phase_samples)
        return run_plan(self.params, self.horizon, self.points, stages)


def trial_folder(sweep_folder: Path, number: int) -> Path:
    """Where one trial keeps its checkpoints and its metric spool."""
    return sweep_folder / "trials" / f"{number:05d}"


def checkpoints_of(folder: Path) -> Path:
    """Where a trial that has this folder keeps its checkpoints."""
    return folder / "checkpoints"


def shared_folder(sweep_folder: Path) -> Path:
    """Where the trials of a sweep leave checkpoints for each other, one folder for each key."""
    return sweep_folder / "phases"


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
        self._names = frozenset(read_commands(settings.commands))
        self._commands = str(Path(settings.commands).absolute())

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
            phase_samples=self.prepared.phase_samples,
            shared=self._shared(trial),
            micro_batch_size=body.resources.per_device_train_batch_size,
            micro_batch_tokens=self.prepared.micro_batch_tokens,
            device_share=self._device_share(),
            device=self.prepared.device_kind,
            ranks=self.prepared.ranks,
            threads=max(1, int(body.resources.cpus_per_trial or 1) // self.prepared.ranks),
            folder=str(self.folder(trial.number)),
            token_folder=str(settings.token_folder()),
            roots=[str(root) for root in settings.roots().folders],
            recipes=settings.recipes,
            judges=settings.judges,
            tasks=settings.lm_eval_tasks,
            commands=self._commands if body.workload.recipe in self._names else "",
            tracking_uri=self.tracking_uri,
            checkpoint_seconds=settings.checkpoint_seconds,
            # Of the rows beside the search nobody takes the weights.
            keep_final=body.checkpoints.keep_best > 0 and trial.role is Role.SEARCH,
            mirror=settings.mirror_of(self.sweep_id, trial.number),
            beat_seconds=settings.beat_seconds,
            growth_bytes=settings.worker_growth_mb * 2**20,
        )

    def _device_share(self) -> float:
        if self.prepared.device_kind != "cuda":
            return 1.0
        return min(1.0, self.prepared.devices_per_trial)

    def _shared(self, trial: Trial) -> list[SharedPhase]:
        stages = stages_of(self.spec.spec.workload, self.prepared.phase_samples)
        folder = shared_folder(self.settings.sweep_folder(self.sweep_id))
        return [
            SharedPhase(
                steps=prefix.steps,
                folder=str(folder / prefix.key),
                mirror=self.settings.shared_mirror_of(self.sweep_id, prefix.key),
            )
            for prefix in prefixes(self.spec, stages, trial)
        ]
