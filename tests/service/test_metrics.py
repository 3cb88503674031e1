"""What Prometheus scrapes."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from service_support import Host, Writer, asked, make_spec, take

from service.client import Client

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(host: Host) -> Samples:
    text = httpx.get(f"{host.url}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_requests_states_and_leases(host: Host, user: Client, agent: Client) -> None:
    empty = scrape(host)
    assert empty["sweep_sweeps", frozenset({("state", "QUEUED")})] == 0
    assert empty["sweep_lease_age_seconds_max", frozenset()] == 0
    user.create_sweep(make_spec())
    user.create_sweep(make_spec())
    lease = take(agent)
    agent.append(lease.sweep, 1, Writer().entries(asked(0)))
    httpx.request("BREW", f"{host.url}/pot")
    httpx.get(f"{host.url}/nowhere/{'x' * 50}")
    found = scrape(host)
    for name, state in (("sweeps", "QUEUED"), ("sweeps", "RUNNING"), ("trials", "PENDING")):
        assert found[f"sweep_{name}", frozenset({("state", state)})] == 1
    assert found["sweep_leases", frozenset()] == 1
    assert 0 <= found["sweep_lease_age_seconds_max", frozenset()] < 20
    counted = {
        tuple(value for _, value in sorted(labels)): count
        for (name, labels), count in found.items()
        if name == "sweep_http_requests_total"
    }
    assert counted["POST", "/api/v1/sweeps", "201"] == 2
    assert counted["POST", "/api/v1/sweeps/{sweep_id}/journal", "200"] == 1
    assert counted["other", "unmatched", "404"] == 1
    assert counted["GET", "unmatched", "404"] == 1
    assert not [labels for labels in counted if lease.sweep in labels]
