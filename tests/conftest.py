from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from workers.ray_env import LOCAL, QUIET

# Ray reads these at import, and whichever test comes first imports it.
os.environ.update({**LOCAL, **QUIET})
for _name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(_name, None)

# How long an example takes is up to what else the machine does.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")


if TYPE_CHECKING:
    from postgres import Postgres

# The folders whose single files take minutes. Side by side they come first, or the last of them
# would be waited for alone.
_LONG = ("chaos", "end_to_end", "workers/tune")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    long = [here / name for name in _LONG]
    items.sort(key=lambda item: not any(folder in item.path.parents for folder in long))


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
