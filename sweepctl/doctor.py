"""`doctor`: what works, what does not, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import typer
from rich.console import RenderableType

from service.client import Client
from service.errors import ServiceError, Unreachable
from sweepctl.checkup import Check
from sweepctl.doctor_disk import checkpoints
from sweepctl.doctor_machine import machine, storage
from sweepctl.doctor_mlflow import mlflow
from sweepctl.doctor_service import answers, inside
from sweepctl.exits import CliError, ExitCode
from sweepctl.output import Format, Output, document, show, table
from sweepctl.probes import mlflow_of
from sweepctl.settings import Target, target_of


def doctor(
    ctx: typer.Context,
    output: Output = Format.TABLE,
) -> None:
    """Check this machine, the service, agents, sweeps and MLflow. Exit 1 when one is ill."""
    checks = [*machine(), *_service(ctx)]
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


def _service(ctx: typer.Context) -> Iterator[Check]:
    try:
        target = target_of(ctx)
    except CliError as error:
        yield Check("service", error.message, error.hint or "sweepctl up")
        return
    with Client(target.server, target.token, timeout=5.0, retries=0) as client:
        try:
            yield from answers(client, target)
        except Unreachable as error:
            yield Check("service", error.detail, f"sweepctl up, or mend {target.origin}")
            return
        except ServiceError as error:
            yield Check("service", error.detail, f"is {target.server} a sweep service?")
            return
        yield from inside(client, storage())
        yield from checkpoints(client, storage())
        yield from mlflow(_mlflow_url(client, target))


def _mlflow_url(client: Client, target: Target) -> str | None:
    """Where people open MLflow, as far as it is known here."""
    if found := os.environ.get("SWEEP_MLFLOW_URL") or mlflow_of(target):
        return found
    try:
        return client.pools().mlflow_url
    except ServiceError:
        return None
