from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from recipe_support import make_run, tiny_workload

from sweeps.errors import SweepError
from sweeps.trial import Role
from workers.recipes import RECIPES, Facts, RecipeError, load_recipe, recipe_names
from workers.roots import DataRoots


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_recipe.py").write_text(
        "from workers.recipes import Facts\n"
        "def run(context):\n    context.cache['ran'] = True\n"
        "def bare(context):\n    pass\n"
        "def prepare(workload, roots):\n    return Facts(train_samples=7)\n"
    )
    (tmp_path / "other_recipe.py").write_text("def run(context):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "mine=own_recipe:run, other=other_recipe:run"


def test_every_built_in_recipe_can_be_loaded() -> None:
    for recipe in RECIPES.values():
        assert callable(recipe.load())


def test_an_operators_recipe_runs_and_prepares(own: str, tmp_path: Path) -> None:
    recipe = load_recipe("mine", own)
    job = make_run(tmp_path)
    recipe.run(job.context)
    assert job.context.cache == {"ran": True}
    roots = DataRoots((tmp_path,))
    assert recipe.prepare(tiny_workload(), roots) == Facts(train_samples=7)
    assert load_recipe("other", own).prepare(tiny_workload(), roots) == Facts()
    assert recipe_names(own) == ["mine", "other", "sft"]


def test_rows_beside_a_search_are_those_that_a_recipe_says_it_can(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "able_recipe.py").write_text(
        "def run(context):\n    pass\n"
        "def run_untrained(context):\n    context.cache['untrained'] = True\n"
    )
    able = load_recipe("able", "able=able_recipe:run")
    assert able.rows() == [Role.BASE]
    job = make_run(tmp_path)
    able.run_untrained(job.context)
    assert job.context.cache == {"untrained": True}
    assert load_recipe("mine", own).rows() == []
    with pytest.raises(RecipeError, match="cannot evaluate an untrained model"):
        load_recipe("mine", own).run_untrained(job.context)


@pytest.mark.parametrize("name", ["own_recipe:run", "os:getcwd", "own_recipe", "", "SFT"])
def test_only_names_of_the_table_are_imported(own: str, name: str) -> None:
    with pytest.raises(RecipeError, match=r"Known: mine, other, sft\. .*SWEEP_RECIPES"):
        load_recipe(name, own)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("mine", "is not name=module:function"),
        ("mine=module", "is not name=module:function"),
        ("=module:run", "is not name=module:function"),
        ("sft=evil:run", "the name 'sft' is taken"),
        ("a=m:run,a=n:run", "the name 'a' is taken"),
    ],
)
def test_a_bad_table_is_an_error(extra: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        recipe_names(extra)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("mine=no_such_module:run", "cannot be imported: No module named 'no_such_module'"),
        ("mine=own_recipe:ruin", "own_recipe has no 'ruin'"),
    ],
)
def test_code_that_is_not_there_is_an_error(own: str, extra: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("mine", extra).load()


def test_it_is_an_error_that_no_retry_mends() -> None:
    assert issubclass(RecipeError, SweepError)


def test_the_driver_prepares_without_torch(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workers.recipes import load_recipe\n"
        "from workers.roots import DataRoots; from recipe_support import tiny_workload\n"
        "facts = load_recipe('sft').prepare(tiny_workload(), DataRoots((Path(sys.argv[1]),)))\n"
        "assert facts.train_samples == 10, facts\n"
        "print(sorted({'torch', 'transformers', 'ray', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={"PYTHONPATH": ":".join([".", "tests/support"]), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
