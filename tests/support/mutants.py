"""Small changes of a module's source, one at a time, to see whether a check of it notices."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
}
_NAMES = {"min": "max", "max": "min", "all": "any", "any": "all"}


@dataclass(frozen=True)
class Mutant:
    """A changed module. `change` says what became what where, and is unique in its module."""

    module: str
    change: str
    tree: ast.Module

    def load(self) -> ModuleType:
        """The module as changed, under the name of the real one."""
        made = ModuleType(self.module)
        exec(compile(self.tree, f"<{self.module}: {self.change}>", "exec"), made.__dict__)
        return made


def mutants(module: ModuleType) -> list[Mutant]:
    """Comparisons one off or turned round, + for - and the like, min for max, `not` and signs
    taken off, numbers one higher, members of a set taken out. One change each."""
    text = Path(module.__file__ or "").read_text()
    tree, lines = ast.parse(text), text.splitlines()
    found, seen = list[Mutant](), dict[str, int]()
    for index, node in enumerate(ast.walk(tree)):
        for changed in _changes(node):
            line = lines[getattr(node, "lineno", 1) - 1].strip()
            change = f"{ast.unparse(node)} -> {ast.unparse(changed)} in {line}"
            seen[change] = seen.get(change, 0) + 1
            if seen[change] > 1:
                change += f" (no. {seen[change]})"
            mutated = copy.deepcopy(tree)
            _put(mutated, index, changed)
            found.append(Mutant(module.__name__, change, ast.fix_missing_locations(mutated)))
    return found


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield ast.Compare(node.left, [_COMPARISONS[type(op)]()], node.comparators)
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(op)](), node.right)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.BoolOp(op=op):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), node.values)
        case ast.Call(func=ast.Name(id=name)) if name in _NAMES:
            yield ast.Call(ast.Name(_NAMES[name], ast.Load()), node.args, node.keywords)
        case ast.Constant(value=bool() | str()):
            return
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Set(elts=elements) if len(elements) > 1:
            for place in range(len(elements)):
                yield ast.Set(elements[:place] + elements[place + 1 :])


def _put(tree: ast.Module, index: int, changed: ast.AST) -> None:
    """Put `changed` in the place of the node that a walk of `tree` meets as number `index`."""
    old = list(ast.walk(tree))[index]
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, changed)
            elif isinstance(value, list):
                value[:] = [changed if item is old else item for item in value]
