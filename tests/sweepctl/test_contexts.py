from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sweepctl import contexts
from sweepctl.contexts import Contexts, Saved
from sweepctl.exits import CliError, ExitCode

LAB = Saved(server="https://lab.example", token="s3cret")


def test_what_is_saved_comes_back_readable_by_its_owner_alone() -> None:
    made = Contexts().add("lab", LAB).add("here", Saved(server="http://127.0.0.1:1"))
    contexts.save(made)
    assert contexts.load() == made
    assert made.current == "lab"
    assert stat.S_IMODE(contexts.file().stat().st_mode) == 0o600
    assert not contexts.loose()
    contexts.file().chmod(0o644)
    assert contexts.loose()
    contexts.save(made)
    assert not contexts.loose(), "the next write mends it"
    assert [one.name for one in contexts.folder().iterdir()] == ["config.yaml"]


def test_without_a_file_there_is_nothing() -> None:
    assert contexts.load() == Contexts()
    assert not contexts.loose()
    contexts.folder().mkdir(parents=True)
    contexts.file().write_text("")
    assert contexts.load() == Contexts()


def test_a_write_that_fails_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts.save(Contexts().add("lab", LAB))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sweepctl.contexts.yaml.safe_dump", full)
        with pytest.raises(OSError, match="No space"):
            contexts.save(Contexts())
    assert list(contexts.load().named) == ["lab"]
    assert [one.name for one in contexts.folder().iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        "current: [s3cret]",
        "contexts: {lab: {token: s3cret}}",
        "contexts: {lab: {server: u, token: {a: s3cret}}}",
        "contexts: {lab: {server: u, tokn: s3cret}}",
        "contexts: {lab: !!python/object/apply:os.system [s3cret]}",
    ],
)
def test_a_broken_file_is_named_and_no_token_shown(text: str) -> None:
    contexts.folder().mkdir(parents=True)
    contexts.file().write_text(text)
    with pytest.raises(CliError) as caught:
        contexts.load()
    assert caught.value.code is ExitCode.USAGE
    assert str(contexts.file()) in caught.value.message
    assert "mend" in str(caught.value.hint)
    assert "s3cret" not in caught.value.message


def test_an_unknown_name_gets_the_nearest() -> None:
    known = Contexts().add("staging", LAB)
    with pytest.raises(CliError, match="there is no context 'stagin'; there are staging") as caught:
        known.get("stagin")
    assert "did you mean 'staging'?" in str(caught.value.hint)
    with pytest.raises(CliError):
        known.remove("x")


def test_removing_the_current_one_leaves_none() -> None:
    two = Contexts().add("lab", LAB).add("other", LAB)
    assert two.remove("lab").current is None
    assert two.remove("other").current == "lab"
    assert two.use("other").current == "other"


def test_a_token_file_is_read_when_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    saved = Saved(server="u", token_file=str(file))
    with pytest.raises(CliError, match="cannot be read") as caught:
        saved.secret()
    assert caught.value.code is ExitCode.AUTH
    file.write_text("first\n")
    assert saved.secret() == "first"
    file.write_text("\n")
    assert saved.secret() is None
