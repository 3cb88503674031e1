"""What checkpoints take is read from real files; what they may come to, from a real service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from service_support import (
    AGENT,
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

from service.client import Client
from sweepctl.doctor_disk import checkpoints
from sweeps.trial import Footprint

MB = 2**20


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with hosted(migrated(make_settings(tmp_path))) as found:
        yield found


def drive(host: Host, kept: Path, checkpoint: int | None) -> None:
    """A sweep of three trials that runs on this machine; the first has told of its checkpoint."""
    with host.client() as user, host.client(AGENT) as agent:
        sweep = user.create_sweep(make_spec(pruning={"type": "median"})).id
        lease = take(agent)
        footprint = Footprint(device="cpu", checkpoint_bytes=checkpoint)
        report = make_report(5).model_copy(update={"footprint": footprint})
        entries = Writer().entries(asked(0), started(0), reported(0, report))
        agent.append(sweep, lease.token, entries)
    folder = kept / "sweeps" / sweep / "trials" / "00000" / "checkpoints" / "step-00000001"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(bytes(MB))


def told(client: Client, kept: Path | None) -> list[tuple[str, str]]:
    return [(one.found, one.mend) for one in checkpoints(client, kept)]


def test_what_there_is_and_what_may_come(host: Host, tmp_path: Path) -> None:
    """Three trials, two checkpoints of 512 MB each."""
    kept = tmp_path / "storage"
    drive(host, kept, 512 * MB)
    with host.client() as client:
        ((found, mend),) = told(client, kept)
    assert found.startswith(f"0.000977 GB in {kept}; a parked trial keeps 2 checkpoints")
    assert found.endswith("1 open sweeps may bring it to 3 GB")
    assert mend == ""


def test_checkpoints_of_shared_phases_count_too(host: Host, tmp_path: Path) -> None:
    kept = tmp_path / "storage"
    drive(host, kept, 512 * MB)
    (sweep,) = (kept / "sweeps").iterdir()
    shared = sweep / "phases" / "phase1-abc" / "step-00000002"
    shared.mkdir(parents=True)
    (shared / "model.safetensors").write_bytes(bytes(MB))
    with host.client() as client:
        ((found, _),) = told(client, kept)
    assert found.startswith("0.00195 GB in ")


def test_more_than_there_is_room_for(host: Host, tmp_path: Path) -> None:
    kept = tmp_path / "storage"
    drive(host, kept, 2**50)
    with host.client() as client:
        ((_, mend),) = told(client, kept)
    assert mend.startswith("make room for ")


def test_what_nobody_measured_is_said_to_be_unknown(host: Host, tmp_path: Path) -> None:
    kept = tmp_path / "storage"
    drive(host, kept, None)
    with host.client() as client:
        ((found, mend),) = told(client, kept)
        assert told(client, None) == []
        assert told(client, tmp_path / "elsewhere") == []
    assert found.endswith("nothing was measured for 1 of them")
    assert mend == ""


def test_a_service_that_went_away_hides_no_files(host: Host, tmp_path: Path) -> None:
    kept = tmp_path / "storage"
    drive(host, kept, None)
    client = host.client(retries=0, timeout=1.0)
    host.stop()
    ((found, mend),) = told(client, kept)
    assert "GB in" in found
    assert mend == ""
    client.close()
