from __future__ import annotations

import logging
import warnings
from typing import get_args

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeps.searchers import make_searcher
from sweeps.searchers.knobs import Kind, Knob
from sweeps.searchers.optuna_bridge import distribution_of
from tests.sweeps.searchers.test_optuna_search import (
    CONDITIONAL,
    LONG,
    METHODS,
    searched,
    spec_of,
)


def test_every_knob_has_its_distribution() -> None:
    told = {kind: distribution_of(Knob("k", kind, 1, 4)) for kind in get_args(Kind)}
    assert told == {
        "words": CategoricalDistribution(range(5)),
        "int": IntDistribution(1, 4),
        "steps": IntDistribution(1, 4),
        "float": FloatDistribution(1.0, 4.0),
        "log": FloatDistribution(1.0, 4.0, log=True),
    }


def test_nothing_is_said_and_nothing_of_optuna_is_changed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    heard: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger, level = logging.getLogger("optuna"), optuna.logging.INFO
    before = optuna.logging.get_verbosity()  # another test may have set it
    optuna.logging.set_verbosity(level)
    logger.addHandler(handler)
    filters = list(warnings.filters)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for name in METHODS:
                learn = {} if name == "qmc" else {"n_startup_trials": 2}
                searched(make_searcher(spec_of(name, CONDITIONAL, method=learn), LONG), 4)
        assert heard == []
        assert capfd.readouterr().err == ""
        assert warnings.filters == filters
        assert optuna.logging.get_verbosity() == level
        optuna.create_study()
        assert len(heard) == 1
    finally:
        logger.removeHandler(handler)
        optuna.logging.set_verbosity(before)
