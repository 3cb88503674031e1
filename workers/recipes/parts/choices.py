"""Held-out rows: examples with a text to predict, or multiple-choice questions. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.faults import shorten
from sweeps.spec import Data
from workers.recipes.parts.formats import Example, RowError, examples_of, text_of
from workers.recipes.parts.rows import Row, Source

CHOICES = "choices"
_FORM = 'Write {"question": "...", "choices": ["...", "..."], "answer": 0}.'
_ALIKE = "Put multiple-choice questions into a file of their own."


@dataclass(frozen=True)
class Question:
    """A prompt and what may follow it; `right` is the place of the true choice, from 0.

    `line` is where the file says so.
    """

    line: int
    prompt: str
    choices: tuple[str, ...]
    right: int


def read_held_out(source: Source, data: Data) -> list[Example] | list[Question]:
    """Every row of an evaluation set. A set whose first row has `choices` asks multiple choice,
    whatever `data.format` and `data.fields` say of the others.

    Raises SpecError naming file and line, for a file that holds both kinds too.
    """
    rows = source.read()
    first, asks = rows[0][0], CHOICES in rows[0][1]
    for line, row in rows:
        if (CHOICES in row) != asks:
            has = ("has no", "has") if asks else ("has", "has no")
            message = f"this line {has[0]} '{CHOICES}', line {first} {has[1]}"
            raise source.error(message, _ALIKE, line)
    if not asks:
        return examples_of(source, data, rows)
    return [_question(source, line, row) for line, row in rows]


def _question(source: Source, line: int, row: Row) -> Question:
    try:
        choices = _choices(row)
        return Question(line, _prompt(row), choices, _right(row, choices))
    except RowError as error:
        raise source.error(str(error), _FORM, line) from error


def _prompt(row: Row) -> str:
    question = text_of(row, "question").strip()
    if not question:
        raise RowError("'question' is empty")
    subject = f"Subject: {text_of(row, 'subject').strip()}\n" if row.get("subject") else ""
    return f"{subject}Question: {question}\nAnswer:"


def _choices(row: Row) -> tuple[str, ...]:
    choices = row[CHOICES]
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        raise RowError(f"'{CHOICES}' is not a list of texts")
    if len(choices) < 2:
        raise RowError(f"'{CHOICES}' holds {len(choices)}: there is nothing to choose from")
    stripped = tuple(choice.strip() for choice in choices)
    if not all(stripped):
        raise RowError(f"choice {stripped.index('')} is empty (the first is 0)")
    if len(set(stripped)) < len(stripped):
        raise RowError("two choices are the same")
    return stripped


def _right(row: Row, choices: tuple[str, ...]) -> int:
    answer = row.get("answer")
    if isinstance(answer, int) and not isinstance(answer, bool):
        if 0 <= answer < len(choices):
            return answer
        raise RowError(f"'answer' is {answer}, the choices are 0 to {len(choices) - 1}")
    if not isinstance(answer, str):
        raise RowError("'answer' is missing: neither index, nor letter, nor text of a choice")
    letters = [chr(ord("A") + place) for place in range(len(choices))]
    said = answer.strip()
    found = {names.index(said) for names in (list(choices), letters) if said in names}
    if len(found) == 1:
        return found.pop()
    if found:
        raise RowError(f"'answer' is {said}, the letter of one choice and the text of another")
    last = f"{len(choices) - 1}, A to {letters[-1]}"
    raise RowError(
        f"'answer' is {shorten(said, 40)}: no choice of 0 to {last}, nor the text of one"
    )
