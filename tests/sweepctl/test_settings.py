from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweepctl import contexts
from sweepctl.contexts import Contexts, Saved
from sweepctl.exits import CliError, ExitCode
from sweepctl.settings import Current, Given, Target, current, current_file, target
from sweepctl.state import StateFolder

URL = "http://127.0.0.1:1234"


def opened(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.open()
    return state


def test_options_go_before_environment_before_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = opened(tmp_path)
    Current(URL, "http://m", state).write()
    running = target(Given())
    assert running.server == URL
    assert running.token == state.user_token.read_text().strip()
    monkeypatch.setenv("SWEEPCTL_SERVER", "http://other/")
    assert target(Given()) == Target("http://other", None, "SWEEPCTL_SERVER")
    monkeypatch.setenv("SWEEPCTL_TOKEN", "t")
    assert target(Given()).token == "t"
    assert target(Given("http://third", "u")) == Target("http://third", "u", "--server")


def test_typed_goes_before_set_before_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = opened(tmp_path)
    kept = Contexts().add("one", Saved(server="http://one", token="t1"))
    contexts.save(kept.add("two", Saved(server="http://two/", token="t2")))
    Current(URL, "http://m", state).write()
    assert target(Given()) == Target("http://one", "t1", f"context one, {contexts.file()}")
    monkeypatch.setenv("SWEEPCTL_CONTEXT", "two")
    assert target(Given()) == Target("http://two", "t2", "context two, SWEEPCTL_CONTEXT")
    monkeypatch.setenv("SWEEPCTL_SERVER", "http://three")
    assert target(Given()) == Target("http://three", None, "SWEEPCTL_SERVER")
    assert target(Given(context="one")) == Target("http://one", "t1", "context one, --context")
    up = target(Given(context="up"))
    assert (up.server, up.token) == (URL, state.user_token.read_text().strip())


def test_which_token_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Contexts().add("one", Saved(server="http://one", token="t1"))
    contexts.save(kept.add("bare", Saved(server="http://bare")))
    monkeypatch.setenv("SWEEPCTL_TOKEN", "outer")
    assert target(Given()).token == "outer", "what is set goes before what is kept"
    assert target(Given(context="one")).token == "t1", "what was typed goes before what is set"
    assert target(Given(context="bare")).token == "outer"
    assert target(Given(token="mine", context="one")).token == "mine"


def test_two_services_at_once_are_refused() -> None:
    with pytest.raises(CliError, match="--server and --context") as caught:
        target(Given("http://one", None, "two"))
    assert caught.value.code is ExitCode.USAGE


def test_the_token_of_up_goes_to_up_alone(tmp_path: Path) -> None:
    state = opened(tmp_path)
    Current(URL, "http://m", state).write()
    assert target(Given(URL)).token == state.user_token.read_text().strip()
    assert target(Given("http://evil")).token is None
    state.user_token.unlink()
    assert target(Given()).token is None


def test_without_any_service_it_says_what_to_type() -> None:
    with pytest.raises(CliError, match="no service is known here") as caught:
        target(Given())
    assert "sweepctl up" in str(caught.value.hint)


def test_a_broken_file_counts_as_none() -> None:
    current_file().parent.mkdir(parents=True)
    current_file().write_text("[")
    assert current() == {}
    current_file().write_text("[]")
    assert current() == {}


def test_the_one_before_comes_back_while_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = opened(tmp_path)
    first = {"server": "http://first", "pid": 1}
    current_file().parent.mkdir(parents=True)
    current_file().write_text(json.dumps(first))
    ours = Current(URL, "http://m", state)
    ours.write()
    assert current()["server"] == URL
    ours.restore()
    assert current() == first
    current_file().write_text(json.dumps({"server": "http://dead", "pid": 2**30}))
    ours.write()
    ours.restore()
    assert not current_file().exists()


def test_anothers_entry_is_left_alone(tmp_path: Path) -> None:
    ours = Current(URL, "http://m", opened(tmp_path))
    ours.write()
    current_file().write_text('{"server": "http://later", "pid": 1}')
    ours.restore()
    assert current()["server"] == "http://later"
    never = Current("http://never", "http://m", StateFolder(tmp_path))
    never.restore()
    assert current()["server"] == "http://later"


@pytest.mark.parametrize(
    ("server", "loopback"),
    [
        (URL, True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1:1", False),
        ("https://sweeps.example", False),
        ("nonsense", False),
    ],
)
def test_loopback(server: str, loopback: bool) -> None:
    assert Target(server, None, "").loopback is loopback
