"""Whatever is sent to the API as its own document describes it, the answer is no 5xx, and is as
documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
OF_AGENTS = {"claim_sweep", "renew_lease", "release_lease", "append_journal", "finish_sweep"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A service with a sweep that runs."""
    with hosted(migrated(make_settings(tmp_path_factory.mktemp("api")))) as found:
        yield found


@pytest.fixture(scope="module")
def known(host: Host) -> dict[str, str]:
    """The ids of a sweep under token 1 and of its trial."""
    with host.client() as user, host.client(AGENT) as agent:
        sweep = user.create_sweep(make_spec()).id
        take(agent)
        agent.append(
            sweep, 1, Writer().entries(asked(0), started(0), reported(0, make_report(1)))
        )
        trial = user.list_trials(sweep).items[0].id
    return {"sweep_id": sweep, "trial_id": trial}


# The document alone: nothing is opened for it. The endless stream is tested elsewhere.
DOCUMENT = create_app(make_settings(Path("nowhere"))).openapi()
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(operation_id="watch_sweep")


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
    token = AGENT if case.operation.definition.raw["operationId"] in OF_AGENTS else USER
    answer = case.call(base_url=host.url, headers={"Authorization": f"Bearer {token}"})
    case.validate_response(answer, checks=CHECKS)
