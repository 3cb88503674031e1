from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.training import pausing
from sweeps.spec import TinyModel

SMALL = TinyModel(tiny="llama", hidden_size=16, num_attention_heads=2, vocab_size=260)


def test_every_act_is_measured_on_a_checkpoint_that_is_whole(tmp_path: Path) -> None:
    millions, found = pausing.costs(SMALL, tmp_path, times=1)
    assert 0 < millions < 0.1
    assert len(found) == len(pausing.HEAD) - 1
    (checkpoint,) = tmp_path.iterdir()
    assert pausing.is_whole(checkpoint)


def test_the_table_has_both_models(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pausing, "MODEL", SMALL)
    monkeypatch.setattr(pausing, "LARGER", SMALL)
    pausing.main(times=1)
    assert len(capsys.readouterr().out.splitlines()) == 4
