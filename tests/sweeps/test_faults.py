from __future__ import annotations

import traceback
from typing import Any

import pytest
from stories import plain

from sweeps.errors import Fault, SpecError
from sweeps.faults import headline, nearest, pointer, shorten
from sweeps.spec import parse


def faults(**changes: Any) -> list[Fault]:
    with pytest.raises(SpecError) as caught:
        parse(plain(**changes))
    return caught.value.faults


def test_a_pointer_escapes_what_rfc_6901_escapes() -> None:
    assert pointer(["a/b", "m~n", 0]) == "/a~1b/m~0n/0"
    assert pointer([]) == ""


def test_a_pointer_leads_to_the_value_the_user_wrote() -> None:
    (fault,) = faults(parameters={"x/y": {"values": [1, [2]]}})
    assert fault.pointer == "/spec/parameters/x~1y/values/1"
    assert fault.value == "[2]"


def test_a_long_value_is_cut_and_a_secret_hidden() -> None:
    assert len(shorten("x" * 500)) == 80
    assert shorten({"a": [1]}) == '{"a": [1]}'
    assert shorten("hf_abcdefghijklmnop") == "(hidden)"


@pytest.mark.parametrize(
    ("name", "close"), [("learning_rat", "learning_rate"), ("zzz", None), ("Seed", "seed")]
)
def test_nearest(name: str, close: str | None) -> None:
    assert nearest(name, ["learning_rate", "seed"]) == close


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"metric": {"name": "loss", "gaol": "minimize", "goal": "minimize"}}, "'goal'?"),
        ({"horizen": {"samples": 1}}, "'horizon'?"),
        ({"workload": {"modle": "x"}}, "'model'?"),
        ({"workload": {"data": {"train": "x", "evl": "y"}}}, "'eval'?"),
        ({"pruning": {"type": "median", "min_peer": 4}}, "'min_peers'?"),
        ({"resources": {"qqq": 1}}, "Known here: cpus_per_trial, gpus_per_trial, max_attempts"),
    ],
)
def test_an_unknown_key_names_the_nearest_right_one(changes: dict[str, Any], mend: str) -> None:
    (fault,) = faults(**changes)
    assert "unknown key" in fault.message
    assert mend in fault.mend


def test_a_word_that_is_not_known_names_the_nearest_or_all() -> None:
    (fault,) = faults(metric={"name": "loss", "goal": "minimise"})
    assert fault.mend == "Did you mean 'minimize'?"
    (fault,) = faults(method={"type": "bayes"})
    assert fault.mend == "Write one of: grid, random, qmc, tpe, gp, cmaes."
    assert (fault.pointer, fault.value) == ("/spec/method/type", '"bayes"')


def test_the_arms_of_a_union_are_one_fault() -> None:
    (fault,) = faults(parameters={"a": {"values": [None]}})
    assert fault.message == "must be a number, a word, or true or false"


def test_two_unknown_keys_in_one_block_are_two_faults() -> None:
    assert len(faults(report={"point": 1, "pints": 2})) == 2


def test_the_headline_of_an_error() -> None:
    try:
        try:
            raise OSError("no network\nlook at your cable")
        except OSError as error:
            fault = Fault("/spec/workload/model", "a", "it is not there", "Mend it.")
            raise SpecError([fault]) from error
    except SpecError:
        text = traceback.format_exc()
    said = "sweeps.errors.SpecError: /spec/workload/model: it is not there (got a). Mend it."
    assert headline(text) == said
    cut = "(the beginning is cut)\n" + text[text.rindex("most recent call last") :]
    assert headline(cut) == said
    assert headline("the worker died\n") == "the worker died"
    assert headline("") == ""


@pytest.mark.parametrize(
    ("written", "mend"),
    [
        ("q_proj", "Write a list: [q_proj], or all-linear."),
        ("q_proj, v_proj", "Write a list: [q_proj, v_proj], or all-linear."),
        ("all-linea", "Did you mean 'all-linear'?"),
        (" ", "Write all-linear."),
    ],
)
def test_a_text_where_a_list_may_stand_is_to_be_one(written: str, mend: str) -> None:
    work = {"model": "m", "data": {"train": "t", "eval": "e"}}
    adapter = {"type": "lora", "target_modules": written}
    (fault,) = faults(workload={**work, "adapter": adapter})
    assert (fault.pointer, fault.mend) == ("/spec/workload/adapter/target_modules", mend)
