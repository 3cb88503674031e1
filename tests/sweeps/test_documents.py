from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.documents import MAX_BYTES, MAX_DEPTH, check_depth, in_line, read_document
from sweeps.errors import SpecError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("5E-6", 5e-6),
        ("-1e3", -1e3),
        ("1.5e-3", 1.5e-3),
        ("1.e4", 1e4),
        ("2e+5", 2e5),
        ("12", 12),
        ("0.1", 0.1),
        ("'1e-6'", "1e-6"),
        ("1e-6x", "1e-6x"),
        ("2024-05-01", "2024-05-01"),
        ("true", True),
        ("~", None),
        ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
    ],
)
def test_a_scalar_is_read_as_it_is_written(text: str, value: object) -> None:
    found = read_document(f"x: {text}")["x"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value",
    ["q_proj,v_proj", "1e-6", "1e5", "12", "true", "null", "a: b", "x #y", "long " * 40, 1e-5, 3],
)
def test_what_is_written_in_a_line_reads_back_the_same(value: object) -> None:
    row = {"name": value}
    text = in_line([row, row])
    assert "\n" not in text
    found = read_document(f"exclude: {text}")["exclude"]
    assert found == [row, row]
    assert type(found[0]["name"]) is type(value)


letters = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
keys = st.text("abc_1", max_size=4)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(letters, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner),
    max_leaves=12,
)


@given(json_values)
def test_json_is_read_as_json(value: object) -> None:
    assert read_document(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "aliases are not read"),
        ("a: &x [1, 2]\nb: *x", "aliases are not read"),
        ("a: 1\na: 2", "'a' is written twice"),
        ("a: {b: 1, b: 2}", "'b' is written twice"),
        ("[{a: 1}, {a: 1, a: 1}]", "'a' is written twice"),
        ("1: x", "not text"),
        ("yes: x", "not text"),
        ("? [1]\n: x", "not text"),
        ("a: !!python/object/apply:os.system ['true']", "not plain data"),
        ("a: !!python/object:os.system x", "not plain data"),
        ("a: !!python/name:os.system", "not plain data"),
        ("a: !!binary aGk=", "not plain data"),
        ("a: !!set {x, y}", "not plain data"),
        ("a: !include other.yaml", "not plain data"),
        ("a: [1, 2", "line 1, column"),
        ("a: 1\n b: 2", "line 2"),
        ("--- 1\n--- 2", "not YAML"),
        ("a: \x07", "not YAML"),
        ('a: "\\ud83d"', "half of a character"),
        ("a: " + "9" * 5000, "cannot be read"),
        ("[" * 50 + "]" * 50, f"more than {MAX_DEPTH} deep"),
        ("[" * 20_000 + "]" * 20_000, "nested"),
        ("{a: " * 40 + "1" + "}" * 40, f"more than {MAX_DEPTH} deep"),
        ("x" * (MAX_BYTES + 1), f"longer than {MAX_BYTES}"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_document(text)
    (fault,) = caught.value.faults
    assert said in str(fault)
    assert fault.mend


def test_bytes_count_not_characters() -> None:
    with pytest.raises(SpecError, match="longer"):
        read_document("ä" * (MAX_BYTES // 2 + 1))


def test_depth_is_allowed_up_to_the_limit() -> None:
    nested: object = 1
    for _ in range(MAX_DEPTH):
        nested = [nested]
    with pytest.raises(SpecError):
        check_depth(nested)
    check_depth(nested[0] if isinstance(nested, list) else None)
