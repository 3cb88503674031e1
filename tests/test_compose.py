"""docker-compose.yml is valid, and true to the programs that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.deployment import check_command, check_environment

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT.parent / "shared" / "data" / "schemas" / "compose-spec.json"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("sweepctl"))


@pytest.mark.skipif(not SCHEMA.exists(), reason="the compose specification's schema is not here")
def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_the_three_programs_and_mlflow_run_from_our_image() -> None:
    programs = {name: check_command(SERVICES[name]["command"]) for name in OURS}
    assert programs == {
        "migrate": "service.migrate",
        "service": "service",
        "agent": "workers.agent",
        "mlflow": "mlflow",
    }


@pytest.mark.parametrize("name", OURS)
def test_every_sweep_variable_is_one_that_the_program_reads(name: str) -> None:
    check_environment(check_command(SERVICES[name]["command"]), set(SERVICES[name]["environment"]))


@pytest.mark.parametrize("name", OURS)
def test_our_containers_cannot_write_to_their_root(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["cap_drop"] == ["ALL"]


def test_every_port_is_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_what_is_named_is_declared() -> None:
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        assert {item["source"] for item in service.get("configs", [])} <= set(COMPOSE["configs"])
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in COMPOSE["volumes"]


def test_secret_files_are_the_ones_that_programs_read() -> None:
    for name, service in SERVICES.items():
        files = {v for k, v in service["environment"].items() if k.endswith("_FILE")}
        given = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        assert files == given, name


def test_mlflow_knows_its_name_with_and_without_the_port() -> None:
    hosts = set(SERVICES["mlflow"]["environment"]["MLFLOW_SERVER_ALLOWED_HOSTS"].split(","))
    assert SERVICES["agent"]["environment"]["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert {"mlflow", "mlflow:5000", "127.0.0.1", "127.0.0.1:5000"} <= hosts


def test_the_image_copies_what_it_runs_from() -> None:
    docker = (ROOT / "Dockerfile").read_text("utf-8")
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [word for line in re.findall(r"^COPY (.+)$", docker, re.M) for word in line.split()]
    names = [word for word in copied if not word.startswith("./")]
    assert names
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name
    assert "USER 10001" in docker
