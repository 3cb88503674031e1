"""Recipes by name: the built-in ones and those that the operator of a pool registered.

A request names a recipe; only names in these tables are ever imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sweeps.errors import SweepError
from sweeps.trial import Role

if TYPE_CHECKING:
    from sweeps.spec import Workload
    from workers.recipes.commands import Command
    from workers.recipes.context import Context
    from workers.roots import DataRoots


class RecipeError(SweepError):
    """A recipe that is not registered, or whose code cannot be imported."""


@dataclass(frozen=True)
class Facts:
    """What `prepare` finds out about a workload before its first trial.

    `train_samples` and `eval_samples` are rows of the files; `data_digest` names their content;
    `questions` are the labels of the evaluation sets that ask multiple choice ("" for a single
    set); `phase_samples` are the rows of each phase's data. None: the recipe does not know.
    """

    train_samples: int | None = None
    eval_samples: int | None = None
    data_digest: str | None = None
    questions: tuple[str, ...] | None = None
    phase_samples: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Recipe:
    """A recipe by its code paths (`module:function`), imported when called.

    The driver calls `prepare` and never `run`, so it never imports torch.

    `untrained_path` evaluates the base model without training it (an operator's recipe: the
    function `run_untrained` of its module); `presets` says that the recipe reads the parameters of
    the shipped presets. Without them a sweep has no such row. `ranked`: it runs as one process for
    each device of a trial (an operator's recipe: `RANKED = True` in its module). `command` is what
    a recipe runs that is a command line of the operator's.
    """

    name: str
    run_path: str
    prepare_path: str | None = None
    untrained_path: str | None = None
    presets: bool = False
    ranked: bool = False
    command: Command | None = None

    def rows(self) -> list[Role]:
        """The rows beside a search that this recipe can make. Raises RecipeError."""
        can = {Role.BASE: self._untrained() is not None, Role.PRESET: self.presets}
        return [role for role, able in can.items() if able]

    def ranks(self, devices: int) -> int:
        """How many processes run a trial on so many devices. Of a recipe that is not ranked it is
        one, which has them all. Raises RecipeError."""
        if self.prepare_path is not None:
            return devices if self.ranked else 1
        module = self.run_path.partition(":")[0]
        return devices if getattr(_module(self.name, module), "RANKED", False) else 1

    def run(self, context: Context) -> None:
        """Train one trial. Raises RecipeError when the code cannot be imported."""
        self.load()(context)

    def run_untrained(self, context: Context) -> None:
        """Evaluate the base model as it is. Raises RecipeError for a recipe that cannot."""
        path = self._untrained()
        if path is None:
            raise RecipeError(f"The recipe '{self.name}' cannot evaluate an untrained model.")
        _import(self.name, path)(context)

    def load(self) -> Callable[[Context], None]:
        """Import the recipe's `run` (a warm worker does so before its first trial)."""
        function: Callable[..., None] = _import(self.name, self.run_path)
        return partial(function, command=self.command) if self.command else function

    def prepare(self, workload: Workload, roots: DataRoots) -> Facts:
        """Check the workload and measure its data; empty facts when the recipe has no `prepare`.

        Raises SpecError for data or a model that cannot be used.
        """
        if self.prepare_path is not None:
            facts: Facts = _import(self.name, self.prepare_path)(workload, roots)
            return facts
        module = self.run_path.partition(":")[0]
        function = getattr(_module(self.name, module), "prepare", None)
        return function(workload, roots) if function else Facts()

    def _untrained(self) -> str | None:
        # The driver knows a built-in recipe by its paths alone: its module imports torch.
        if self.untrained_path is not None or self.prepare_path is not None:
            return self.untrained_path
        module = self.run_path.partition(":")[0]
        there = hasattr(_module(self.name, module), "run_untrained")
        return f"{module}:run_untrained" if there else None


RECIPES: dict[str, Recipe] = {
    # `prepare` stands in a module of its own: the driver needs it without torch.
    "sft": Recipe(
        "sft",
        "workers.recipes.sft:run",
        prepare_path="workers.recipes.parts.facts:prepare",
        untrained_path="workers.recipes.sft:run_untrained",
        presets=True,
        ranked=True,
    ),
}


def load_recipe(
    name: str, extra: str = "", commands: Mapping[str, Command] | None = None
) -> Recipe:
    """The recipe `name` of the built-in table, of `extra` ("name=module:function,...") or of
    `commands`.

    Those two are the operator's SWEEP_RECIPES and SWEEP_COMMANDS, never part of a request. A
    recipe's `prepare` is the function of that name in its module. Raises RecipeError.
    """
    table = _table(extra, commands or {})
    if name not in table:
        raise RecipeError(
            f"There is no recipe '{name}' here. Known: {', '.join(sorted(table))}. "
            "An operator adds one with SWEEP_RECIPES=name=module:function, or a command line with "
            "SWEEP_COMMANDS=file."
        )
    return table[name]


def recipe_names(extra: str = "", commands: Mapping[str, Command] | None = None) -> list[str]:
    """Every recipe that a worker with these SWEEP_RECIPES and SWEEP_COMMANDS can run, sorted."""
    return sorted(_table(extra, commands or {}))


def _table(extra: str, commands: Mapping[str, Command]) -> dict[str, Recipe]:
    table = {**RECIPES, **_parse(extra)}
    for name, command in commands.items():
        if name in table:
            raise RecipeError(f"SWEEP_COMMANDS: the name '{name}' is taken; choose another.")
        path = "workers.bring.command"
        table[name] = Recipe(name, f"{path}:run", prepare_path=f"{path}:prepare", command=command)
    return table


def _parse(extra: str) -> dict[str, Recipe]:
    table: dict[str, Recipe] = {}
    for part in filter(None, (part.strip() for part in extra.split(","))):
        name, _, path = (side.strip() for side in part.partition("="))
        module, _, function = path.partition(":")
        if not (name and module and function):
            raise RecipeError(f"SWEEP_RECIPES: '{part}' is not name=module:function.")
        if name in RECIPES or name in table:
            raise RecipeError(f"SWEEP_RECIPES: the name '{name}' is taken; choose another.")
        table[name] = Recipe(name, path)
    return table


def _import(name: str, path: str) -> Any:
    module, _, function = path.partition(":")
    try:
        return getattr(_module(name, module), function)
    except AttributeError as error:
        raise RecipeError(f"The recipe '{name}': {module} has no '{function}'.") from error


def _module(name: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RecipeError(f"The recipe '{name}' cannot be imported: {error}") from error
