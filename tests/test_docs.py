"""The documentation is true where a machine can tell: files, links, commands, the spec."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sweeps.checks import check
from sweeps.documents import read_document
from sweeps.spec import parse
from sweeps.support import refuse
from tests.support.deployment import check_command, known_variables

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_ROOMS = r"(?:sweeps|service|workers|sweepctl|migrations|docs|tests|helm)"


def _id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"<!--.*?-->", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    broken = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_named_files_exist(page: Path) -> None:
    named = re.findall(rf"`({_ROOMS}/[\w./-]+)`", page.read_text("utf-8"))
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_the_path_of_a_sweep_names_its_files() -> None:
    text = (ROOT / "docs" / "path-of-a-sweep.md").read_text("utf-8")
    assert len(re.findall(rf"`{_ROOMS}/[\w./-]+\.py`", text)) > 25


def test_the_readme_s_spec_can_be_submitted() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    spec = parse(read_document(text))
    check(spec)
    refuse(spec)
    assert spec.metadata.name == "gsm8k"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_named_programs_can_be_run(page: Path) -> None:
    for command in re.findall(r"`(python -m [\w.]+)", page.read_text("utf-8")):
        check_command(command.split())


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_named_variables_are_read(page: Path) -> None:
    named = set(re.findall(r"\bSWEEP_[A-Z_]+\b", page.read_text("utf-8")))
    assert named <= known_variables()


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_make_targets_that_are_named_exist(name: str) -> None:
    rules = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make ([a-z-]+)", (ROOT / name).read_text("utf-8")):
        assert re.search(rf"^{target}:", rules, re.MULTILINE), target
