"""An operator's command line as trials of a sweep, through `sweepctl up`, a driver and Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Running, wait_until
from tests_support import toy_spec

from sweeps.journal import fold
from sweeps.lifecycle import TrialState
from sweeps.spec import SweepSpec

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.slow]
# A loss that falls the faster the higher the rate; rates of 3 and 4 break in two ways.
SCRIPT = """
import json, math, os, sys, time
from workers.bring.client import Trial

trial, state = Trial.from_environment(), {"x": 1.0}
open(f"{os.getpid()}.environ", "w").write(json.dumps(dict(os.environ)))
rate = float(sys.argv[1])
trial.register_state(
    lambda folder: (folder / "x.json").write_text(json.dumps(state)) and None,
    lambda folder: state.update(json.loads((folder / "x.json").read_text())),
)
for step in range(trial.steps_done, trial.plan.steps):
    time.sleep(float(os.environ["TRIAL_OPTION_SECONDS"]))
    state["x"] *= 1 - 0.1 * rate
    if rate == 3 and step == 10:
        sys.exit("the third rate breaks")
    trial.step(samples=16, tokens=0, grad_norm=state["x"], learning_rate=rate,
               loss=math.nan if rate == 4 and step == 10 else state["x"],
               evaluate=lambda: {"eval_loss": state["x"]})
"""


@pytest.fixture(scope="module")
def bringing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("bringing")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "commands.yaml").write_text(
        "mine:\n  command: [python, train.py, '{TRIAL_PARAM_LEARNING_RATE}']\n"
        f"  directory: {folder}\n"
    )
    running = Running(folder, SWEEP_COMMANDS=str(folder / "commands.yaml"), MY_SECRET="s")
    yield running
    assert running.stop() in (0, 130)


def a_sweep(seconds: float, **changes: object) -> SweepSpec:
    axes = {"global_batch_size": {"values": [16]}, "learning_rate": {"values": [1, 2, 3, 4]}}
    work = {"recipe": "mine", "options": {"seconds": seconds}}
    return toy_spec(
        workload=work, parameters=axes, baselines={"base": False, "preset": None},
        resources={"max_attempts": 2}, **changes,
    )  # fmt: skip


def test_a_sweep_of_a_command_line(bringing: Running) -> None:
    sweep = bringing.client.create_sweep(a_sweep(0.0))
    assert bringing.ended(sweep.id, 240).state == "DONE", bringing.driver_log(sweep.id)
    story = fold(list(bringing.client.entries(sweep.id)))
    first, second, third, fourth = (story.trials[number] for number in range(4))
    assert [first.state, second.state] == [TrialState.DONE] * 2
    best = bringing.client.result(sweep.id).best
    assert best is not None
    assert best.params["learning_rate"] == 2
    assert third.state == TrialState.FAILED
    assert len(third.attempts) == 2
    assert "the third rate breaks" in (third.attempts[-1].error or "")
    assert "exit status 1" in (third.attempts[-1].error or "")
    assert fourth.state == TrialState.STOPPED
    assert [verdict.reason for verdict in fourth.verdicts.values()][-1] == "non_finite_loss"
    seen = [path.read_text() for path in bringing.folder.glob("*.environ")]
    assert seen
    for name in ("MY_SECRET", "SWEEP_AGENT_TOKEN", "MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        assert not [text for text in seen if name in text]


def test_a_cancelled_sweep_leaves_no_process(bringing: Running) -> None:
    sweep = bringing.client.create_sweep(a_sweep(0.5))
    wait_until(lambda: bool(bringing.find("train.py")), 120)
    bringing.client.cancel(sweep.id)
    assert bringing.ended(sweep.id, 120).state == "CANCELLED"
    wait_until(lambda: not bringing.find("train.py"), 60)
