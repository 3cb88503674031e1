from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import output
from benchmarks.output import Row
from benchmarks.training import __main__ as program


@pytest.mark.parametrize("starts", [True, False])
def test_the_recorded_command_is_the_one_that_ran(
    starts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every option, so that a file without rows of starts does not claim to be a whole one."""
    row = Row("tokens", "sft", "tiny", 1.0, 1.0, 1.0, 1, "tokens/s")
    monkeypatch.setattr(program.throughput, "rows", lambda *_: ([row], ["a note"]))
    monkeypatch.setattr(program.starts, "rows", lambda _: [row])
    monkeypatch.setattr(program, "write", lambda *given: output.write(*given, folder=tmp_path))
    # Both are of the whole process.
    monkeypatch.setattr(program.torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(program.logging.getLogger("transformers"), "setLevel", lambda _: None)
    program.main(["--rounds", "2", *([] if starts else ["--no-starts"])])
    told = json.loads((tmp_path / "training.json").read_text())
    assert len(told["rows"]) == 1 + starts
    assert told["command"].startswith("python -m benchmarks.training --rounds 2 --examples 160 ")
    assert ("--no-starts" in told["command"]) is not starts
