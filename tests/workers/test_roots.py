from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.errors import SpecError
from workers.roots import DataRoots

AT = "/spec/workload/model"


@pytest.fixture
def roots(tmp_path: Path) -> DataRoots:
    for name in ("one", "two", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "secret.jsonl").write_text("{}")
    (tmp_path / "two" / "data").mkdir()
    (tmp_path / "two" / "data" / "train.jsonl").write_text("{}")
    return DataRoots((tmp_path / "one", tmp_path / "two"))


def test_a_relative_name_is_looked_up_under_each_root_in_turn(roots: DataRoots) -> None:
    second = roots.folders[1] / "data" / "train.jsonl"
    assert roots.resolve("data/train.jsonl", AT) == second
    first = roots.folders[0] / "data" / "train.jsonl"
    first.parent.mkdir()
    first.write_text("{}")
    assert roots.resolve("data/train.jsonl", AT) == first
    assert roots.resolve(str(second), AT) == second


@pytest.mark.parametrize(
    "name",
    [
        "missing.jsonl",
        "../outside/secret.jsonl",
        "data/../../outside/secret.jsonl",
        "/etc/passwd",
        "~/secret.jsonl",
        "nul\0byte",
        "x" * 5000,
        "",
    ],
)
def test_what_is_missing_or_outside_is_refused_by_pointer(roots: DataRoots, name: str) -> None:
    if not name:
        # The empty name is the root itself, which lies under the roots.
        assert roots.resolve(name, AT) == roots.folders[0]
        return
    with pytest.raises(SpecError) as caught:
        roots.resolve(name, AT)
    (fault,) = caught.value.faults
    assert fault.pointer == AT
    assert "SWEEP_DATA_ROOTS" in fault.mend


def test_a_link_out_of_the_roots_is_refused_and_one_inside_followed(roots: DataRoots) -> None:
    one, two = roots.folders
    (one / "leak.jsonl").symlink_to(one.parent / "outside" / "secret.jsonl")
    (one / "here.jsonl").symlink_to(two / "data" / "train.jsonl")
    (one / "loop").symlink_to(one / "loop")
    assert roots.resolve("here.jsonl", AT) == two / "data" / "train.jsonl"
    for name in ("leak.jsonl", "loop"):
        with pytest.raises(SpecError):
            roots.resolve(name, AT)


def test_a_root_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jsonl").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = DataRoots((tmp_path / "link",)).resolve("a.jsonl", AT)
    assert found == (tmp_path / "real" / "a.jsonl").resolve()


def test_without_roots_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="none are set"):
        DataRoots(()).resolve(str(tmp_path), AT)


def test_an_owner_and_a_name_are_a_hub_id_unless_they_are_a_path(roots: DataRoots) -> None:
    assert roots.find("ibm-granite/granite-3b", AT) is None
    (roots.folders[1] / "ibm-granite" / "granite-3b").mkdir(parents=True)
    found = roots.find("ibm-granite/granite-3b", AT)
    assert found == roots.folders[1] / "ibm-granite" / "granite-3b"


@pytest.mark.parametrize(
    "name",
    ["data/tarin.jsonl", "data/X.JSONL", "granite", "a/b/c", "./owner", "/owner/name",
     "../owner", "~/name", "own er/name", "owner/", "-owner/name"],
)  # fmt: skip
def test_what_cannot_be_a_hub_id_must_be_there(roots: DataRoots, name: str) -> None:
    with pytest.raises(SpecError, match="under the data roots"):
        roots.find(name, AT)


def test_a_hub_id_never_names_a_path_of_the_working_folder(
    roots: DataRoots, monkeypatch: pytest.MonkeyPatch
) -> None:
    # from_pretrained("outside/model") would read ./outside/model, wherever the worker was started.
    (roots.folders[0].parent / "outside" / "model").mkdir()
    monkeypatch.chdir(roots.folders[0].parent)
    with pytest.raises(SpecError, match="under the data roots"):
        roots.find("outside/model", AT)
