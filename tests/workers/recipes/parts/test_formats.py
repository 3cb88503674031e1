from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recipe_support import write_rows

from sweeps.errors import SpecError
from sweeps.spec import Data
from workers.recipes.parts.formats import Chat, Example, Pair, read_examples
from workers.recipes.parts.rows import train_source
from workers.roots import DataRoots

USER = {"role": "user", "content": "2+2?"}
REPLY = {"role": "assistant", "content": "4"}


def read(folder: Path, rows: list[dict[str, Any]], **data: Any) -> list[Example]:
    write_rows(folder / "data.jsonl", rows)
    spec = Data(train="data.jsonl", **data)
    return read_examples(train_source(spec, DataRoots((folder,))), spec)


@pytest.mark.parametrize(
    ("row", "example"),
    [
        ({"prompt": "a", "completion": "b", "id": 7}, Pair("a", "b")),
        ({"prompt": "", "completion": "b"}, Pair("", "b")),
        ({"messages": [USER, REPLY]}, Chat((USER, REPLY))),
        ({"question": "2+2?", "answer": "4"}, Pair("Question: 2+2?\nAnswer: ", "4")),
    ],
)
def test_auto_goes_by_the_columns(folder: Path, row: dict[str, Any], example: Example) -> None:
    assert read(folder, [row, row]) == [example, example]


def test_alpaca_has_two_templates(folder: Path) -> None:
    plain, paired = read(
        folder,
        [{"instruction": "Add.", "input": "", "output": "5"},
         {"instruction": "Add.", "input": "2 3", "output": "5"}],
    )  # fmt: skip
    assert plain == Pair(
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nAdd.\n\n### Response:\n",
        "5",
    )
    assert paired == Pair(
        "Below is an instruction that describes a task, paired with an input that provides further "
        "context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\nAdd.\n\n### Input:\n2 3\n\n### Response:\n",
        "5",
    )


def test_the_format_named_is_the_format_read(folder: Path) -> None:
    row = {"prompt": "a", "completion": "b", "messages": [REPLY]}
    assert read(folder, [row], format="prompt_completion") == [Pair("a", "b")]
    assert read(folder, [row], format="messages") == [Chat((REPLY,))]


def test_fields_map_columns(folder: Path) -> None:
    rows = [{"q": "a", "completion": "b"}]
    assert read(folder, rows, fields={"prompt": "q"}) == [Pair("a", "b")]
    both = {"prompt": "completion", "completion": "q"}
    assert read(folder, rows, fields=both, format="prompt_completion") == [Pair("b", "a")]
    with pytest.raises(SpecError) as caught:
        read(folder, rows, fields=both, format="messages")
    assert caught.value.faults[0].pointer == "/spec/workload/data/fields"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "a"}, "column 'completion' is missing"),
        ({"prompt": "a", "completion": ""}, "'completion' is empty"),
        ({"prompt": None, "completion": "b"}, "'prompt' holds null, not text"),
        ({"prompt": "a", "completion": 4}, "'completion' holds 4, not text"),
    ],
)
def test_a_row_that_does_not_fit_is_named_by_line(
    folder: Path, row: dict[str, Any], said: str
) -> None:
    good = {"prompt": "a", "completion": "b"}
    with pytest.raises(SpecError, match=f"{said}.*data.jsonl, line 3") as caught:
        read(folder, [good, good, row])
    assert caught.value.faults[0].pointer == "/spec/workload/data/train"


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "not a list of messages"),
        ("hello", "not a list of messages"),
        ([USER], "no assistant message"),
        ([USER, {"role": "bot", "content": "4"}], "no role out of"),
        ([USER, {"role": "assistant"}], "column 'content' is missing"),
        ([USER, "4"], "no role out of"),
    ],
)
def test_a_bad_conversation_is_an_error(folder: Path, messages: Any, said: str) -> None:
    with pytest.raises(SpecError, match=f"{said}.*line 1"):
        read(folder, [{"messages": messages}])


def test_unknown_columns_are_listed(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"columns text.*completion\+prompt.*data\.fields"):
        read(folder, [{"text": "a"}])
