"""The tests mirror the source path for path: a module with a branch has its own test file."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from tests.architecture.rooms import ROOMS, ROOT, Module, modules

# Source path -> why no file of its own tests it.
EXCEPTIONS: dict[str, str] = {
    "workers/driver.py": "only means something whole: tests/end_to_end/test_sweep.py",
    "workers/tune/scheduler.py": "hooks that only Ray calls: tests/workers/tune/test_run.py",
    "workers/tune/searcher.py": "hooks that only Ray calls: tests/workers/tune/test_run.py",
}

_BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


def has_branch(module: Module) -> bool:
    """Whether there is anything in it that could go two ways."""
    return any(
        isinstance(node, _BRANCHES) or (isinstance(node, ast.comprehension) and node.ifs)
        for node in ast.walk(module.tree)
    )


def test_path(source: str) -> PurePosixPath:
    """sweeps/pruners/median.py -> tests/sweeps/pruners/test_median.py; __init__ -> test_init."""
    path = PurePosixPath(source)
    return PurePosixPath("tests") / path.parent / f"test_{path.stem.strip('_')}.py"


test_path.__test__ = False  # type: ignore[attr-defined]


def test_every_module_with_a_branch_has_its_test() -> None:
    missing = [
        f"{module.name} -> {test_path(module.name)}"
        for module in modules()
        if has_branch(module)
        and module.name not in EXCEPTIONS
        and not (ROOT / test_path(module.name)).exists()
    ]
    assert not missing, "write these test files:\n" + "\n".join(missing)


def test_every_exception_is_still_one() -> None:
    by_name = {module.name: module for module in modules()}
    stale = [
        name
        for name in EXCEPTIONS
        if name not in by_name or not has_branch(by_name[name]) or (ROOT / test_path(name)).exists()
    ]
    assert not stale, f"take these out of EXCEPTIONS: {stale}"


def test_every_mirrored_test_file_names_a_module() -> None:
    """test_median.py or test_median_ties.py beside no median.py is a leftover."""
    sources = {test_path(module.name) for module in modules()}
    lost = []
    for room in ROOMS:
        for path in (ROOT / "tests" / room).rglob("test_*.py"):
            here = PurePosixPath(path.relative_to(ROOT).as_posix())
            kin = [source for source in sources if source.parent == here.parent]
            if not any(here.stem == s.stem or here.stem.startswith(f"{s.stem}_") for s in kin):
                lost.append(str(here))
    assert not lost, f"no source module of that name: {lost}"
