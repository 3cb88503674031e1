"""The figures of one sweep."""

from __future__ import annotations

from sweeps.journal import Story
from sweeps.spec import SweepSpec
from workers.figures.compute import compute
from workers.figures.curves import curves
from workers.figures.early import early
from workers.figures.heat import heat
from workers.figures.shapes import Figure


def gallery(spec: SweepSpec, story: Story) -> list[Figure]:
    """All figures, as rows; one without panels says in its notes why there is nothing to draw."""
    return [make(spec, story) for make in (curves, heat, early, compute)]
