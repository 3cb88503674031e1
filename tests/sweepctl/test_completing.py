"""What the shell offers, asked as bash asks; in a real bash, with the real script, where marked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import Cli, Service

from sweepctl import contexts
from sweepctl.state import free_port

BIN = Path(sys.executable).parent


def offered(bare: Cli, *words: str, **env: str) -> list[str]:
    """What is answered to bash for the last of `words` after `sweepctl`."""
    asked = {
        "_SWEEPCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(["sweepctl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    result = bare(env={**env, **asked}, prog_name="sweepctl")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.split()


def in_bash(bare: Cli, *words: str, **env: str) -> list[str]:
    """What a real bash offers, with the script that `sweepctl completion bash` prints."""
    line = ["sweepctl", *words]
    script = "\n".join(
        [
            bare("completion", "bash").stdout,
            f"COMP_WORDS=({' '.join(repr(word) for word in line)})",
            f"COMP_CWORD={len(line) - 1}",
            "_sweepctl_completion sweepctl",
            'printf "%s\\n" "${COMPREPLY[@]}"',
        ]
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def known(service: Service) -> dict[str, str]:
    return {"SWEEPCTL_SERVER": service.url, "SWEEPCTL_TOKEN": service.user}


def test_a_real_bash(bare: Cli, service: Service) -> None:
    env = known(service)
    assert in_bash(bare, "get", "tr") == ["trials"]
    assert in_bash(bare, "why", "done/", **env) == [f"done/{number}" for number in range(5)]
    nobody = f"http://127.0.0.1:{free_port()}"
    assert in_bash(bare, "watch", "do", SWEEPCTL_SERVER=nobody) == []


def test_commands(bare: Cli) -> None:
    assert offered(bare, "re") == ["result", "report", "resume", "retry"]
    assert offered(bare, "get", "tr") == ["trials"]
    assert "--max-parallel" in offered(bare, "set", "x", "--max")


def test_sweeps_by_name_and_by_id(bare: Cli, service: Service) -> None:
    env = known(service)
    assert offered(bare, "watch", "don", **env) == ["done"]
    assert {"done", "failed", "running"} <= set(offered(bare, "describe", "sweep", "", **env))
    done = service.sweeps["done"].id
    assert offered(bare, "result", done[:9], **env) == [done]


def test_trials_by_number(bare: Cli, service: Service) -> None:
    env = known(service)
    numbers = [f"done/{number}" for number in range(5)]
    assert offered(bare, "why", "done/", **env) == numbers
    assert offered(bare, "why", "don", **env) == ["done/"]
    assert offered(bare, "compare", "done/1", "done/", **env) == numbers
    assert offered(bare, "retry", "done/3", **env) == ["done/3"]
    short = service.sweeps["done"].id[:12]
    assert offered(bare, "stop", f"{short}/2", **env) == [f"{short}/2"]


def test_contexts_and_what_they_lead_to(bare: Cli, service: Service) -> None:
    lab = contexts.Saved(server=service.url, token=service.user)
    contexts.save(contexts.Contexts().add("lab", lab).add("lake", lab).use(None))
    assert offered(bare, "context", "use", "la") == ["lab", "lake"]
    assert offered(bare, "--context", "lak") == ["lake"]
    assert offered(bare, "--context", "lab", "watch", "don") == ["done"]
    assert offered(bare, "watch", "don") == []


def test_presets_and_words_of_a_fixed_list(bare: Cli) -> None:
    assert offered(bare, "presets", "show", "quick") == ["quickstart"]
    assert offered(bare, "create", "--preset", "quick") == ["quickstart"]
    assert offered(bare, "get", "sweeps", "--state", "PA") == ["PAUSED"]
    assert offered(bare, "get", "trials", "x", "--state", "pe") == ["pending"]
    assert offered(bare, "get", "trials", "x", "--sort", "-va") == []
    assert offered(bare, "get", "trials", "x", "--sort", "va") == ["value"]
    assert offered(bare, "get", "sweeps", "-o", "js") == ["json"]
    assert offered(bare, "wait", "x", "--for", "can") == ["cancelled"]
    assert offered(bare, "completion", "fi") == ["fish"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_no_answer_is_silence(bare: Cli, service: Service, token: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    server = service.url if token else nobody
    began = time.monotonic()
    assert offered(bare, "watch", "do", SWEEPCTL_SERVER=server, SWEEPCTL_TOKEN=token) == []
    assert time.monotonic() - began < 10
    contexts.folder().mkdir(parents=True)
    contexts.file().write_text("[")
    assert offered(bare, "--context", "") == []
    assert offered(bare, "watch", "do") == []


@pytest.mark.parametrize(("shell", "args"), [("zsh", "_TYPER_COMPLETE_ARGS"), ("fish", "both")])
def test_zsh_and_fish_are_answered_in_their_own_form(
    service: Service, shell: str, args: str
) -> None:
    env = {
        **os.environ,
        **known(service),
        "_SWEEPCTL_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "sweepctl watch don",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run([BIN / "sweepctl"], env=env, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert "done" in done.stdout
    assert "DONE" in done.stdout, "the state beside the name"
    assert "failed" not in done.stdout
