"""`up`: service, MLflow server and agent on this machine, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sweepctl import contexts
from sweepctl.guard import Signals, split
from sweepctl.output import say
from sweepctl.settings import Current
from sweepctl.stack import Options, Stack
from sweepctl.state import StateFolder

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Default: as last time, or free.")]


def up(
    state: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(".sweepctl"),
    data_root: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="A folder that trials may read models and data from. Default: the current one.",
        ),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Trials at once. Default: what the machine has.")
    ] = None,
    port: Port = None,
    mlflow_port: Port = None,
    agent: Annotated[bool, typer.Option(help="Start an agent, which runs the trials.")] = True,
) -> None:
    """Start service, MLflow server and agent on loopback; Ctrl-C stops everything."""
    code = split()
    if code is not None:
        raise typer.Exit(code)
    signals = Signals()
    roots = data_root or [Path.cwd()]
    options = Options(roots, slots, port, mlflow_port, agent)
    folder = StateFolder(state)
    folder.open()
    try:
        with serving(folder, options, signals) as stack:
            links(stack, options)
            while True:
                stack.tick()
    finally:
        folder.close()


@contextmanager
def serving(
    folder: StateFolder,
    options: Options,
    signals: Signals,
    prepare: Callable[[Stack], None] | None = None,
) -> Iterator[Stack]:
    """A started stack that commands find by themselves; stopped in order on the way out.

    `prepare` runs before anything is started.
    """
    stack = Stack(folder, options, signals, say)
    here = Current(stack.url, stack.mlflow_url, folder)
    try:
        if prepare is not None:
            prepare(stack)
        stack.start()
        here.write()
        yield stack
    finally:
        here.restore()
        say("stopping")
        stack.stop()
        say("stopped")


def links(stack: Stack, options: Options) -> None:
    """What runs where."""
    say(f"service:    {stack.url}/api/v1   (docs {stack.url}/docs)")
    say(f"MLflow:     {stack.mlflow_url}")
    say(f"state:      {stack.state.root}")
    if options.agent:
        say(f"data roots: {', '.join(str(root.resolve()) for root in options.data_roots)}")
    say("next:       sweepctl create -f sweep.yaml, in another terminal")
    if (elsewhere := contexts.load().current) is not None:
        say(f"note:       commands talk to context {elsewhere}; next: sweepctl context use up")
    say("Ctrl-C stops everything")
