"""Ready sweeps, shipped with the package. `quickstart` runs on a laptop with no GPU."""

from __future__ import annotations

from importlib.resources import files

from sweeps.errors import Fault, SpecError
from sweeps.faults import nearest


def names() -> list[str]:
    """The presets there are, in alphabetical order."""
    found = (item.name for item in files(__package__).iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def load(name: str) -> str:
    """The YAML text of a preset. Raises SpecError for a name that is none of `names()`."""
    known = names()
    if name not in known:
        close = nearest(name, known)
        mend = f"Did you mean '{close}'?" if close else f"There are: {', '.join(known)}."
        raise SpecError([Fault("", name, "there is no such preset", mend)])
    return files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
