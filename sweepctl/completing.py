"""What the shell offers after <Tab>: asked of the service in a moment, silent when none answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from service.client import Client
from service.errors import ServiceError
from service.schemas import Sweep, Trial
from sweepctl import contexts, text
from sweepctl.exits import CliError
from sweepctl.settings import Given, current, target
from sweepctl.specfile import preset_names
from sweeps.lifecycle import SweepState, TrialState

Offer = Sequence[str | tuple[str, str]]
# A person waits for the key; a shell that hangs is worse than one that offers nothing.
_SECONDS = 1.0
_MOST = 200


def sweeps(ctx: typer.Context, incomplete: str) -> Offer:
    """Names of sweeps, newest first; their ids once `swp_` is typed."""
    if incomplete.startswith("swp_"):
        return _asked(ctx, lambda client: [(one.id, one.name) for one in _newest(client)])
    return _asked(ctx, lambda client: [(one.name, str(one.state)) for one in _newest(client)])


def trials(ctx: typer.Context, incomplete: str) -> Offer:
    """SWEEP/NUMBER once the slash is typed, before that SWEEP/."""
    owner, slash, _ = incomplete.rpartition("/")
    if slash:
        return _asked(ctx, lambda client: _numbers(client, owner))
    return [f"{one[0]}/" for one in sweeps(ctx, incomplete)]


def sweeps_and_trials(ctx: typer.Context, incomplete: str) -> Offer:
    """What `stop`, `retry` and `compare` take."""
    return trials(ctx, incomplete) if "/" in incomplete else sweeps(ctx, incomplete)


def context_names(incomplete: str) -> Offer:
    """The contexts that are kept, and `up` while one runs."""
    try:
        known = contexts.load().named
    except CliError:
        return []
    rows = [(name, saved.server) for name, saved in sorted(known.items())]
    running = current().get("server")
    return [*rows, *([(contexts.RUNNING, str(running))] if running else [])]


def presets(incomplete: str) -> Offer:
    """The shipped presets."""
    return preset_names()


def sweep_states(incomplete: str) -> Offer:
    """States of a sweep, in the letters that were begun with."""
    return _cased([state.value for state in SweepState], incomplete)


def trial_states(incomplete: str) -> Offer:
    """States of a trial, in the letters that were begun with."""
    return _cased([state.value for state in TrialState], incomplete)


def _asked(ctx: Any, question: Callable[[Client], Offer]) -> Offer:
    """The answer of the service; nothing when there is none, for whatever reason."""
    # The callback of the group does not run while completing: read what was typed.
    typed = ctx.find_root().params
    try:
        found = target(Given(*(typed.get(name) for name in ("server", "token", "context"))))
        with Client(found.server, found.token, timeout=_SECONDS, retries=0) as client:
            return question(client)
    except (CliError, ServiceError, OSError):
        return []


def _newest(client: Client) -> list[Sweep]:
    return list(client.list_sweeps(_MOST).items)


def _numbers(client: Client, owner: str) -> Offer:
    for one in _newest(client):
        if owner == one.name or (owner.startswith("swp_") and one.id.startswith(owner)):
            found = client.list_trials(one.id, _MOST).items
            return [(f"{owner}/{trial.number}", _told(trial)) for trial in found]
    return []


def _told(one: Trial) -> str:
    return f"{one.state} {text.params(one.params)}"


def _cased(names: list[str], incomplete: str) -> list[str]:
    return [name.lower() if incomplete.islower() else name for name in names]
