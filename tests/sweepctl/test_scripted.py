"""Specs in every form that a script may have, services found or not, and patience."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import SPEC, Service

from service.errors import Invalid, Unreachable
from sweepctl.scripted import Patience, document, id_of, locate
from sweepctl.settings import Target
from sweeps.documents import read_document
from sweeps.spec import parse

HERE = Target("http://127.0.0.1:1", None, "")


@pytest.mark.parametrize("form", [Path, repr, str, dict, parse])
def test_a_spec_has_many_forms(spec_file: Path, form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {Path: spec_file, repr: str(spec_file), str: SPEC}
    source = forms.get(form) or form(read_document(SPEC))
    if form not in (Path, repr):
        monkeypatch.chdir(spec_file.parent)
    found = document(source, HERE)
    assert found["spec"]["workload"]["data"]["train"] == str(spec_file.parent / "a.jsonl")
    assert parse(found).metadata.name == "written"


def test_a_dict_stays_as_it_was(spec_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spec_file.parent)
    given = read_document(SPEC)
    document(given, HERE)
    assert given == read_document(SPEC)


def test_a_file_that_is_not_here_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="data roots decide") as told:
        document(SPEC, HERE)
    assert [str(one.message).split()[3] for one in told] == ["a.jsonl", "b.jsonl"]


def test_what_is_wrong_is_named(spec_file: Path) -> None:
    with pytest.raises(Invalid, match="metrik") as wrong:
        document(SPEC.replace("metric:", "metrik:"), HERE)
    assert "/spec/metrik" in [fault.pointer for fault in wrong.value.faults]
    with pytest.raises(FileNotFoundError, match=r"sweep\.yml"):
        document("sweep.yml", HERE)
    with pytest.raises(Invalid, match="apiVersion"):
        document("{kind: Sweep}", HERE)
    with pytest.raises(Invalid, match="data root"):
        document(spec_file, Target("https://far", None, ""))


def test_the_service_is_found_as_the_command_line_does(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreachable, match="no service is known here; sweepctl up"):
        locate(None, None, None)
    with pytest.raises(ValueError, match="two services"):
        locate("http://a", None, "b")
    with pytest.raises(Unreachable, match="nowhere"):
        locate(None, None, "nowhere")
    monkeypatch.setenv("SWEEPCTL_SERVER", "http://a/")
    monkeypatch.setenv("SWEEPCTL_TOKEN", "t")
    found = locate(None, None, None)
    assert (found.server, found.token) == ("http://a", "t")
    assert locate("http://b", "u", None).token == "u"


def test_patience_ends_with_the_sweep_or_with_the_time(service: Service) -> None:
    with service.client() as client:
        seen = {name: client.get_sweep(made.id) for name, made in service.sweeps.items()}
    for name in ("done", "failed", "cancelled"):
        assert Patience(0).after(seen[name]) is None
    patience = Patience(None)
    assert [patience.after(seen["paused"]) for _ in range(3)] == [0.2, 0.4, 0.8]
    short = Patience(0.1).after(seen["queued"])
    assert short is not None
    assert short <= 0.1
    with pytest.raises(TimeoutError, match=f"{seen['queued'].id} is still QUEUED: No agent"):
        Patience(0).after(seen["queued"])


def test_a_sweep_or_its_id(service: Service) -> None:
    made = service.sweeps["done"]
    assert id_of(made) == id_of(made.id) == made.id
