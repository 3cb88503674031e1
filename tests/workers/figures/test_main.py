"""The process that a driver starts, with a real service and a real MLflow."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow_server import MlflowServer
from service_support import AGENT, Host, hosted, make_settings, make_spec, migrated, take
from stories import Script, make_report

from workers.figures.__main__ import main
from workers.sinks.mlflow_api import connect


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with hosted(migrated(make_settings(tmp_path, lease_seconds=600))) as found:
        yield found


def test_a_sweep_that_runs_gets_its_figures(
    host: Host, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_AGENT_TOKEN", AGENT)
    monkeypatch.setenv("SWEEP_SERVICE_URL", host.url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    pool, client = uuid.uuid4().hex, connect(server.uri)
    spec = make_spec(pool=pool)
    spec["spec"] |= {"report": {"points": 10}, "horizon": {"samples": 1000}}
    script = Script()
    script.run(1.0)
    script.say(script.ask(), make_report(3, 2.0))
    with host.client() as user, host.client(AGENT) as agent:
        sweep = user.create_sweep(spec).id
        agent.append(sweep, take(agent, pool=pool).token, script.entries)
    run = str(client.create_run(client.create_experiment(pool)).info.run_id)
    assert main(sweep, run) == 0
    names = [Path(found.path).name for found in client.list_artifacts(run, "figures")]
    assert names == ["compute.png", "curves.png", "figures.html"]
    server.kill()
    assert main(sweep, run) == 1
    assert main("swp_" + "0" * 32, run) == 1


def test_without_mlflow_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main("swp_1", "run") == 1
