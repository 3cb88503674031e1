"""The documentation is true where a machine can tell: files, links, commands, the spec."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.checks import check
from sweeps.checks.sft import measure_faults
from sweeps.documents import read_document
from sweeps.spec import SweepSpec, parse
from sweeps.support import refuse
from tests.support.deployment import check_command, known_variables
from tests.support.pages import blocks, check_arguments, command_lines, inline_commands

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"
SMALL: dict[str, Any] = {
    **{"apiVersion": "sweeps/v1", "kind": "Sweep", "metadata": {"name": "small"}},
    "spec": {
        "workload": {"model": {"tiny": "llama"}, "data": {"train": "a.jsonl", "eval": "b.jsonl"}},
        "parameters": {
            "global_batch_size": {"values": [16, 64]},
            "learning_rate": {"values": [1e-5, 1e-4]},
        },
        "method": {"type": "grid"},
        "metric": {"name": "eval_loss", "goal": "minimize"},
        "horizon": {"samples": 6400},
    },
}
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
    # The name of the format is no file.
    missing = [name for name in named if name != "sweeps/v1" and not (ROOT / name).exists()]
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


def test_the_spec_of_the_evaluation_page_can_be_submitted() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    spec = parse(read_document(text))
    check(spec)
    refuse(spec)
    # As the page says: two sets of examples, one of questions.
    assert measure_faults(spec, ("mmlu",)) == []


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_named_programs_can_be_run(page: Path) -> None:
    for command in re.findall(r"`(python -m [\w.]+)", page.read_text("utf-8")):
        check_command(command.split())


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_named_variables_are_read(page: Path) -> None:
    named = set(re.findall(r"\bSWEEP_[A-Z_]+\b", page.read_text("utf-8")))
    assert named <= known_variables()


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    rules, text = (ROOT / "Makefile").read_text("utf-8"), page.read_text("utf-8")
    shell = "\n".join(blocks(text, "", "bash", "sh", "console"))
    named = re.findall(r"`make ([a-z-]+[a-z])\b(?!-)", text)
    named += re.findall(r"^make ([a-z-]+)", shell, re.MULTILINE)
    assert not [n for n in named if not re.search(rf"^{n}:", rules, re.MULTILINE)]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_commands_are_understood(page: Path) -> None:
    text = page.read_text("utf-8")
    for args in command_lines(text):
        check_arguments(args)
    for args in inline_commands(text) if page.parent != REFERENCE else ():
        check_arguments(args, whole=False)


@pytest.mark.parametrize("args", [["gets"], ["why", "a", "--loud"], ["get"], ["why"], ["set", "a"]])
def test_a_command_that_is_wrong_is_found(args: list[str]) -> None:
    check_arguments(["set", "a", "--server", "b", "--priority", "3"])
    if args == ["set", "a"]:
        args = ["set", "a", "--priority", "high"]
    with pytest.raises(AssertionError):
        check_arguments(args)


def specs(text: str) -> Iterator[SweepSpec]:
    """The YAML blocks as specs; a part of one is put into a small one."""
    for block in blocks(text, "yaml"):
        found = read_document(block)
        if "apiVersion" not in found:
            inner = found.get("spec", found)
            found = {**SMALL, "spec": {**SMALL["spec"], **inner}}
        yield parse(found)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_specs_can_be_submitted(page: Path) -> None:
    for spec in specs(page.read_text("utf-8")):
        check(spec)
        refuse(spec)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_python_compiles(page: Path) -> None:
    for number, block in enumerate(blocks(page.read_text("utf-8"), "python")):
        compile(block, f"{page.name}:{number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
