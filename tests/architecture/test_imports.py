"""What may be imported where, beyond the import contracts of pyproject.toml (see `make lint`)."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.rooms import ROOT, Module, modules

HEAVY = {"ray", "torch", "transformers", "mlflow", "datasets", "scipy", "optuna", "pyarrow"}
PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def _names(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").split(".")[0]}
    return {alias.name.split(".")[0] for alias in node.names}


def _inner_imports(module: Module) -> list[ast.Import | ast.ImportFrom]:
    found = {
        node.lineno: node
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return [found[line] for line in sorted(found)]


def unexplained(module: Module) -> list[str]:
    """Imports inside functions without a word why. A reason covers the imports right below it."""
    told_until, bad = 0, []
    for node in _inner_imports(module):
        if module.reason_at(node.lineno) or told_until == node.lineno - 1:
            told_until = node.end_lineno or node.lineno
        else:
            bad.append(f"{module.name}:{node.lineno}")
    return bad


def test_an_import_inside_a_function_says_why() -> None:
    bad = [place for module in modules() for place in unexplained(module)]
    assert not bad, f"move to the top, or say why in one comment: {bad}"


def test_an_unexplained_import_is_found() -> None:
    text = "def f():\n    import a  # heavy, only on a GPU\n    import b\n\n    import c\n"
    assert unexplained(Module("m.py", text)) == ["m.py:5"]


def test_no_pickles() -> None:
    bad = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and _names(node) & PICKLES
    ]
    assert not bad, f"state is JSON or safetensors, a pickle runs code: {bad}"


@pytest.mark.parametrize("entry", ["service.app", "sweepctl.main"])
def test_the_light_programs_load_nothing_heavy(entry: str) -> None:
    code = f"import sys, {entry}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(done.stdout.split())
