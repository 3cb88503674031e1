from __future__ import annotations

import errno
import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from s3_server import BUCKET, s3_server

from workers import checkpoints
from workers.checkpoints import MANIFEST, CheckpointFolder
from workers.mirror import Mirror


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server():
        yield f"s3://{BUCKET}"


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    base = request.getfixturevalue("s3") if request.param == "s3" else f"file://{tmp_path}/there"
    return f"{base}/{uuid.uuid4().hex}/00003"


def write(folder: CheckpointFolder, step: int) -> Path:
    def fill(draft: Path) -> None:
        (draft / "a.bin").write_bytes(bytes([step]) * 1000)
        (draft / "deep").mkdir()
        (draft / "deep" / "b.json").write_text(json.dumps(step))

    return folder.write(step, fill)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }  # fmt: skip


def change(url: str, name: str, damage: str) -> None:
    files, path = fsspec.core.url_to_fs(url)
    at = f"{path}/{name}"
    if damage == "gone":
        files.rm(f"{at}/a.bin")
    elif damage == "flip":
        whole = files.cat_file(f"{at}/a.bin")
        files.pipe_file(f"{at}/a.bin", bytes([whole[0] ^ 1]) + whole[1:])
    elif damage == "no manifest":
        files.rm(f"{at}/{MANIFEST}")
    else:
        files.pipe_file(f"{at}/{MANIFEST}", files.cat_file(f"{at}/{MANIFEST}")[:-9])


def test_what_is_pushed_comes_back_as_it_was(url: str, tmp_path: Path) -> None:
    made = write(CheckpointFolder(tmp_path / "here"), 7)
    mirror = Mirror(url)
    assert mirror.names() == []
    mirror.push(made, 2)
    assert mirror.names() == ["step-00000007"]
    (tmp_path / "other").mkdir()
    found = Mirror(url).fetch("step-00000007", tmp_path / "other")
    assert found == tmp_path / "other" / "step-00000007"
    assert content(found) == content(made)
    assert [p.name for p in (tmp_path / "other").iterdir()] == ["step-00000007"]


def test_the_newest_ones_stay_and_all_go_in_the_end(url: str, tmp_path: Path) -> None:
    folder, mirror = CheckpointFolder(tmp_path / "here"), Mirror(url)
    for step in (9, 10, 100):
        mirror.push(write(folder, step), 2)
    assert mirror.names() == ["step-00000100", "step-00000010"]
    mirror.push(write(folder, 101), 1)
    assert mirror.names() == ["step-00000101"]
    files, path = fsspec.core.url_to_fs(url)
    assert {name.split("/")[-1] for name in files.find(path)} == {"a.bin", "b.json", MANIFEST}
    mirror.remove()
    files.invalidate_cache()
    assert files.find(path) == []
    mirror.remove()


@pytest.mark.parametrize("damage", ["gone", "flip", "no manifest", "torn manifest"])
def test_a_torn_one_is_not_fetched(url: str, tmp_path: Path, damage: str) -> None:
    mirror = Mirror(url)
    mirror.push(write(CheckpointFolder(tmp_path / "here"), 7), 2)
    change(url, "step-00000007", damage)
    (tmp_path / "other").mkdir()
    if damage == "no manifest":
        assert mirror.names() == []
    else:
        assert mirror.fetch("step-00000007", tmp_path / "other") is None
    assert list((tmp_path / "other").iterdir()) == []


def test_one_that_was_fetched_meanwhile_stays(tmp_path: Path) -> None:
    """Two trials that go on from the same checkpoint fetch it; the first one is reading it."""
    mirror = Mirror(f"file://{tmp_path}/there")
    mirror.push(write(CheckpointFolder(tmp_path / "here"), 7), 2)
    (tmp_path / "other").mkdir()
    first = mirror.fetch("step-00000007", tmp_path / "other")
    assert first is not None
    number = first.stat().st_ino
    assert mirror.fetch("step-00000007", tmp_path / "other") == first
    assert first.stat().st_ino == number
    (first / "a.bin").write_bytes(b"torn")
    assert mirror.fetch("step-00000007", tmp_path / "other") == first
    assert (first / "a.bin").read_bytes() != b"torn"


def test_one_that_cannot_be_read_just_now_is_neither_replaced_nor_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = Mirror(f"file://{tmp_path}/there")
    mirror.push(write(CheckpointFolder(tmp_path / "here"), 7), 2)
    first = mirror.fetch("step-00000007", tmp_path / "other")
    assert first is not None
    number, digest = first.stat().st_ino, checkpoints._digest

    def unreadable(path: Path) -> str:
        if path.parent == first:
            raise OSError(errno.EIO, "Input/output error")
        return digest(path)

    monkeypatch.setattr(checkpoints, "_digest", unreadable)
    with pytest.raises(OSError, match="Input/output"):
        mirror.fetch("step-00000007", tmp_path / "other")
    assert first.stat().st_ino == number


def test_an_upload_that_breaks_off_is_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when it replaces one of the same name that was whole."""
    url = f"file://{tmp_path}/there"
    made, mirror = write(CheckpointFolder(tmp_path / "here"), 7), Mirror(url)
    mirror.push(made, 2)
    files = fsspec.filesystem("file").__class__
    whole: Any = files.put_file

    def half(self: Any, local: str, there: str, **more: Any) -> None:
        if there.endswith("b.json"):
            raise ConnectionError("cut")
        whole(self, local, there, **more)

    with monkeypatch.context() as patch:
        patch.setattr(files, "put_file", half)
        with pytest.raises(ConnectionError):
            mirror.push(made, 2)
    assert mirror.names() == []
    mirror.push(made, 2)
    assert mirror.names() == [made.name]


def test_a_manifest_that_points_elsewhere_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    there = tmp_path / "there" / "step-00000001"
    there.mkdir(parents=True)
    (tmp_path / "there" / "b").write_text("y")
    names = {"../b": "0", str(secret): "0"}
    (there / MANIFEST).write_text(json.dumps({"step": 1, "files": names}))
    (tmp_path / "root").mkdir()
    assert Mirror(f"file://{tmp_path}/there").fetch(there.name, tmp_path / "root") is None
    assert not (tmp_path / "root" / "b").exists()
    shutil.rmtree(there)
