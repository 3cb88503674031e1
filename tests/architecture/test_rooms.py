"""The checks of this folder look at the right things: the reader itself, on small sources."""

from __future__ import annotations

import pytest

from tests.architecture.rooms import ROOMS, Module, modules


def test_every_room_has_modules() -> None:
    seen = {module.name.split("/")[0] for module in modules()}
    assert seen == set(ROOMS)


def test_blank_lines_comments_and_docstrings_are_not_code() -> None:
    head = '"""What it is.\n\nMore.\n"""\n\n# why\nx = """a\nb"""\n'
    text = head + '\n\ndef f():\n    """Say."""\n    return x\n'
    assert Module("m.py", text).code_lines == {7, 8, 11, 13}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import torch", False),
        ("import torch  # noqa: PLC0415", False),
        ("import torch  # heavy", False),
        ("import torch  # heavy, only on a GPU", True),
        ("import torch  # noqa: PLC0415 - heavy, only on a GPU", True),
        ("# heavy, only on a GPU\nimport torch", True),
        ("x = 1  # a word about x\nimport torch", False),
    ],
)
def test_a_reason_is_words_on_the_line_or_in_the_comment_above(text: str, told: bool) -> None:
    assert Module("m.py", text).reason_at(len(text.splitlines())) is told
