from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import disappears, gone

from workers.bring.child import TAIL_BYTES, Child

REPOSITORY = Path(__file__).resolve().parents[3]
SLEEPS = 'import os, time; open("own", "w").write(str(os.getpid())); time.sleep(600)'


def start(folder: Path, code: str) -> Child:
    return Child([sys.executable, "-Sc", code], {"PATH": os.defpath}, folder, [folder / "scratch"])


def test_it_gets_its_environment_and_nothing_else(tmp_path: Path) -> None:
    child = start(tmp_path, 'import os; open("seen", "w").write(repr(sorted(os.environ)))')
    assert child.wait(30) == 0
    # C.UTF-8 is what Python itself sets where nothing is set.
    assert set(eval((tmp_path / "seen").read_text())) - {"LC_CTYPE"} == {"PATH"}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(7)", "ended with exit status 7"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("import os; os.kill(os.getpid(), 15)", "was ended by SIGTERM"),
        ("raise SystemExit(250)", "ended with exit status 250"),
        ("raise SystemExit('no')", "ended with exit status 1\nThe end of its standard error:\nno"),
    ],
)
def test_how_it_ended(tmp_path: Path, code: str, said: str) -> None:
    child = start(tmp_path, code)
    child.wait(30)
    assert child.last_words().startswith(said)


def test_only_the_end_of_standard_error_is_kept(tmp_path: Path) -> None:
    child = start(tmp_path, "import sys; sys.stderr.write('x' * 100_000 + 'the end')")
    child.wait(30)
    words = child.last_words()
    assert words.endswith("xthe end")
    assert len(words) < TAIL_BYTES + 100


def test_an_end_of_what_has_ended_is_none(tmp_path: Path) -> None:
    child = start(tmp_path, "pass")
    assert child.wait(30) == 0
    child.end(0.0)
    assert not child.alive()
    assert child.last_words() == "ended with exit status 0"


def test_the_worker_takes_its_command_with_it(tmp_path: Path) -> None:
    """The worker is killed as the kernel kills: nobody is left to tidy up."""
    worker = f"""
import os, sys, time
from pathlib import Path
from workers.bring.child import Child
folder = Path({str(tmp_path)!r})
(folder / "scratch").mkdir()
Child([sys.executable, "-c", {SLEEPS!r}], {{}}, folder, [folder / "scratch"])
while not (folder / "own").exists() or not (folder / "own").read_text():
    time.sleep(0.01)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", worker], cwd=REPOSITORY, timeout=60)
    assert done.returncode == -9
    assert gone(tmp_path / "own")
    assert disappears(tmp_path / "scratch")


def test_what_it_was_lent_is_not_deleted_while_the_worker_lives(tmp_path: Path) -> None:
    """The guard would be at that for as long as it takes, and pass for a command that runs."""
    (tmp_path / "scratch").mkdir()
    child = start(tmp_path, "import signal; signal.signal(signal.SIGTERM, lambda *_: 0);" + SLEEPS)
    while not (tmp_path / "own").exists() or not (tmp_path / "own").read_text():
        time.sleep(0.01)
    child.end(0.0)
    assert child.last_words() == "was ended by SIGKILL"
    assert gone(tmp_path / "own")
    child.end(0.0)
    assert (tmp_path / "scratch").exists()
