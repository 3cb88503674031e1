from __future__ import annotations

import importlib.util
from pathlib import Path

import judges_of_tests
import pytest

from sweeps.errors import SpecError
from sweeps.spec import Evaluation
from workers.registered import RegistryError, check, judges, load_judge, tasks

OURS = "length=judges_of_tests:length"


def test_a_judge_is_found_by_its_name() -> None:
    assert judges(f" {OURS} , other = a.b:c,") == {
        "length": "judges_of_tests:length",
        "other": "a.b:c",
    }
    assert load_judge("length", OURS) is judges_of_tests.length


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("other", OURS, "no judge 'other' here. Known: length. An operator adds one"),
        ("other", "", "An operator adds one with SWEEP_JUDGES"),
        ("x", "x=no_such_module_here:f", "cannot be imported"),
        ("x", "x=judges_of_tests:missing", "cannot be imported"),
        ("x", "x=judges_of_tests", "is not name=module:function"),
        ("x", "=a:b", "has no name"),
        ("x", "x=a:b,x=a:c", "or one that is taken"),
    ],
)
def test_what_the_operator_wrote_badly_is_named(name: str, text: str, said: str) -> None:
    with pytest.raises(RegistryError) as caught:
        load_judge(name, text)
    assert said in str(caught.value)


def test_tasks_are_the_harness_own_or_of_a_folder() -> None:
    assert tasks("arc_easy, words=/srv/tasks") == {"arc_easy": None, "words": Path("/srv/tasks")}


def test_a_name_that_nobody_registered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Code in a name is a name like any other: it is not in the table."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    asked = Evaluation(judge="os.system", tasks=["words", "secret"])
    with pytest.raises(SpecError) as caught:
        check(asked, OURS, "words=/srv/tasks")
    faults = {fault.pointer: fault.mend for fault in caught.value.faults}
    assert sorted(faults) == ["/spec/evaluation/judge", "/spec/evaluation/tasks/1"]
    assert faults["/spec/evaluation/judge"].startswith("Known: length. An operator adds one")
    assert "SWEEP_LM_EVAL_TASKS" in faults["/spec/evaluation/tasks/1"]
    check(Evaluation(judge="length", tasks=["words"]), OURS, "words=/srv/tasks")
    check(Evaluation(), "", "")


def test_without_the_package_its_tasks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match=r"sweepctl\[lm-eval\]"):
        check(Evaluation(tasks=["words"]), "", "words")
