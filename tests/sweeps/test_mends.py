from __future__ import annotations

from typing import Any

import pytest
from stories import plain

from sweeps.documents import read_document
from sweeps.errors import SpecError
from sweeps.mends import EXAMPLES
from sweeps.spec import parse


@pytest.mark.parametrize(
    ("changes", "message", "mend"),
    [
        ({"seed": "x"}, "must be a whole number", "Write a whole number, without quotes."),
        ({"seed": 1.5}, "must be a whole number", "Write a whole number, without quotes."),
        ({"seed": -1}, "must be at least 0", "Write 0 or more."),
        ({"seed": 2**32}, "must be below 4294967296", "Write a number below 4294967296."),
        ({"report": {"points": 2000}}, "must be at most 1000", "Write 1000 or less."),
        ({"horizon": {"epochs": 0}}, "must be above 0.0", "Write a number above 0.0."),
        ({"horizon": {"epochs": float("nan")}}, "must be a finite number", "Write a finite"),
        ({"evaluation": {"exact_match": "maybe"}}, "must be true or false", "Write true or"),
        ({"horizon": 7}, "must be a block", "`horizon: {samples: 10000}`"),
        ({"workload": {"model": 7}}, "must be text or a block", "`model: {tiny: llama}`"),
        ({"parameters": {"a": {"values": 7}}}, "must be a list", "Put it in brackets: [7]."),
        ({"parameters": {"a": 7}}, "one value or several", "Write a: {value: 7}."),
        ({"parameters": {"a": [7, 8]}}, "one value or several", "Write a: {values: [7, 8]}."),
        ({"parameters": {"a": {"values": []}}}, "is empty", "List at least one."),
        ({"parameters": {"exclude": [7]}}, "must be a block", "Write it as {key: value, ...}."),
        ({"method": {}}, "required", "`type: grid`"),
        ({"pruning": {}}, "required", "`type: median`"),
        ({"metric": {"goal": "minimize"}}, "required", "`name: eval_loss`"),
        ({"metric": {"name": "ä", "goal": "minimize"}}, "is no name of a metric", "Use letters"),
        ({"resources": {"pool": "a b"}}, "is no name", "at most 100"),
        ({"workload": {"recipe": 7}}, "must be text", 'Put it in quotes: "7".'),
        ({"workload": {"model": ""}}, "is empty", "Write something"),
        ({"workload": {"model": "x" * 1001}}, "longer than 1000", "Shorten it to 1000."),
        ({"budget": {"wall_clock": "soon"}}, "this is no duration", "Write e.g. 48h"),
    ],
)
def test_an_error_is_said_with_what_to_do(changes: dict[str, Any], message: str, mend: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(plain(**changes))
    (fault,) = caught.value.faults
    assert message in fault.message
    assert mend in fault.mend


def test_an_empty_document_says_how_to_begin() -> None:
    with pytest.raises(SpecError, match="apiVersion: sweeps/v1"):
        parse(read_document(""))


def test_a_list_that_is_too_long() -> None:
    with pytest.raises(SpecError, match="holds more than 10000 items"):
        parse(plain(parameters={"a": {"values": list(range(10_001))}}))


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_an_example_is_itself_readable(example: str) -> None:
    for part in example.split("` or `"):
        assert isinstance(read_document(part), dict)
