"""The space as a whole: conditions, paired rows, and what the method needs of it."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.checks.values import meant
from sweeps.errors import Fault
from sweeps.faults import pointer, shorten
from sweeps.searchers.knobs import ordered
from sweeps.space import MAX_CELLS, Choice, Condition, Range, Space, size
from sweeps.spec import SweepSpec
from sweeps.trial import ParamValue

_AT: list[str | int] = ["spec", "parameters"]


def space_faults(spec: SweepSpec) -> list[Fault]:
    """Paired rows that do not match, and conditions that can never hold or never end."""
    space = spec.spec.parameters
    faults = _paired(space)
    for name, axis in space.axes.items():
        if axis.when is not None:
            faults += _condition(space, [*_AT, name, "when"], axis.when)
    for index, row in enumerate(space.exclude):
        faults += _condition(space, [*_AT, "exclude", index], row)
    return faults + _cycles(space)


def method_faults(spec: SweepSpec) -> list[Fault]:
    """What `grid` and the drawing methods need."""
    space, method, budget = spec.spec.parameters, spec.spec.method.type, spec.spec.budget
    if method != "grid":
        faults = []
        if budget.trials is None:
            message = f"method {method} draws for ever: it needs to know how many trials to run"
            mend = "Write e.g. budget: {trials: 20}."
            faults.append(Fault("/spec/budget/trials", "nothing", message, mend))
        axes = space.axes.values()
        if method == "cmaes" and not any(ordered(axis) and axis.when is None for axis in axes):
            message = "cmaes moves numbers, and no parameter of every trial is one with a choice"
            mend = "Write method: {type: tpe}, or give a number a range or several values."
            faults.append(Fault("/spec/method/type", method, message, mend))
        return faults
    if not space.finite:
        return [
            Fault(
                pointer([*_AT, name]),
                shorten(axis.distribution),
                "a grid needs the values of every parameter",
                f"List them ({name}: {{values: [...]}}), or write method: {{type: random}}.",
            )
            for name, axis in space.axes.items()
            if isinstance(axis, Range)
        ]
    if size(space) > MAX_CELLS:
        message = f"the values make more than {MAX_CELLS:,} combinations"
        mend = "Shorten the lists, or draw from them with method: {type: random}."
        return [Fault(pointer(_AT), f"{size(space):,}", message, mend)]
    return []


def _paired(space: Space) -> list[Fault]:
    faults = []
    first = space.paired[0] if space.paired else {}
    for index, row in enumerate(space.paired):
        place = pointer([*_AT, "paired", index])
        if not row:
            mend = "Write e.g. {learning_rate: 1e-5}."
            faults.append(Fault(place, "{}", "this row is empty", mend))
        elif row.keys() != first.keys():
            message = "paired rows must name the same parameters"
            faults.append(Fault(place, shorten(row), message, f"Name: {', '.join(first)}."))
    for name in first:
        if name in space.axes:
            message = f"{name} varies in paired rows and as a parameter of its own"
            faults.append(Fault(pointer([*_AT, name]), name, message, "Keep one of the two."))
    return faults


def _condition(space: Space, place: list[str | int], condition: Condition) -> list[Fault]:
    if not condition:
        word = "every cell" if "exclude" in place else "always"
        mend = "Name a parameter and its value, or take the condition out."
        return [Fault(pointer(place), "{}", f"an empty condition holds for {word}", mend)]
    faults = []
    for name, wanted in condition.items():
        if name not in space.names:
            mend = meant(name, space.names)
            message = f"'{name}' is not a parameter of this sweep"
            faults.append(Fault(pointer([*place, name]), shorten(wanted), message, mend))
            continue
        values = wanted if isinstance(wanted, list) else [wanted]
        faults += _wanted(space, [*place, name], name, values)
    return faults


def _wanted(
    space: Space, place: list[str | int], name: str, values: list[ParamValue]
) -> list[Fault]:
    axis = space.axes.get(name)
    if not values:
        return [Fault(pointer(place), "[]", "no value is named", "List at least one.")]
    if isinstance(axis, Range):
        if axis.distribution == "int_uniform":
            outside = [v for v in values if isinstance(v, str) or not axis.min <= v <= axis.max]
            mend = f"Write whole numbers from {axis.min} to {axis.max}."
        else:
            outside = values
            mend = f"Narrow min and max of {name}, or list its values."
        message = f"{name} never takes this value"
    else:
        listed = axis.values if axis else [row[name] for row in space.paired if name in row]
        outside = [value for value in values if value not in listed]
        message, mend = f"{name} never takes this value", f"It takes {shorten(listed)}."
    return [Fault(pointer(place), shorten(value), message, mend) for value in outside]


def _cycles(space: Space) -> list[Fault]:
    """Parameters whose `when` leads back to themselves."""
    needs = {name: list(axis.when or ()) for name, axis in space.axes.items()}
    return [
        Fault(
            pointer([*_AT, name, "when"]),
            shorten(space.axes[name].when),
            f"{name} is there only when {name} is",
            "Let conditions point one way: take one of them out.",
        )
        for name in needs
        if name in set(_reached(needs, name))
    ]


def _reached(needs: dict[str, list[str]], start: str) -> Iterator[str]:
    """Every name that the condition of `start` asks about, directly or further on."""
    seen: set[str] = set()
    waiting = list(needs[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needs.get(name, [])
            yield name


def corners(space: Space) -> Space:
    """A finite space with the ends of every range in place of the range."""
    return Space(
        axes={
            name: Choice(values=_ends(axis), when=axis.when) if isinstance(axis, Range) else axis
            for name, axis in space.axes.items()
        },
        paired=space.paired,
        exclude=space.exclude,
    )


def _ends(axis: Range) -> list[ParamValue]:
    if axis.distribution == "int_uniform":
        return [int(axis.min), int(axis.max)]
    return [float(axis.min), float(axis.max)]
