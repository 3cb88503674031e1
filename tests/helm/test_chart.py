"""The chart renders, Kubernetes takes what it renders, and wrong values are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from tests.support.deployment import check_command, check_environment

CHART = Path(__file__).resolve().parents[2] / "helm"
KUBERNETES = ("1.30.0", kubernetes_validate.latest_version() + ".0")
DATABASES: dict[str, Any] = {
    "database": {"url": "postgresql+psycopg://sweep:secret@db:5432/sweep"},
    "mlflow": {"databaseUrl": "postgresql+psycopg://sweep:secret@db:5432/mlflow"},
}
BARE: dict[str, Any] = {
    "existingSecret": "mine",
    "agent": {"enabled": False},
    "mlflow": {"enabled": False, "externalUrl": "https://mlflow.example.org"},
}
FULL: dict[str, Any] = {
    "existingSecret": "mine",
    "image": {"tag": "dev", "pullSecrets": [{"name": "registry"}]},
    "service": {"replicas": 2, "mlflowUrl": "https://mlflow.example.org"},
    "agent": {
        "pool": "a100",
        "gpus": 4,
        "dataClaim": "models",
        "storage": {"existingClaim": "shared"},
        "nodeSelector": {"gpu": "a100"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    },
    "mlflow": {"allowedHosts": ["mlflow.example.org"], "storage": {"className": "fast"}},
}
Resources = dict[tuple[str, str], dict[str, Any]]


def rendered(values: dict[str, Any]) -> Resources:
    """All resources of the release `demo`, by kind and name."""
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name="demo", namespace="tuning")
    found: Resources = {}
    for name, text in files.items():
        for item in yaml.safe_load_all(text) if name.endswith(".yaml") else []:
            if item:
                key = (item["kind"], item["metadata"]["name"])
                assert key not in found
                found[key] = item
    return found


def pods(resources: Resources) -> dict[str, dict[str, Any]]:
    """The pod specs, by component."""
    return {
        item["metadata"]["labels"]["app.kubernetes.io/component"]: item["spec"]["template"]["spec"]
        for item in resources.values()
        if "template" in item.get("spec", {})
    }


@pytest.mark.parametrize("values", [DATABASES, BARE, FULL], ids=["made", "bare", "full"])
@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_every_resource(values: dict[str, Any], version: str) -> None:
    resources = rendered(values)
    assert ("Deployment", "demo-sweepctl-service") in resources
    for item in resources.values():
        kubernetes_validate.validate(item, version, strict=True)


def test_the_validator_would_see_a_wrong_key() -> None:
    item = rendered(BARE)["Service", "demo-sweepctl"]
    item["spec"]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(item, KUBERNETES[-1], strict=True)


def test_lint_finds_nothing() -> None:
    report = helm.lint(CHART, DATABASES, strict=True)
    severe = [message for message in report["messages"] if message["severity"] > 1]
    assert report["total_charts_linted"] == 1
    assert severe == []
    assert report["errors"] == []


@pytest.mark.parametrize("values", [DATABASES, FULL], ids=["made", "full"])
def test_commands_and_variables_are_those_of_the_programs(values: dict[str, Any]) -> None:
    programs = {}
    for component, pod in pods(rendered(values)).items():
        (container,) = pod["containers"]
        programs[component] = check_command(container["command"])
        check_environment(programs[component], {item["name"] for item in container["env"]})
    assert programs == {
        "migrate": "service.migrate",
        "service": "service",
        "agent": "workers.agent",
        "mlflow": "mlflow",
    }


def test_no_pod_is_root_or_writes_to_its_root() -> None:
    for pod in pods(rendered(DATABASES)).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_service_is_probed_where_it_answers() -> None:
    (container,) = pods(rendered(BARE))["service"]["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_selectors_match_their_pods_and_only_those() -> None:
    resources = rendered(DATABASES)
    labels = {
        name: item["spec"]["template"]["metadata"]["labels"]
        for (kind, name), item in resources.items()
        if kind in {"Deployment", "Job"}
    }
    for (kind, name), item in resources.items():
        if kind in {"Deployment", "Service"}:
            wanted = item["spec"]["selector"]
            wanted = wanted.get("matchLabels", wanted)
            matched = [pod for pod, own in labels.items() if wanted.items() <= own.items()]
            assert len(matched) == 1, name


def test_the_migration_runs_before_everything_else() -> None:
    resources = rendered(DATABASES)
    job = resources["Job", "demo-sweepctl-migrate"]["metadata"]["annotations"]
    secret = resources["Secret", "demo-sweepctl"]["metadata"]["annotations"]
    assert job["helm.sh/hook"] == secret["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(secret["helm.sh/hook-weight"]) < int(job["helm.sh/hook-weight"])


def test_made_tokens_differ_and_an_existing_secret_makes_none() -> None:
    made = rendered(DATABASES)["Secret", "demo-sweepctl"]["stringData"]
    assert len(made["user-token"]) >= 32
    assert made["user-token"] != made["agent-token"]
    assert not [key for key in rendered(FULL) if key[0] == "Secret"]


def test_an_agent_reaches_service_and_mlflow_by_names_that_exist() -> None:
    resources = rendered(DATABASES)
    (container,) = pods(resources)["agent"]["containers"]
    env = {item["name"]: item.get("value") for item in container["env"]}
    assert env["SWEEP_SERVICE_URL"] == "http://demo-sweepctl:8765"
    assert env["MLFLOW_TRACKING_URI"] == "http://demo-sweepctl-mlflow:5000"
    assert {("Service", "demo-sweepctl"), ("Service", "demo-sweepctl-mlflow")} <= set(resources)
    (server,) = pods(resources)["mlflow"]["containers"]
    hosts = {item["name"]: item.get("value") for item in server["env"]}[
        "MLFLOW_SERVER_ALLOWED_HOSTS"
    ].split(",")
    assert {"demo-sweepctl-mlflow", "demo-sweepctl-mlflow:5000", "localhost:5000"} <= set(hosts)


def test_gpus_are_asked_for() -> None:
    (container,) = pods(rendered(FULL))["agent"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 4
    assert {"name": "SWEEP_SLOTS", "value": "4"} in container["env"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"agnet": {}}, "agnet"),
        ({"service": {"replicas": 0}}, "replicas"),
        ({"service": {"port": 80}}, "port"),
        ({"agent": {"gpus": "four"}}, "gpus"),
        ({"database": {"url": "sqlite:///sweeps.db"}}, "url"),
        ({"mlflow": {"externalUrl": "mlflow:5000"}}, "externalUrl"),
        ({"agent": {"resources": {"limit": {}}}}, "limit"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], named: str) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmValuesError, match=named):
        chart.validate_schema({**BARE, **values})


@pytest.mark.parametrize(
    ("values", "mend"),
    [
        ({}, "set database.url"),
        ({"database": DATABASES["database"]}, "set mlflow.databaseUrl"),
        ({"existingSecret": "mine", "mlflow": {"enabled": False}}, "set mlflow.externalUrl"),
    ],
)
def test_what_is_missing_is_said(values: dict[str, Any], mend: str) -> None:
    with pytest.raises(helm.HelmError, match=mend):
        rendered(values)
