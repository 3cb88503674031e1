"""A row -> what is asked and what is to be learnt, for every format of `data.format`. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.errors import Fault, SpecError
from sweeps.faults import shorten
from sweeps.spec import Data
from workers.recipes.parts.rows import Row, Source

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Pair:
    """A prompt and its completion, as plain text: no chat template is put around them."""

    prompt: str
    completion: str


@dataclass(frozen=True)
class Chat:
    """A conversation; its assistant turns are learnt. Each message has a role and a content."""

    messages: tuple[dict[str, str], ...]


Example = Pair | Chat
Reader = Callable[[Row], Example]


class RowError(ValueError):
    """A row that does not fit the format; the message says how."""


def read_examples(source: Source, data: Data) -> list[Example]:
    """Every row of a source as an example. Raises SpecError naming file and line."""
    return examples_of(source, data, source.read())


def examples_of(source: Source, data: Data, rows: Sequence[tuple[int, Row]]) -> list[Example]:
    """The same, of rows that were read before."""
    reader = _reader(source, data, rows[0][1])
    examples = []
    for line, row in rows:
        try:
            examples.append(reader(row))
        except RowError as error:
            raise source.error(str(error), "Mend the line, or name the format.", line) from error
    return examples


def _reader(source: Source, data: Data, first: Row) -> Reader:
    """The reader for `data.format`; `auto` goes by the columns of the first row."""
    if data.fields is not None:
        return _mapped(data)
    if data.format != "auto":
        return _READERS[data.format]
    for columns, reader in _SHAPES:
        if columns <= first.keys():
            return reader
    message = f"no format fits its columns {', '.join(sorted(map(str, first))) or '(none)'}"
    shapes = "; ".join("+".join(sorted(columns)) for columns, _ in _SHAPES)
    raise source.error(message, f"Known: {shapes}. Or map them with data.fields.", 1)


def _mapped(data: Data) -> Reader:
    if data.format not in ("auto", "prompt_completion"):
        pointer, mend = "/spec/workload/data/fields", "Leave out fields, or the format."
        message = f"fields map to prompt and completion, but the format is {data.format}"
        raise SpecError([Fault(pointer, shorten(data.fields), message, mend)])
    columns = data.fields or {}
    prompt, completion = columns.get("prompt", "prompt"), columns.get("completion", "completion")
    return lambda row: Pair(text_of(row, prompt), _learnt(row, completion))


def _prompt_completion(row: Row) -> Pair:
    return Pair(text_of(row, "prompt"), _learnt(row, "completion"))


def _question_answer(row: Row) -> Pair:
    return Pair(f"Question: {text_of(row, 'question')}\nAnswer: ", _learnt(row, "answer"))


def _alpaca(row: Row) -> Pair:
    """The template of Stanford Alpaca (github.com/tatsu-lab/stanford_alpaca, train.py)."""
    instruction = text_of(row, "instruction")
    context = text_of(row, "input") if row.get("input") else ""
    paired = ", paired with an input that provides further context" if context else ""
    more = f"### Input:\n{context}\n\n" if context else ""
    prompt = (
        f"Below is an instruction that describes a task{paired}. "
        "Write a response that appropriately completes the request.\n\n"
        f"### Instruction:\n{instruction}\n\n{more}### Response:\n"
    )
    return Pair(prompt, _learnt(row, "output"))


def _messages(row: Row) -> Chat:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RowError("'messages' is not a list of messages")
    chat = Chat(tuple(_message(message) for message in messages))
    if not any(message["role"] == "assistant" for message in chat.messages):
        raise RowError("there is no assistant message to learn from")
    return chat


def _message(message: Any) -> dict[str, str]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise RowError(f"a message has no role out of {', '.join(ROLES)}")
    return {"role": message["role"], "content": text_of(message, "content")}


def _learnt(row: Row, column: str) -> str:
    text = text_of(row, column)
    if not text:
        raise RowError(f"'{column}' is empty: there is nothing to learn")
    return text


def text_of(row: Row, column: str) -> str:
    """The text in a column. Raises RowError."""
    if column not in row:
        raise RowError(f"the column '{column}' is missing")
    value = row[column]
    if not isinstance(value, str):
        raise RowError(f"the column '{column}' holds {shorten(value, 40)}, not text")
    return value


_READERS: dict[str, Reader] = {
    "messages": _messages,
    "prompt_completion": _prompt_completion,
    "alpaca": _alpaca,
}
_SHAPES: list[tuple[set[str], Reader]] = [
    ({"messages"}, _messages),
    ({"prompt", "completion"}, _prompt_completion),
    ({"instruction", "output"}, _alpaca),
    ({"question", "answer"}, _question_answer),
]
