from __future__ import annotations

import io
import json
import sys

import pytest
import yaml

from sweepctl.output import (
    Format,
    beside,
    console,
    document,
    emit,
    facts,
    plain,
    show,
    speaks_unicode,
    table,
    writable,
)
from sweeps.wire import Wire


class Point(Wire):
    name: str
    value: float | None


POINTS = [Point(name="a", value=float("nan")), Point(name="b", value=None)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_and_yaml_keep_nan_and_absent_apart(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [{"name": "a", "value": "NaN"}, {"name": "b", "value": None}]
    emit(Format.JSON, POINTS, lambda wide: "", [])
    assert json.loads(capsys.readouterr().out) == wanted
    emit(Format.YAML, POINTS, lambda wide: "", [])
    assert yaml.safe_load(capsys.readouterr().out) == wanted
    assert plain(POINTS[0]) == wanted[0]


def test_names_and_views(capsys: pytest.CaptureFixture[str]) -> None:
    emit(Format.NAME, POINTS, lambda wide: "", ["a", "b"])
    emit(Format.NAME, [], lambda wide: "", [])
    emit(Format.TABLE, POINTS, lambda wide: f"wide {wide}", [])
    emit(Format.WIDE, POINTS, lambda wide: [f"wide {wide}", "and more"], [])
    assert capsys.readouterr().out == "a\nb\nwide False\nwide True\nand more\n"


def test_json_refuses_bare_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        document(Format.JSON, {"x": float("nan")})


def test_a_pipe_gets_whole_lines_without_codes(capsys: pytest.CaptureFixture[str]) -> None:
    made = table("name")
    made.add_row("x" * 500)
    show([made, facts([("Key", "[red]not markup[/red] :smile:")])])
    out = capsys.readouterr().out
    assert "x" * 500 in out
    assert "[red]not markup[/red] :smile:" in out
    assert "\x1b" not in out


def test_a_terminal_gets_colours_unless_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    made = table("name")
    for variable, coloured in [(None, True), ("NO_COLOR", False)]:
        if variable:
            monkeypatch.setenv(variable, "1")
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        console().print(made)
        assert ("\x1b" in screen.getvalue()) is coloured
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert console(stderr=True).color_system is None


def test_what_the_encoding_lacks_is_written_as_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    wide = io.TextIOWrapper(io.BytesIO(), encoding="UTF-8")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setattr(sys, "stderr", wide)
    writable()
    assert narrow.errors == "backslashreplace"
    assert wide.errors == "strict"
    assert not speaks_unicode(narrow)
    assert speaks_unicode(wide)


def test_a_cell_that_is_too_long_is_cut_in_the_letters_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert table("a").columns[0].overflow == "ellipsis"
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert table("a").columns[0].overflow == "crop"


def test_names_of_a_person_stay_as_typed(capsys: pytest.CaptureFixture[str]) -> None:
    show(beside("samples", ["Done/1"]))
    assert capsys.readouterr().out.split() == ["SAMPLES", "Done/1"]
