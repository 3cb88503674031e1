from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from asking import SPEC, Cli

from sweepctl.specfile import preset_names
from sweeps.documents import read_document


def test_the_schema_needs_no_service_and_takes_a_spec(bare: Cli) -> None:
    schema = json.loads(bare("schema").stdout)
    jsonschema.validate(read_document(SPEC), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kind": "Sweep"}, schema)
    assert yaml.safe_load(bare("schema", "-o", "yaml").stdout) == schema
    assert bare("schema", "-o", "table").exit_code == 2


def test_presets_are_listed_with_their_first_line(bare: Cli) -> None:
    rows = json.loads(bare("presets", "list", "-o", "json").stdout)
    assert [row["name"] for row in rows] == preset_names()
    assert all(row["description"] for row in rows)
    assert bare("presets", "list", "-o", "name").stdout.split() == preset_names()
    table = bare("presets", "list").stdout
    assert all(row["description"] in table for row in rows)
    assert yaml.safe_load(bare("presets", "list", "-o", "yaml").stdout) == rows


def test_a_preset_is_shown_as_it_is_written(bare: Cli) -> None:
    shown = bare("presets", "show", "quickstart").stdout
    assert shown.startswith("#")
    found = json.loads(bare("presets", "show", "quickstart", "-o", "json").stdout)
    assert found == read_document(shown)
    assert bare("presets", "show", "quickstart", "-o", "name").stdout == "quickstart\n"


def test_an_unknown_preset(bare: Cli) -> None:
    result = bare("presets", "show", "quickstrat")
    assert result.exit_code == 2
    assert "did you mean 'quickstart'" in result.stderr
