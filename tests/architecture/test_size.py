"""Modules and functions stay small enough to read: lines of code, docstrings not counted."""

from __future__ import annotations

import ast

from tests.architecture.rooms import Module, modules

MODULE_LINES = 300
FUNCTION_LINES = 50


def _functions(module: Module) -> list[tuple[str, int]]:
    return [
        (
            f"{module.name}:{node.lineno} {node.name}",
            len(module.code_lines & set(range(node.lineno, (node.end_lineno or 0) + 1))),
        )
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_modules_are_small() -> None:
    sizes = {module.name: len(module.code_lines) for module in modules()}
    large = {name: size for name, size in sizes.items() if size > MODULE_LINES}
    assert not large, f"over {MODULE_LINES} lines of code, split: {large}"


def test_functions_are_small() -> None:
    sizes = [item for module in modules() for item in _functions(module)]
    assert len(sizes) > 100
    large = {name: size for name, size in sizes if size > FUNCTION_LINES}
    assert not large, f"over {FUNCTION_LINES} lines of code, split: {large}"
