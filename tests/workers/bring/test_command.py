"""Real child processes; each is a Python script that speaks the protocol, or breaks it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import textwrap
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import gone
from recipe_support import MemoryLog, RecordingLink, Run, make_run
from tests_support import make_order, toy_spec

from sweeps.errors import SpecError, SweepError
from sweeps.spec import Workload
from workers import preparing
from workers.bring.channel import SilenceError
from workers.bring.command import CommandError, prepare, run
from workers.bring.lines import LONGEST, LineError
from workers.order import AttemptOrder
from workers.recipes import RecipeError, load_recipe, recipe_names
from workers.recipes.commands import Command, CommandsError
from workers.recipes.context import Order, Paused, Stopped
from workers.roots import DataRoots
from workers.runner import Runner
from workers.settings import WorkerSettings

ScriptMaker = Callable[..., Command]
REPOSITORY = Path(__file__).resolve().parents[3]
# What every script begins with: the client as a copied file, and a bare connection.
CLIENT = f"""
import json, os, signal, socket, subprocess, sys, time
sys.path.insert(0, {str(REPOSITORY / "workers" / "bring")!r})
"""
BARE = f"""{CLIENT}
talk = socket.socket(socket.AF_UNIX); talk.connect(os.environ["TRIAL_SOCKET"])
def say(line): talk.sendall(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\\n")
"""
# Minimises (x - 1)^2 / 2 by gradient descent with a noise that only the step decides.
WHOLE = f"""{CLIENT}
from pathlib import Path
from random import Random
from client import Trial
trial, state = Trial.from_environment(), {{"x": 5.0}}
rate = trial.params["learning_rate"]
def save(folder): (folder / "x.json").write_text(json.dumps(state))
def load(folder): state.update(json.loads((folder / "x.json").read_text()))
trial.register_state(save, load)
for step in range(trial.steps_done, trial.plan.steps):
    gradient = state["x"] - 1 + Random(f"{{trial.seed}} {{step}}").gauss(0, 0.1)
    state["x"] -= rate * gradient
    trial.step(samples=trial.plan.global_batch_size, tokens=0, loss=gradient ** 2 / 2,
               grad_norm=abs(gradient), learning_rate=rate,
               evaluate=lambda: {{"eval_loss": (state["x"] - 1) ** 2}})
"""
STEP = {"step": 1, "loss": 0.5, "learning_rate": 0.1, "reply": True}
NO_DATA = Workload.model_validate({"recipe": "mine"})


@pytest.fixture
def script(tmp_path: Path) -> ScriptMaker:
    """Makes the command that runs a Python text, with graces that a test can wait for."""

    def make(code: str, *arguments: str, **fields: Any) -> Command:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(code))
        command = ["python", "-S", str(path), *arguments]
        given = {"grace_seconds": 0.2, "silence_seconds": 20.0, **fields}
        return Command.model_validate({"command": command, **given})

    return make


def a_run(folder: Path, **more: Any) -> Run:
    asked = {"learning_rate": 0.1, **more.pop("params", {})}
    return make_run(folder, more.pop("workload", NO_DATA), asked, **more)


def told(log: MemoryLog) -> list[tuple[int, dict[str, float]]]:
    return [(step, values) for step, values in log.entries if "loss" in values]


def test_a_command_trains_a_trial_to_its_end(script: ScriptMaker, tmp_path: Path) -> None:
    job = a_run(tmp_path)
    run(job.context, script(WHOLE))
    assert [report.point for report in job.link.reports] == [1, 2, 3]
    assert all("eval_loss" in report.metrics for report in job.link.reports)
    assert [step for step, _ in told(job.log)] == [4, 8, 12, 16, 20, 24]
    assert (tmp_path / "trial" / "step-00000006" / "x.json").exists()


def test_a_temporary_folder_of_a_long_path_is_no_hindrance_and_stays_empty(
    script: ScriptMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / ("x" * 100)
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    job = a_run(tmp_path)
    run(job.context, script(WHOLE + f"open({str(tmp_path / 'cwd')!r}, 'w').write(os.getcwd())\n"))
    assert job.context.steps_done == 6
    assert Path((tmp_path / "cwd").read_text()).parent == place, "its files are not few"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("at", [8, 12])
def test_paused_and_resumed_equals_unbroken(script: ScriptMaker, tmp_path: Path, at: int) -> None:
    whole = a_run(tmp_path, trial="whole")
    run(whole.context, script(WHOLE))
    first = a_run(tmp_path, link=RecordingLink(order=Order.PAUSE, order_at=at))
    with pytest.raises(Paused):
        run(first.context, script(WHOLE))
    second = a_run(tmp_path)
    run(second.context, script(WHOLE))
    assert told(first.log) + told(second.log) == told(whole.log)
    reports = [*first.link.reports, *second.link.reports]
    assert [r.metrics for r in reports] == [r.metrics for r in whole.link.reports]


def test_a_trial_that_was_through_starts_no_process(script: ScriptMaker, tmp_path: Path) -> None:
    run(a_run(tmp_path).context, script(WHOLE))
    run(a_run(tmp_path).context, script("raise SystemExit(1)"))


def test_a_stop_ends_the_program_without_an_error(script: ScriptMaker, tmp_path: Path) -> None:
    job = a_run(tmp_path, link=RecordingLink(order=Order.STOP, order_at=8))
    after = "\nPath(os.environ['HOME'], 'late').touch()\n"
    with pytest.raises(Stopped) as stop:
        run(job.context, script(WHOLE + after, environment={"HOME": str(tmp_path)}))
    assert not isinstance(stop.value, Paused)
    assert len(told(job.log)) == 2
    assert not (tmp_path / "late").exists(), "nothing behind the loop ran"


def test_a_command_that_reads_nothing_is_stopped_by_signals(
    script: ScriptMaker, tmp_path: Path
) -> None:
    """It ignores SIGTERM, and so does the grandchild in a session of its own."""
    code = f"""{BARE}
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session=True)
open("{tmp_path}/own", "w").write(str(os.getpid()))
open("{tmp_path}/grandchild", "w").write(str(other.pid))
say({{"step": 1, "loss": 0.5, "learning_rate": 0.1}})
while True:
    time.sleep(600)
"""
    job = a_run(tmp_path, link=RecordingLink(order=Order.STOP))
    with pytest.raises(Stopped):
        run(job.context, script(code, resumes=False))
    assert gone(tmp_path / "own")
    assert gone(tmp_path / "grandchild")


def test_sigterm_comes_first_and_may_be_answered(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"""{BARE}
def end(*_):
    open("{tmp_path}/tidy", "w").close()
    sys.exit()
signal.signal(signal.SIGTERM, end)
say({{"step": 1, "loss": 0.5, "learning_rate": 0.1}})
time.sleep(600)
"""
    job = a_run(tmp_path, link=RecordingLink(order=Order.STOP))
    with pytest.raises(Stopped):
        run(job.context, script(code, resumes=False, grace_seconds=20.0))
    assert (tmp_path / "tidy").exists()
    assert not job.context.saves, "what it ran is run again, and counts as run"


def test_what_it_leaves_behind_at_its_end_is_killed(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"""{BARE}
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("{tmp_path}/grandchild", "w").write(str(other.pid))
for step in range(1, 7):
    say({{"step": step, "loss": 0.5, "learning_rate": 0.1, "metrics": {{"eval_loss": step}}}})
"""
    job = a_run(tmp_path)
    run(job.context, script(code, resumes=False))
    assert [report.metrics for report in job.link.reports] == [
        {"eval_loss": 2}, {"eval_loss": 4}, {"eval_loss": 6}
    ]  # fmt: skip
    assert gone(tmp_path / "grandchild")


def test_an_early_death_is_told_with_the_end_of_standard_error(
    script: ScriptMaker, tmp_path: Path
) -> None:
    code = f"""{BARE}
say({STEP})
talk.recv(1000)
print("x" * 50_000 + " out of memory", file=sys.stderr)
sys.exit(3)
"""
    with pytest.raises(CommandError) as error:
        run(a_run(tmp_path).context, script(code))
    text = str(error.value)
    assert text.startswith("The command ended with exit status 3\n")
    assert "x out of memory" in text
    assert "It had told 1 of 6 steps." in text
    assert len(text) < 10_000
    assert not isinstance(error.value, SweepError), "another attempt may fare better"


def test_a_command_that_kills_itself(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"{BARE}\nos.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(CommandError, match="was ended by SIGKILL"):
        run(a_run(tmp_path).context, script(code))


def test_half_a_line_of_the_dying_is_no_garbage(script: ScriptMaker, tmp_path: Path) -> None:
    code = f'{BARE}\nsay(b\'{{"step": 1, "lo\')\nsys.exit(1)'
    with pytest.raises(CommandError, match="exit status 1"):
        run(a_run(tmp_path).context, script(code))


def test_an_early_good_end_is_no_end(script: ScriptMaker, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"exit status 0\n.*0 of 6 steps"):
        run(a_run(tmp_path).context, script("pass"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"epoch 1 of 3\n", 'sent "epoch 1 of 3.*: this is no JSON'),
        (b"x" * (LONGEST + 1), f"more than {LONGEST} bytes"),
        ({**STEP, "step": 7}, "told step 7, and the next one is 1"),
        ({**STEP, "reply": False}, "resumes: false"),
        ({"saved": True}, "nobody had asked"),
    ],
)
def test_what_is_no_line_ends_the_trial(
    script: ScriptMaker, tmp_path: Path, line: Any, message: str
) -> None:
    with pytest.raises(LineError, match=message):
        run(a_run(tmp_path).context, script(f"{BARE}\nsay({line!r})\ntime.sleep(600)"))


def test_a_wrong_answer_to_a_question(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"{BARE}\nsay({STEP})\ntalk.recv(1000)\nsay({{**{STEP}, 'step': 2}})\ntime.sleep(600)"
    link = RecordingLink(order=Order.PAUSE)
    with pytest.raises(LineError, match=r'Asked to save, the command answered \{"step": 2'):
        run(a_run(tmp_path, link=link).context, script(code))


def test_death_while_it_was_asked(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"{BARE}\nsay({STEP})\ntalk.recv(1000)\nsys.exit('the disk is full')"
    link = RecordingLink(order=Order.PAUSE)
    with pytest.raises(CommandError, match=r"Asked to save, .* status 1\n.*\nthe disk is full"):
        run(a_run(tmp_path, link=link).context, script(code))


def test_silence_has_an_end(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"{BARE}\nopen('{tmp_path}/own', 'w').write(str(os.getpid()))\nsay({STEP})"
    with pytest.raises(SilenceError, match=r"said nothing for 3 s"):
        run(a_run(tmp_path).context, script(f"{code}\ntime.sleep(600)", silence_seconds=3.0))
    assert gone(tmp_path / "own")


def test_a_nan_reaches_the_guard(script: ScriptMaker, tmp_path: Path) -> None:
    code = f"{BARE}\nsay({{**{STEP}, 'loss': float('nan')}})\ntime.sleep(600)"
    job = a_run(tmp_path, link=RecordingLink(order=Order.STOP))
    with pytest.raises(Stopped):
        run(job.context, script(code))
    assert [report.guard for report in job.link.reports] == ["non_finite_loss"]


def test_a_program_that_is_not_there(script: ScriptMaker, tmp_path: Path) -> None:
    command = script("").model_copy(update={"command": ["no-such-program"]})
    with pytest.raises(CommandError, match=r"no-such-program cannot be started"):
        run(a_run(tmp_path).context, command)


def test_one_process_after_the_other_may_speak(script: ScriptMaker, tmp_path: Path) -> None:
    """A shell script that calls a program at every step."""
    say = "talk = socket.socket(socket.AF_UNIX); talk.connect(os.environ['TRIAL_SOCKET']); "
    code = f"""{CLIENT}
for step in range(1, 7):
    line = json.dumps({{"step": step, "loss": 0.5, "learning_rate": 0.1}})
    subprocess.run([sys.executable, "-Sc", "import os, socket; " + {say!r}
                    + f"talk.sendall({{line!r}}.encode() + b'\\\\n')"], check=True)
"""
    job = a_run(tmp_path)
    run(job.context, script(code, resumes=False))
    assert len(told(job.log)) == 6


def test_it_sees_its_trial_and_none_of_the_workers_secrets(
    script: ScriptMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SWEEP_AGENT_TOKEN", "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "MINE"):
        monkeypatch.setenv(name, "secret")
    code = f"""{BARE}
seen = {{"argv": sys.argv[1:], "environ": dict(os.environ), "cwd": os.listdir()}}
open("{tmp_path}/seen.json", "w").write(json.dumps(seen))
"""
    (tmp_path / "train.jsonl").write_text("{}\n\n{}\n")
    workload = Workload.model_validate(
        {"recipe": "mine", "data": {"train": "train.jsonl"}, "options": {"fast": True}}
    )
    params = {"learning_rate": -0.5, "name": "a b; $(touch x)"}
    command = script(
        code,
        "--rate={TRIAL_PARAM_LEARNING_RATE}", "{TRIAL_PARAM_LEARNING_RATE}",
        "{TRIAL_PARAM_NAME}", "{TRIAL_TRAIN}", "{no place}",
        pass_environment=["MINE"], environment={"GREETING": "hello"},
    )  # fmt: skip
    with pytest.raises(CommandError):
        run(a_run(tmp_path, workload=workload, params=params).context, command)
    seen = json.loads((tmp_path / "seen.json").read_text())
    train = str(tmp_path / "train.jsonl")
    assert seen["argv"] == ["--rate=-0.5", "-0.5", "a b; $(touch x)", train, "{no place}"]
    environ = seen["environ"]
    assert (environ["MINE"], environ["GREETING"]) == ("secret", "hello")
    assert [name for name, value in environ.items() if value == "secret"] == ["MINE"]
    assert environ["TRIAL_OPTION_FAST"] == "true"
    assert (environ["TRIAL_STEPS"], environ["TRIAL_GLOBAL_BATCH_SIZE"]) == ("6", "4")
    trial = json.loads(environ["TRIAL_JSON"])
    assert trial["params"]["name"] == "a b; $(touch x)"
    assert trial["paths"] == {"train": train}
    assert seen["cwd"] == ["socket"]
    assert prepare(workload, DataRoots((tmp_path,))).train_samples == 2


def test_nothing_of_a_request_becomes_an_option(script: ScriptMaker, tmp_path: Path) -> None:
    job = a_run(tmp_path, params={"name": "--config=/mine"})
    with pytest.raises(CommandsError, match="reads as an option"):
        run(job.context, script("", "{TRIAL_PARAM_NAME}"))


def test_a_place_without_a_value(script: ScriptMaker, tmp_path: Path) -> None:
    with pytest.raises(CommandsError, match="this trial has no TRIAL_PARAM_BETA"):
        run(a_run(tmp_path).context, script("", "{TRIAL_PARAM_BETA}"))


def test_prepare_reads_every_file_and_refuses_what_lies_outside(tmp_path: Path) -> None:
    for name in ("train", "a", "b"):
        (tmp_path / name).write_text("{}\n{}\n")
    roots = DataRoots((tmp_path,))
    data = {"train": "train", "eval": {"a": "a", "b": "b"}}
    workload = Workload.model_validate({"recipe": "mine", "data": data})
    facts = prepare(workload, roots)
    assert (facts.train_samples, facts.eval_samples) == (2, 4)
    (tmp_path / "b").write_text("{}\n[]\n")
    assert prepare(workload, roots).data_digest != facts.data_digest
    assert prepare(NO_DATA, roots).data_digest is None
    outside = Workload.model_validate({"recipe": "mine", "data": {"train": "/etc/passwd"}})
    with pytest.raises(SpecError, match="/spec/workload/data/train"):
        prepare(outside, roots)
    folder = Workload.model_validate({"recipe": "mine", "data": {"train": "."}})
    with pytest.raises(SpecError, match="cannot be read"):
        prepare(folder, roots)


def test_prepare_holds_no_file_in_memory(tmp_path: Path) -> None:
    size = 24 * 2**20
    with (tmp_path / "train").open("wb") as file:
        # Lines that end within a read of a MiB, at its end, and never; one of blanks alone.
        file.write(b"x" * (2**20 - 1) + b"\n\n \t\r\n{}\r\n")
        file.write(b"y" * (size - file.tell()))
    workload = Workload.model_validate({"recipe": "mine", "data": {"train": "train"}})
    tracemalloc.start()
    try:
        facts = prepare(workload, DataRoots((tmp_path,)))
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()
    assert facts.train_samples == 3
    content = hashlib.sha256((tmp_path / "train").read_bytes()).hexdigest()
    assert facts.data_digest == hashlib.sha256(f"train {content}\n".encode()).hexdigest()


def test_a_command_is_a_recipe_under_its_name(script: ScriptMaker, tmp_path: Path) -> None:
    commands = {"mine": script(WHOLE)}
    assert recipe_names("", commands) == ["mine", "sft"]
    recipe = load_recipe("mine", "", commands)
    assert recipe.rows() == []
    job = a_run(tmp_path)
    recipe.run(job.context)
    assert len(job.link.reports) == 3
    with pytest.raises(RecipeError, match="the name 'sft' is taken"):
        recipe_names("", {"sft": commands["mine"]})


def test_it_runs_from_the_operators_file_to_its_end(script: ScriptMaker, tmp_path: Path) -> None:
    """What agent, driver and worker do: the order carries the file's path to its node."""
    command = script(WHOLE, environment={"MY_KEY": "hf_secret"})
    (tmp_path / "commands.yaml").write_text(json.dumps({"mine": command.model_dump()}))
    settings = WorkerSettings(storage=tmp_path, commands=str(tmp_path / "commands.yaml"))
    spec = toy_spec(workload={"recipe": "mine"})
    assert preparing.prepare(spec, settings, "cpu").horizon_samples == 320
    order = make_order(settings, spec)
    # Ray Tune writes it to disk, for everybody to read.
    assert "hf_secret" not in order.model_dump_json()
    order = AttemptOrder.model_validate_json(order.model_dump_json())
    runner, reports = Runner(order, MemoryLog(), {}), []
    while (said := runner.advance(10.0)).kind in ("report", "pulse"):
        reports += [said.report] if said.report else []
    assert (said.kind, said.error) == ("finished", None)
    assert [report.point for report in reports] == [1, 2, 3, 4, 5]
    assert make_order(settings, toy_spec()).commands == "", "other trials do without the file"


def test_the_path_in_an_order_does_not_depend_on_where_a_worker_stands(
    script: ScriptMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "commands.yaml").write_text(json.dumps({"mine": script(WHOLE).model_dump()}))
    monkeypatch.chdir(tmp_path)
    settings = WorkerSettings(storage=tmp_path, commands="commands.yaml")
    order = make_order(settings, toy_spec(workload={"recipe": "mine"}))
    assert order.commands == str(tmp_path / "commands.yaml")


def test_a_worker_that_is_left_ends_its_command(script: ScriptMaker, tmp_path: Path) -> None:
    (tmp_path / "commands.yaml").write_text(json.dumps({"mine": script(WHOLE).model_dump()}))
    settings = WorkerSettings(storage=tmp_path, commands=str(tmp_path / "commands.yaml"))
    order = make_order(settings, toy_spec(workload={"recipe": "mine"}))
    before = psutil.Process().children(recursive=True)
    runner = Runner(order, MemoryLog(), {})
    while (said := runner.advance(10.0)).kind == "pulse":
        pass
    assert said.kind == "report"
    assert runner.leave(Order.PAUSE).kind == "paused"
    # Other tests in this process have children of their own.
    assert set(psutil.Process().children(recursive=True)) <= set(before)
