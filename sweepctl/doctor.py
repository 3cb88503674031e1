"""`doctor`: what works, what does not, and how to mend it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import RenderableType

from service.client import Client
from service.errors import Forbidden, ServiceError, Unauthenticated, Unavailable, Unreachable
from sweepctl import contexts
from sweepctl.about import own_version
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, document, show, table
from sweepctl.probes import mlflow_answers, mlflow_of
from sweepctl.settings import Target, current, target_of

_PACKAGES = ("ray", "torch", "transformers", "mlflow", "datasets")
_GIGABYTE = 2**30


@dataclass(frozen=True)
class Check:
    """One line. `mend` is empty when it is well."""

    name: str
    found: str
    mend: str = ""


def doctor(
    ctx: typer.Context,
    output: Output = Format.TABLE,
) -> None:
    """Check this machine, the service, the token, the agents and MLflow. Exit 1 when one is ill."""
    checks = [*_machine(), *_contexts(), *_service(ctx)]
    if output in (Format.JSON, Format.YAML):
        rows = [
            {"name": one.name, "ok": not one.mend, "found": one.found, "mend": one.mend}
            for one in checks
        ]
        document(output, rows)
    else:
        show(_view(checks))
    if any(one.mend for one in checks):
        raise typer.Exit(ExitCode.FAILED)


def _view(checks: list[Check]) -> RenderableType:
    made = table("", "check", "found", "mend")
    for one in checks:
        made.add_row("ill" if one.mend else "ok", one.name, one.found, one.mend)
    return made


def _machine() -> Iterator[Check]:
    found = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", found, "" if sys.version_info >= (3, 11) else "install Python 3.11")
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    yield Check(
        "packages",
        f"missing: {', '.join(missing)}" if missing else ", ".join(_PACKAGES),
        "pip install sweepctl (an agent needs them, this command does not)" if missing else "",
    )
    folder = Path(str(current().get("state") or Path.cwd()))
    free = shutil.disk_usage(folder if folder.exists() else Path.cwd()).free / _GIGABYTE
    yield Check("disk", f"{free:.1f} GB free in {folder}", "" if free > 5 else "make room: 5 GB")


def _contexts() -> Iterator[Check]:
    try:
        known = contexts.load()
    except CliError as error:
        yield Check("contexts", error.message, error.hint or f"mend {contexts.file()}")
        return
    if not known.named:
        return
    names = ", ".join(f"{name}*" if name == known.current else name for name in known.named)
    mend = f"chmod 600 {contexts.file()}: others can read its tokens" if contexts.loose() else ""
    yield Check("contexts", f"{names} (* is current)", mend)


def _service(ctx: typer.Context) -> Iterator[Check]:
    try:
        target = target_of(ctx)
    except CliError as error:
        yield Check("service", error.message, error.hint or "sweepctl up")
        return
    with Client(target.server, target.token, timeout=5.0, retries=0) as client:
        try:
            yield from _answers(client, target)
        except Unreachable as error:
            yield Check("service", error.detail, f"sweepctl up, or mend {target.origin}")
            return
        except ServiceError as error:
            yield Check("service", error.detail, f"is {target.server} a sweep service?")
            return
        yield from _inside(client)
    yield from _mlflow(target)


def _answers(client: Client, target: Target) -> Iterator[Check]:
    theirs = client.health().version
    yield Check("service", f"{target.server} (from {target.origin})")
    mine = own_version()
    yield Check(
        "version",
        f"service {theirs}, sweepctl {mine}",
        "" if theirs == mine else f"pip install sweepctl=={theirs}, or upgrade the service",
    )
    try:
        yield Check("database", client.ready().status)
    except Unavailable as error:
        yield Check("database", error.detail, "run `python -m service.migrate` on the service")


def _inside(client: Client) -> Iterator[Check]:
    try:
        pools = client.pools().items
    except (Unauthenticated, Forbidden) as error:
        yield Check("token", error.detail, "set SWEEPCTL_TOKEN, or --token")
        return
    except ServiceError as error:
        yield Check("token", error.detail, "read the service's log")
        return
    yield Check("token", "accepted")
    if not pools:
        yield Check("agents", "none has called yet", "sweepctl up, or python -m workers.agent")
    for pool in pools:
        alive = [agent for agent in pool.agents if agent.alive]
        yield Check(
            f"pool {pool.name}",
            f"{len(alive)} of {len(pool.agents)} agents alive, {pool.slots} slots",
            "" if alive else f"start an agent with SWEEP_POOL={pool.name}",
        )


def _mlflow(target: Target) -> Iterator[Check]:
    url = mlflow_of(target)
    if url is None:
        yield Check("mlflow", "its address is known to the agents only")
    elif mlflow_answers(url):
        yield Check("mlflow", url)
    else:
        yield Check("mlflow", f"{url} does not answer /health", "sweepctl up starts one")
