"""Ray asks for trials; the conductor answers. A Ray trial is one attempt at one of our trials."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from workers.tune.steering import Steering


class ConductorSearch(Searcher):  # type: ignore[misc]
    """`suggest` gives the next attempt, None when there is none now, FINISHED at the very end.

    New trials are held back here: Tune starts whatever is pending. With nothing running Tune calls
    only this, once a second, so the inbox is read here too.
    """

    def __init__(self, steering: Steering) -> None:
        super().__init__()
        self._steering = steering

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """The spec says what is best; Ray need not know."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The config of the next Ray trial."""
        self._steering.tick()
        config = self._steering.launch()
        if config is None and self._steering.conductor.done():
            finished: str = Searcher.FINISHED
            return finished
        return config

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """The scheduler has told the conductor."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing: our state is the journal."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: our state is the journal."""

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its searcher at the start. No pickle of ours holds state.
        return {}
