"""The pages of docs/reference are what the code says now, and say it rightly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import spec_page
from docs.generate.__main__ import FOLDER, PAGES
from docs.generate.fields import bounds, kind, lines, link
from sweeps.spec import json_schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_up_to_date(name: str) -> None:
    written, now = (FOLDER / name).read_text("utf-8"), PAGES[name]()
    assert written == now, f"docs/reference/{name} is not what the code says: run `make docs`"


def test_no_other_page_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_another_machine_writes_the_same(tmp_path: Path) -> None:
    code = "from docs.generate.__main__ import PAGES; print(*(p() for p in PAGES.values()), sep='')"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "COLUMNS": "40", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "".join(page() for page in PAGES.values()) + "\n"
    assert os.environ["HOME"] not in done.stdout


@pytest.mark.parametrize("name", sorted(PAGES))
def test_links_lead_to_headings(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    for page, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", text):
        there = text if not page else (FOLDER / page).read_text("utf-8")
        headings = {title.lower() for title in re.findall(r"^#+ (.+)$", there, re.MULTILINE)}
        assert anchor in headings, f"{page}#{anchor}"


def test_every_field_of_a_spec_is_there_with_its_path() -> None:
    paths = set(re.findall(r"^- `([\w.\[\]]+)`: ", spec_page.text(), re.MULTILINE))
    assert {
        *("metadata.labels", "spec.workload.model.hidden_size", "spec.workload.data.fields"),
        *("spec.workload.strategy.phased[].replay", "spec.parameters.NAME.distribution"),
        *("spec.resources.priority", "spec.pruning.min_peers", "spec.method.n_startup_trials"),
    } <= paths
    named = {path.rpartition(".")[2] for path in paths}
    parts = json_schema()["$defs"].values()
    fields = {field for part in parts for field in part["properties"]} - {"type"}
    assert fields <= named


def test_types_are_words() -> None:
    assert kind({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}) == (
        "integer or null"
    )
    assert bounds({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}) == [
        "at least 1"
    ]
    assert kind({"type": "array", "items": {"$ref": "#/$defs/Phase"}}) == "list of [Phase](#phase)"
    assert kind({"enum": ["a", "b"]}) == "one of `a`, `b`"
    assert kind({"type": "object", "patternProperties": {"^a$": {"type": "string"}}}) == (
        "mapping of string"
    )
    assert link("Spec.Workload") == "[Workload](spec.md#workload)"
    model = {"properties": {"n": {"type": "integer", "default": 3, "description": "How\nmany"}}}
    assert list(lines(model, "a.")) == ["- `a.n`: integer, default `3`. How many"]
