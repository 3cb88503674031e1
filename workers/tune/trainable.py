"""The Ray actor that runs attempts one after the other, staying warm in between."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from ray import tune

from workers.order import AttemptOrder
from workers.recipes.context import Order
from workers.recipes.world import ALONE, World
from workers.runner import Runner, Said
from workers.sinks.metric_shipper import MetricShipper
from workers.sinks.metric_spool import MetricSpool
from workers.upkeep import Upkeep

log = logging.getLogger(__name__)
# Lives as long as the process: tokenised data, base weights, the shipper of metrics.
CACHE: dict[str, Any] = {}
_SHIPPERS: dict[str, MetricShipper] = {}
_UPKEEP = Upkeep()
FLUSH_SECONDS = 2.0


class TrialTrainable(tune.Trainable):  # type: ignore[misc]
    """`step` returns at each decision point, or after a beat so that orders are heard between.

    `setup` and `reset_config` have no side effects: Ray also sets up spare actors for trials that
    run elsewhere or are over. The attempt begins in the first `step`. Of a trial on several devices
    this is rank 0, and `world` the others (`workers.tune.ranks`).
    """

    world: World = ALONE

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the order."""
        self._order = AttemptOrder.model_validate_json(config["order"])
        self._runner: Runner | None = None
        self._spool: MetricSpool | None = None
        self._worn = False

    def step(self) -> dict[str, Any]:
        """Run until the next report, a beat, or the end. Raises what the recipe raised."""
        if self._runner is None:
            self._begin()
        assert self._runner is not None  # noqa: S101 - for the type checker
        said = self._runner.advance(self._order.beat_seconds)
        if said.kind in ("finished", "failed"):
            self._settle()
            self._worn = has_worn(self._order)
        if said.kind == "failed":
            raise AttemptError(said.error or "", said.fatal, said.lost)
        return {**_result(said), "worn": self._worn}

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Ray saves only to pause: the attempt writes its own checkpoint and ends."""
        del checkpoint_dir  # our checkpoints lie in the trial's own folder
        said = self._leave(Order.PAUSE)
        if said is None:
            return {}
        if said.kind == "failed":
            raise AttemptError(said.error or "", said.fatal, said.lost)
        return _result(said)

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to do: an attempt finds its own checkpoint."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """End the attempt before, and take the next order in the same warm process.

        Raises RuntimeError when the attempt before broke while it was stopped: Ray then takes
        another actor, and the next trial is not blamed for an error that is not its own.
        """
        before = self._order.trial_id
        ran = self._runner is not None
        said = self._leave(Order.STOP)
        if said is not None and said.kind == "failed":
            _log_broken(before, said)
            raise RuntimeError(f"the attempt before broke this worker (trial {before})")
        worn = ran and has_worn(self._order)
        self.setup(new_config)
        # Too late to be replaced before this trial; its results ask for it.
        self._worn = worn
        return True

    def cleanup(self) -> None:
        """End the attempt, if one runs. What it raises then is logged and harms nobody."""
        said = self._leave(Order.STOP)
        if said is not None and said.kind == "failed":
            _log_broken(self._order.trial_id, said)

    def _begin(self) -> None:
        order = self._order
        limit_threads(order)
        limit_memory(order)
        folder = Path(order.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._spool = MetricSpool(folder / "metrics.jsonl")
        if order.tracking_uri:
            _shipper(order.tracking_uri).watch(order.trial_id, folder / "metrics.jsonl")
        self._runner = Runner(order, self._spool, CACHE, self.world)

    def _leave(self, wish: Order) -> Said | None:
        """How the attempt ended, None when there is none. Raises TimeoutError when it hangs."""
        if self._runner is None:
            return None
        try:
            return self._runner.leave(wish)
        finally:
            self._settle()

    def _settle(self) -> None:
        """Close the metric spool; the shipper sends the rest while the next trial runs."""
        self._runner = None
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._order.tracking_uri in _SHIPPERS:
            _SHIPPERS[self._order.tracking_uri].release(self._order.trial_id)


class AttemptError(Exception):
    """A recipe raised. `text` is its traceback; `fatal`: another attempt would do the same;
    `lost`: it is no mistake of its own, such as a process that was lost, which `text` says."""

    def __init__(self, text: str, fatal: bool, lost: bool = False) -> None:
        self.text, self.fatal, self.lost = text, fatal, lost
        super().__init__(text, fatal, lost)

    def __str__(self) -> str:
        return json.dumps({"error": self.text, "fatal": self.fatal, "lost": self.lost})

    @classmethod
    def read(cls, text: str) -> AttemptError | None:
        """The AttemptError in what Ray wrote of an error; None when it was something else."""
        for line in reversed(text.splitlines()):
            _, found, data = line.partition(f"{cls.__name__}: ")
            if found and data.startswith("{"):
                fields = json.loads(data)
                return cls(fields["error"], fields["fatal"], fields["lost"])
        return None


def has_worn(order: AttemptOrder) -> bool:
    """True when this process has grown too much to be kept for another trial."""
    why = _UPKEEP.worn(order.growth_bytes)
    if why is not None:
        log.warning("after trial %s this worker is to be replaced: %s", order.trial_id, why)
    return why is not None


def _log_broken(trial_id: str, said: Said) -> None:
    log.warning("trial %s broke while it was stopped:\n%s", trial_id, said.error)


def _result(said: Said) -> dict[str, Any]:
    result: dict[str, Any] = {
        "kind": said.kind,
        "samples": said.samples,
        "seconds": said.seconds,
        "saves": said.saves,
        "done": said.kind == "finished",
    }
    if said.report is not None:
        # As text: Ray flattens nested results and would turn points into keys.
        result["report"] = said.report.model_dump_json()
    return result


def _shipper(tracking_uri: str) -> MetricShipper:
    if tracking_uri not in _SHIPPERS:
        _SHIPPERS[tracking_uri] = MetricShipper(tracking_uri)
    return _SHIPPERS[tracking_uri]


def limit_threads(order: AttemptOrder) -> None:
    """Equal thread counts make equal sums: a resumed attempt computes the same bits."""
    import torch  # heavy; the driver never imports this function's module for work

    if torch.get_num_threads() != order.threads:
        torch.set_num_threads(order.threads)


def limit_memory(order: AttemptOrder) -> None:
    """Of a GPU that it shares a trial takes its share and no more: the others count on theirs."""
    if order.device == "cuda" and order.device_share < 1:
        import torch  # heavy, as above, and only a GPU run needs it

        torch.cuda.set_per_process_memory_fraction(order.device_share)
