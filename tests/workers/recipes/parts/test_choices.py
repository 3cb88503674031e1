from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from recipe_support import write_rows

from sweeps.errors import SpecError
from sweeps.spec import Data
from workers.recipes.parts.choices import Question, read_held_out
from workers.recipes.parts.formats import Example, Pair
from workers.recipes.parts.rows import eval_sources
from workers.roots import DataRoots

GOOD: dict[str, Any] = {"question": "2+2?", "choices": ["3", "4", "5"], "answer": 1}


def read(folder: Path, rows: list[dict[str, Any]], **data: Any) -> list[Example] | list[Question]:
    write_rows(folder / "eval.jsonl", rows)
    spec = Data(train="train.jsonl", eval={"mmlu": "eval.jsonl"}, **data)
    (source,) = eval_sources(spec, DataRoots((folder,)))
    return read_held_out(source, spec)


def test_rows_with_choices_are_questions(folder: Path) -> None:
    rows = [GOOD, {**GOOD, "subject": "sums", "question": " 1+2? ", "answer": "A", "id": 7}]
    assert read(folder, rows) == [
        Question(1, "Question: 2+2?\nAnswer:", ("3", "4", "5"), 1),
        Question(2, "Subject: sums\nQuestion: 1+2?\nAnswer:", ("3", "4", "5"), 0),
    ]


@pytest.mark.parametrize("data", [{"format": "messages"}, {"fields": {"prompt": "question"}}])
def test_they_are_so_whatever_the_format_of_examples(folder: Path, data: dict[str, Any]) -> None:
    (question,) = read(folder, [GOOD], **data)
    assert isinstance(question, Question)


def test_other_rows_are_read_as_those_of_training(folder: Path) -> None:
    assert read(folder, [{"prompt": "a", "completion": "b"}]) == [Pair("a", "b")]
    fields = {"prompt": "q", "completion": "a"}
    assert read(folder, [{"q": "a", "a": "b"}], fields=fields) == [Pair("a", "b")]


@pytest.mark.parametrize(
    ("choices", "answer", "right"),
    [
        (["x", "y"], 0, 0),
        (["x", "y"], "B", 1),
        (["x", "y"], " y ", 1),
        (["B", "A", "x"], "x", 2),
        (["A", "B"], "B", 1),
        (["1", "0"], "0", 1),
        (["1", "0"], 0, 0),
    ],
)
def test_an_answer_is_an_index_a_letter_or_a_text(
    folder: Path, choices: list[str], answer: int | str, right: int
) -> None:
    (question,) = read(folder, [{**GOOD, "choices": choices, "answer": answer}])
    assert isinstance(question, Question)
    assert question.right == right


def test_the_rows_of_the_documentation_are_questions(folder: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "evaluation.md").read_text("utf-8")
    (text,) = re.findall(r"```jsonl\n(.*?)```", page, re.DOTALL)
    found = read(folder, [json.loads(line) for line in text.splitlines()])
    assert [q.right for q in found if isinstance(q, Question)] == [1, 1, 0]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"choices": "3, 4"}, "not a list of texts"),
    ({"choices": [3, 4]}, "not a list of texts"),
    ({"choices": None}, "not a list of texts"),
    ({"choices": []}, "holds 0"),
    ({"choices": ["4"]}, "nothing to choose from"),
    ({"choices": ["3", " ", "4"]}, "choice 1 is empty"),
    ({"choices": ["3", "4", "3 "]}, "two choices are the same"),
    ({"answer": 3}, "'answer' is 3, the choices are 0 to 2"),
    ({"answer": -1}, "'answer' is -1"),
    ({"answer": "D"}, "no choice of 0 to 2, A to C"),
    ({"answer": "b"}, "nor the text of one"),
    ({"answer": "six"}, "nor the text of one"),
    ({"answer": True}, "'answer' is missing"),
    ({"answer": None}, "'answer' is missing"),
    ({"answer": 1.0}, "'answer' is missing"),
    ({"choices": ["B", "A"], "answer": "A"}, "the letter of one choice and the text of another"),
    ({"question": ""}, "'question' is empty"),
    ({"question": None}, "'question' holds"),
    ({"subject": 5}, "'subject' holds"),
]


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_a_bad_row_names_file_line_and_mend(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        read(folder, [GOOD, {**GOOD, **changes}])
    (fault,) = caught.value.faults
    assert fault.pointer == "/spec/workload/data/eval/mmlu"
    assert "eval.jsonl, line 2" in fault.value
    assert said in fault.message
    assert '"answer": 0' in fault.mend


@pytest.mark.parametrize("column", ["question", "answer"])
def test_a_column_that_is_missing_is_named(folder: Path, column: str) -> None:
    with pytest.raises(SpecError, match=f"'{column}'.* is missing"):
        read(folder, [{name: value for name, value in GOOD.items() if name != column}])


@pytest.mark.parametrize("turned", [False, True])
def test_a_file_of_both_kinds_names_the_line(folder: Path, turned: bool) -> None:
    rows = [GOOD, GOOD, {"question": "2+2?", "answer": "4"}]
    with pytest.raises(SpecError) as caught:
        read(folder, rows[::-1] if turned else rows)
    (fault,) = caught.value.faults
    assert f"line {2 if turned else 3}" in fault.value
    assert "'choices'" in fault.message
    assert "a file of their own" in fault.mend
