from __future__ import annotations

import pytest
from asking import Cli, Service, finish_when_there


@pytest.mark.parametrize(
    ("name", "wanted", "code", "said"),
    [
        ("done", "done", 0, "is DONE"),
        ("done", "ended", 0, "is DONE"),
        ("failed", "done", 1, "it will not become DONE: every trial failed"),
        ("failed", "failed", 0, "is FAILED"),
        ("cancelled", "done", 1, "it will not become DONE"),
        ("done", "running", 1, "it will not become RUNNING"),
        ("running", "RUNNING", 0, "is RUNNING"),
        ("paused", "paused", 0, "is PAUSED"),
        ("running", "asleep", 2, "--for=asleep is not one of queued"),
    ],
)
def test_wait_for(cli: Cli, name: str, wanted: str, code: int, said: str) -> None:
    result = cli("wait", name, f"--for={wanted}", "--timeout", "5s")
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stdout == ""


def test_it_times_out_with_124(cli: Cli) -> None:
    result = cli("wait", "queued", "--timeout", "1s")
    assert result.exit_code == 124
    assert "is still QUEUED" in result.stderr
    assert "next: sweepctl watch swp_" in result.stderr


def test_a_paused_one_says_how_to_go_on(cli: Cli) -> None:
    result = cli("wait", "paused", "--timeout", "1s")
    assert result.exit_code == 124
    assert result.stderr.count("it is paused; next: sweepctl resume swp_") == 1


def test_a_bad_timeout_is_a_usage_error(cli: Cli) -> None:
    result = cli("wait", "done", "--timeout", "soon")
    assert result.exit_code == 2
    assert "--timeout soon" in result.stderr


def test_it_returns_when_the_state_comes(cli: Cli, service: Service) -> None:
    service.submit("coming")
    with finish_when_there(service, "coming", "DONE"):
        assert cli("wait", "coming", "--timeout", "30s").exit_code == 0
