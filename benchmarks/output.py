"""What every benchmark leaves behind: a table on stdout, and results/NAME.json (DESIGN's form)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One figure of one subject in one case, over `n` measurements."""

    figure: str
    subject: str
    case: str
    median: float
    min: float
    max: float
    n: int
    unit: str


def write(name: str, command: str, rows: Sequence[Row], folder: Path = RESULTS) -> Path:
    """results/NAME.json. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    machine = {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    told = {
        "benchmark": name,
        "machine": machine,
        "command": command,
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(told, indent=1) + "\n")
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
