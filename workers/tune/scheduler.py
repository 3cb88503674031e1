"""Ray's scheduler hooks: every report goes to the conductor, every verdict back to Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from sweeps.trial import Action
from workers.order import AttemptOrder
from workers.tune.steering import Steering
from workers.tune.trainable import AttemptError

_ANSWERS: dict[Action, str] = {
    Action.CONTINUE: TrialScheduler.CONTINUE,
    Action.PAUSE: TrialScheduler.PAUSE,
    Action.STOP: TrialScheduler.STOP,
}


class ConductorScheduler(TrialScheduler):  # type: ignore[misc]
    """A Ray trial is one attempt. A paused one is stopped in Ray as soon as it has saved: going on
    is a new attempt, on whatever worker, from our own checkpoint."""

    # One result at a time: a buffered one would pass its decision point before it is judged.
    _supports_buffered_results = False

    def __init__(self, steering: Steering) -> None:
        super().__init__()
        self._steering = steering
        self._pausing: dict[str, Trial] = {}
        self._pending: dict[str, Trial] = {}
        self._worn = False

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """It waits for a place in the cluster, and cannot hear anything until it has one."""
        self._pending[trial.trial_id] = trial

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """CONTINUE, PAUSE or STOP."""
        action = self._steering.result(_order(trial), result)
        if action is Action.PAUSE:
            self._pausing[trial.trial_id] = trial
        return _ANSWERS[action]

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """Came to its end, or obeyed a STOP."""
        self._steering.over(_order(trial), result)
        self._look_at(result)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """Its worker raised (our AttemptError carries the traceback) or vanished."""
        self._pausing.pop(trial.trial_id, None)
        text = _error_text(trial)
        raised = AttemptError.read(text)
        if raised is None:
            lost = f"The worker was lost: {text}"
            self._steering.broke(_order(trial), lost, raised=False, fatal=False)
        else:
            self._steering.broke(
                _order(trial), raised.text, raised=not raised.lost, fatal=raised.fatal
            )

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Called for the paused trial that `choose_trial_to_run` stops."""

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Called at every turn of Tune's loop. Ray starts what is pending by itself."""
        self._steering.tick()
        for trial in self._saved():
            self._steering.saved(_order(trial), trial.last_result)
            tune_controller.stop_trial(trial)
            self._look_at(trial.last_result)
        waiting = self._placeless()
        for trial in waiting:
            if self._steering.withdraw(_order(trial)):
                del self._pending[trial.trial_id]
                tune_controller.stop_trial(trial)
        if self._worn:
            # Its worker has leaked, and Tune keeps it for a next trial. Others that are idle at
            # this moment go with it, which costs no more than their start.
            self._worn = False
            tune_controller._cleanup_cached_actors(force_all=True)
        if self._steering.full() and not waiting:
            # Tune keeps one idle actor for a next trial. None will come before one ends (which
            # leaves its own), and the slot may be another sweep's.
            tune_controller._cleanup_cached_actors(force_all=True)
        return None

    def _look_at(self, result: dict[str, Any]) -> None:
        self._worn = self._worn or bool(result.get("worn"))

    def _saved(self) -> list[Trial]:
        saved = [trial for trial in self._pausing.values() if trial.status == Trial.PAUSED]
        for trial in saved:
            del self._pausing[trial.trial_id]
        return saved

    def _placeless(self) -> list[Trial]:
        for name in [name for name, t in self._pending.items() if t.status != Trial.PENDING]:
            del self._pending[name]
        return list(self._pending.values())

    def debug_string(self) -> str:
        """Shown by Ray when it is verbose, which it is not."""
        return "sweepctl"

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its scheduler at the start. No pickle of ours holds state.
        return {}


def _order(trial: Trial) -> AttemptOrder:
    return AttemptOrder.model_validate_json(trial.config["order"])


def _error_text(trial: Trial) -> str:
    """What Ray wrote of the error; `trial.get_error` looks where it is copied only later."""
    path = trial.error_file
    return Path(path).read_text(errors="replace").strip() if path and Path(path).exists() else ""
