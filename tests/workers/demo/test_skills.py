from __future__ import annotations

from pathlib import Path

import pytest

from workers.demo import skills


@pytest.mark.parametrize(
    ("name", "word", "done"),
    [
        ("copy", "frog", "frog"),
        ("first", "frog", "f"),
        ("last", "frog", "g"),
        ("upper", "frog", "FROG"),
        ("reverse", "frog", "gorf"),
        ("shift", "frogz", "gspha"),
        ("swap", "frog", "grof"),
        ("rotate", "frog", "rogf"),
    ],
)
def test_a_skill_does_what_its_name_says(name: str, word: str, done: str) -> None:
    assert {**skills.BASE, **skills.NEW}[name](word) == done


def test_rows_are_the_same_every_time_and_differ_by_split(tmp_path: Path) -> None:
    rows = skills.examples(skills.NEW, 40, "train")
    assert rows == skills.examples(skills.NEW, 40, "train")
    assert rows != skills.examples(skills.NEW, 40, "eval")
    assert rows[:10] == skills.examples(skills.NEW, 10, "train")
    for path in (tmp_path / "a" / "1.jsonl", tmp_path / "2.jsonl"):
        skills.write(rows, path)
    assert (tmp_path / "a" / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()


def test_skills_take_turns() -> None:
    rows = skills.examples(skills.BASE, 8, "x")
    assert [row["prompt"].split()[0] for row in rows] == list(skills.BASE) * 2
    assert all(
        row["completion"] == skills.BASE[row["prompt"].split()[0]](row["prompt"].split()[1])
        for row in rows
    )


def test_words_to_avoid_are_avoided() -> None:
    first = skills.words(skills.examples(skills.NEW, 300, "train"))
    again = skills.words(skills.examples(skills.NEW, 300, "train", avoid=first))
    assert len(first) > 250
    assert not first & again
