"""`demo`: a whole sweep on this machine, from nothing to a ranking."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from service.client import Client
from service.errors import Unreachable
from service.schemas import SweepDetail, Trial
from sweepctl import completing, demo_report, text
from sweepctl.exits import CliError, ExitCode
from sweepctl.guard import InterruptError, Signals, split
from sweepctl.localpaths import localize
from sweepctl.output import say
from sweepctl.settings import Target
from sweepctl.specfile import load
from sweepctl.stack import Options, Stack, python
from sweepctl.state import StateFolder
from sweepctl.up import serving
from sweepctl.wait import until
from sweeps.lifecycle import SWEEP_ENDS, TRIAL_ENDS, SweepState

_POLL = 1.0
_BASE_SECONDS = 900.0


def demo(
    state: Annotated[Path, typer.Option(help="The folder that holds everything.")] = Path(".demo"),
    keep: Annotated[bool, typer.Option("--keep", help="Leave it all up until Ctrl-C.")] = False,
    slots: Annotated[int | None, typer.Option(min=1, help="Trials at once.")] = None,
    preset: Annotated[
        str, typer.Option(help="The sweep to run.", autocompletion=completing.presets)
    ] = "quickstart",
    timeout: Annotated[str, typer.Option(help="Give up after this time; exit code 124.")] = "1h",
) -> None:
    """Make data and a base model, sweep over it, show what came out, and stop everything."""
    deadline = until(timeout)
    code = split()
    if code is not None:
        raise typer.Exit(code)
    signals, began = Signals(), time.monotonic()
    folder = StateFolder(state)
    folder.open()
    try:
        options = Options([folder.root], slots, alone=True)
        with serving(folder, options, signals, _prepare) as stack:
            sweep = _submit(stack, preset)
            _follow(stack, sweep.id, deadline)
            done = _report(stack, sweep.id, state, time.monotonic() - began)
            if keep:
                _keep(stack)
    finally:
        folder.close()
    if done.state is not SweepState.DONE:
        raise CliError(
            f"the sweep ended {done.state}: {done.message or 'no message'}",
            hint=f"read {folder.logs} and {folder.storage / 'sweeps' / done.id / 'driver.log'}",
        )


def _prepare(stack: Stack) -> None:
    root = stack.state.root
    say(f"making data and base model in {root} (quick when they are there)")
    stack.run("base", [*python("workers.demo"), str(root)], stack.base, _BASE_SECONDS)


def _submit(stack: Stack, preset: str) -> SweepDetail:
    spec = load(None, preset, stack.state.root)
    spec.checked()
    localize(spec, Target(stack.url, None, "demo"), say)
    with stack.client() as client:
        made = client.create_sweep(spec.data)
    say(f"sweep {made.name} ({text.short(made.id)}) is {made.state}")
    return made


def _follow(stack: Stack, sweep_id: str, deadline: float | None) -> None:
    """A line for each trial that changes state, until the sweep has ended."""
    seen: dict[int, str] = {}
    while True:
        try:
            if _look(stack, sweep_id, seen):
                return
        except Unreachable as error:
            # The stack starts a service that died again; the deadline bounds the patience.
            say(f"waiting for the service: {error.detail}")
        _pause(stack, deadline)


def _look(stack: Stack, sweep_id: str, seen: dict[int, str]) -> bool:
    """Tell what changed; True when the sweep has ended."""
    with stack.client() as client:
        sweep = client.get_sweep(sweep_id)
        for trial in client.every_trial(sweep_id):
            if seen.get(trial.number) != trial.state:
                seen[trial.number] = trial.state
                say(_line(sweep, trial))
    return sweep.state in SWEEP_ENDS


def _pause(stack: Stack, deadline: float | None) -> None:
    wake = time.monotonic() + _POLL
    while time.monotonic() < wake:
        stack.tick()
    if deadline is not None and time.monotonic() > deadline:
        raise CliError("the demo takes too long", ExitCode.TIMED_OUT, "look into the logs")


def _line(sweep: SweepDetail, trial: Trial) -> str:
    ended = sum(many for state, many in sweep.trials.items() if state in TRIAL_ENDS)
    value = "" if trial.value is None else f" {sweep.metric.name}={text.number(trial.value)}"
    why = f" ({text.reason(trial.reason)})" if trial.reason else ""
    said = f"trial {trial.number:>2} {trial.state}{why} {text.params(trial.params)}{value}"
    return f"[{ended:>2} ended] {said}"


def _report(stack: Stack, sweep_id: str, state: Path, elapsed: float) -> SweepDetail:
    with stack.client() as client:
        story = _story(client, sweep_id, state, elapsed)
    demo_report.write(story, stack.state)
    demo_report.tell(story, stack.mlflow_url)
    return story.sweep


def _story(client: Client, sweep_id: str, state: Path, elapsed: float) -> demo_report.Story:
    result = client.result(sweep_id)
    condemned = demo_report.to_explain(result)
    why = None if condemned is None else client.why(demo_report.trial_of(sweep_id, condemned))
    return demo_report.Story(client.get_sweep(sweep_id), result, why, state, elapsed)


def _keep(stack: Stack) -> None:
    say(f"servers stay up: {stack.url}/docs and {stack.mlflow_url}; Ctrl-C stops everything")
    try:
        while True:
            stack.tick()
    except InterruptError:
        # This is how --keep is meant to end.
        return
