from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from workers.ray_env import LOCAL, QUIET

# Ray reads these at import, and whichever test comes first imports it.
os.environ.update({**LOCAL, **QUIET})
for _name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(_name, None)


if TYPE_CHECKING:
    from postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server, started once. Where it cannot start, the tests that need it are skipped."""
    with ExitStack() as stack:
        try:
            from postgres import running  # a run without these tests pays nothing for it

            found = stack.enter_context(running())
        except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            pytest.skip(f"PostgreSQL does not start here: {error!r}")
        yield found
