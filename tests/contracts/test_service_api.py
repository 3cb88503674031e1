"""Whatever is sent to the API as its own document describes it, the answer is no 5xx, and is as
documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_support import (
    AGENT,
    USER,
    Host,
    Writer,
    asked,
    ended,
    hosted,
    make_report,
    make_settings,
    make_spec,
    migrated,
    reported,
    started,
    take,
)

from service.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Its answer has no end; tests/service/routes/test_events.py asks for it in every way there is.
ENDLESS = "watch_sweep"
OF_AGENTS = {"claim_sweep", "renew_lease", "release_lease", "append_journal", "finish_sweep"}
OF_AGENTS |= {"read_past", "read_costs"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A service with a sweep that runs."""
    with hosted(migrated(make_settings(tmp_path_factory.mktemp("api")))) as found:
        yield found


@pytest.fixture(scope="module")
def known(host: Host) -> dict[str, str]:
    """The ids of a sweep under token 1 and of its trial that failed."""
    return driven(host, "default")


def driven(host: Host, pool: str) -> dict[str, str]:
    """A sweep of this pool under token 1, with a trial that runs and one that failed."""
    with host.client() as user, host.client(AGENT) as agent:
        sweep = user.create_sweep(make_spec(pool=pool)).id
        take(agent, pool=pool)
        bodies = [asked(0), started(0), reported(0, make_report(1)), asked(1), started(1)]
        bodies.append(ended(1, "failed", gave_up=True, error="Boom"))
        agent.append(sweep, 1, Writer().entries(*bodies))
        trial = user.list_trials(sweep).items[1].id
    return {"sweep_id": sweep, "trial_id": trial}


# The document alone: nothing is opened for it. The endless stream is tested elsewhere.
DOCUMENT = create_app(make_settings(Path("nowhere"))).openapi()
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(operation_id=ENDLESS)


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_service(
    case: schemathesis.Case, host: Host, known: dict[str, str]
) -> None:
    names = set(case.path_parameters or {})
    # Half of the requests meet a sweep that is there.
    if names and sum(map(ord, str(case.body) + str(case.query))) % 2:
        case.path_parameters = {name: known[name] for name in names}
        if case.method == "PATCH":
            case.headers["If-Match"] = "*"
    token = AGENT if case.operation.definition.raw["operationId"] in OF_AGENTS else USER
    answer = case.call(base_url=host.url, headers={"Authorization": f"Bearer {token}"})
    case.validate_response(answer, checks=CHECKS)


def test_only_the_endless_stream_is_left_out() -> None:
    told = {op["operationId"] for path in DOCUMENT["paths"].values() for op in path.values()}
    tried = {one.ok().definition.raw["operationId"] for one in schema.get_all_operations()}
    assert told - tried == {ENDLESS}


def test_every_example_of_a_body_is_taken(host: Host) -> None:
    """As the document shows it, by a sweep that is there: no example leads anybody astray."""
    sweep, shown = driven(host, "examples")["sweep_id"], []
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in body.get("examples", {}).items():
                url = host.url + path.replace("{sweep_id}", sweep)
                shown.append((operation["operationId"], name, method, url, example["value"]))
    # The end comes last: it takes the lease with it.
    for operation_id, name, method, url, body in sorted(
        shown, key=lambda one: one[0] == "finish_sweep"
    ):
        token = AGENT if operation_id in OF_AGENTS else USER
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*"}
        answer = httpx.request(method, url, json=body, headers=headers)
        # The journal of this sweep holds other entries than those of the example.
        status = 409 if operation_id == "append_journal" else 200
        told = (operation_id, name, answer.status_code, answer.text)
        assert answer.status_code in {200: (200, 201), 409: (409,)}[status], told
