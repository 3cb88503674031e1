"""Rules that were said once too often, and so became checks."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.rooms import ROOMS, Module, modules

YAML_READER = "sweeps/documents.py"
_BROAD = {"Exception", "BaseException"}


def yaml_loads(module: Module) -> list[str]:
    """Calls of yaml's own loaders."""
    return [
        f"{module.name}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "yaml"
        and "load" in node.attr
        and not node.attr.endswith("Loader")
    ]


def foreign_code(module: Module) -> list[str]:
    """Whatever would run code that came with a model: trust_remote_code, torch.load."""
    return [
        f"{module.name}:{getattr(node, 'lineno', 0)}"
        for node in ast.walk(module.tree)
        if _trusts(node)
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in {"torch.load", "torch.save"})
    ]


def _trusts(node: ast.AST) -> bool:
    """trust_remote_code given as anything but a plain False, or as a key."""
    if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
        return not (isinstance(node.value, ast.Constant) and node.value.value is False)
    return isinstance(node, ast.Constant) and node.value == "trust_remote_code"


def broad_excepts(module: Module) -> list[str]:
    """`except Exception` and wider, without a word why."""
    return [
        f"{module.name}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or _BROAD & {ast.unparse(name) for name in _caught(node.type)})
        and not module.reason_at(node.lineno)
    ]


def _caught(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def test_yaml_is_read_in_one_place() -> None:
    found = [place for module in modules() for place in yaml_loads(module)]
    bad = [place for place in found if not place.startswith(f"{YAML_READER}:")]
    assert found, f"{YAML_READER} no longer reads YAML: name its successor here"
    assert not bad, f"read documents through {YAML_READER}: {bad}"


def test_no_code_of_others_runs() -> None:
    bad = [place for module in modules() for place in foreign_code(module)]
    assert not bad, f"no request runs code that the operator did not install: {bad}"


def test_a_broad_except_says_why() -> None:
    bad = [place for module in modules("migrations", *ROOMS) for place in broad_excepts(module)]
    assert not bad, f"catch less, or say why in the comment: {bad}"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("yaml.safe_load(t)", 1),
        ("class L(yaml.SafeLoader): ...", 0),
        ("f(trust_remote_code=True)", 2),
        ("f(trust_remote_code=given)", 2),
        ("f(trust_remote_code=False)", 0),
        ("f(**{'trust_remote_code': True})", 2),
        ("torch.load(p)", 2),
        ("try: f()\nexcept Exception: pass", 3),
        ("try: f()\nexcept (KeyError, BaseException): pass", 3),
        ("try: f()\nexcept: pass", 3),
        ("try: f()\nexcept Exception: pass  # noqa: BLE001", 3),
        ("try: f()\nexcept Exception: pass  # whatever a recipe raises ends its trial", 0),
        ("try: f()\nexcept KeyError: pass", 0),
    ],
)
def test_the_checks_see_what_they_should(text: str, count: int) -> None:
    module = Module("m.py", text)
    seen = (len(yaml_loads(module)), len(foreign_code(module)), len(broad_excepts(module)))
    assert seen == {0: (0, 0, 0), 1: (1, 0, 0), 2: (0, 1, 0), 3: (0, 0, 1)}[count]
