"""What users ask of a sweep or a trial that is on its way."""

from __future__ import annotations

from service.calls.asking import post, sweep_path, trial_path
from service.exchange import Call
from service.schemas import Accepted, Retried


def pause(sweep_id: str) -> Call[Accepted]:
    """Ask for a pause. Raises IllegalMove when the sweep has ended."""
    return post(Accepted, f"{sweep_path(sweep_id)}/pause")


def resume(sweep_id: str) -> Call[Accepted]:
    """Queue a paused sweep again. Raises IllegalMove when the sweep has ended."""
    return post(Accepted, f"{sweep_path(sweep_id)}/resume")


def cancel(sweep_id: str) -> Call[Accepted]:
    """Stop a sweep for good. Raises IllegalMove when it has ended otherwise."""
    return post(Accepted, f"{sweep_path(sweep_id)}/cancel")


def retry_sweep(sweep_id: str) -> Call[Retried]:
    """Run all FAILED trials again; a sweep that had ended is QUEUED again.

    Raises Conflict when nothing failed, IllegalMove when the sweep was cancelled.
    """
    return post(Retried, f"{sweep_path(sweep_id)}/retry")


def stop_trial(trial_id: str) -> Call[Accepted]:
    """Ask for the end of one trial. Raises IllegalMove when it has ended otherwise."""
    return post(Accepted, f"{trial_path(trial_id)}/stop")


def retry_trial(trial_id: str) -> Call[Accepted]:
    """Run a FAILED trial again. Raises IllegalMove when it did not fail."""
    return post(Accepted, f"{trial_path(trial_id)}/retry")
