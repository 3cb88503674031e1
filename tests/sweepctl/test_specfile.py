from __future__ import annotations

from pathlib import Path

import pytest
from asking import SPEC

from sweepctl.exits import CliError, FileError, lines_of
from sweepctl.specfile import SpecFile, load, override, preset_names, preset_text


def read(file: Path) -> SpecFile:
    return load(str(file), None, None)


def changed(file: Path, *settings: str, name: str | None = None) -> SpecFile:
    spec = read(file)
    override(spec, list(settings), name)
    return spec


def refusal(file: Path, *settings: str) -> str:
    with pytest.raises(CliError) as caught:
        changed(file, *settings)
    return "\n".join(lines_of(caught.value))


def test_a_file_is_read_with_its_lines(spec_file: Path) -> None:
    spec = read(spec_file)
    assert spec.data["metadata"]["name"] == "written"
    assert spec.folder == spec_file.parent
    assert spec.lines["/spec/parameters/learning_rate/values/1"] == 11
    assert spec.lines["/metadata/name"] == 3
    assert spec.checked().metadata.name == "written"


def test_faults_name_file_line_value_and_mend(spec_file: Path) -> None:
    spec_file.write_text(SPEC.replace("values: [0.1, 0.2]", "valeus: [0.1]").replace("1000", "-5"))
    with pytest.raises(FileError) as caught:
        read(spec_file).checked()
    said = "\n".join(lines_of(caught.value))
    assert f"error: {spec_file}:11: /spec/parameters/learning_rate/valeus: unknown key" in said
    assert "Did you mean 'values'?" in said
    assert f"error: {spec_file}:14: /spec/horizon/samples: " in said
    assert "(got -5)" in said


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a: &x 1\nb: *x", "\t- x"])
def test_what_is_no_document_is_a_fault_of_the_file(spec_file: Path, text: str) -> None:
    spec_file.write_text(text)
    with pytest.raises(FileError):
        read(spec_file)


def test_set_reaches_values_blocks_and_lists(spec_file: Path) -> None:
    spec = changed(
        spec_file,
        "parameters.learning_rate.values=[1e-4]",
        "spec.budget.trials=3",
        "metadata.labels.team=nlp",
        "parameters.global_batch_size.values.0=16",
        "report=null",
        name="mine",
    ).checked()
    assert spec.spec.parameters.axes["learning_rate"].values == [1e-4]  # type: ignore[union-attr]
    assert spec.spec.budget.trials == 3
    assert spec.metadata.labels == {"team": "nlp"}
    assert spec.metadata.name == "mine"
    assert spec.spec.report.points == 20, "null takes the key out, so the default holds"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("metric", "not PATH=VALUE"),
        ("=3", "not PATH=VALUE"),
        ("metric.name.deeper=3", "spec.metric.name is the value 'eval_loss', not a block"),
        ("metric.name.deeper.still=3", "not a block"),
        ("parameters.learning_rate.values.7=1", "'7' is no place in a list of 2"),
        ("parameters.learning_rate.values.x.y=1", "'x' is no place in a list of 2"),
        ("budget.trials=[", "this is not YAML"),
    ],
)
def test_a_set_that_cannot_be_is_an_error(spec_file: Path, setting: str, said: str) -> None:
    message = refusal(spec_file, setting)
    assert said in message


def test_a_document_that_is_no_mapping_cannot_be_set(spec_file: Path) -> None:
    spec_file.write_text("- 1\n")
    assert "holds no mapping" in refusal(spec_file, "a=1")


def test_exactly_one_source(spec_file: Path) -> None:
    for file, preset in [(None, None), (str(spec_file), "quickstart")]:
        with pytest.raises(CliError, match="exactly one of -f FILE and --preset NAME"):
            load(file, preset, None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: None, "there is no file"),
        (lambda p: p.mkdir(), "cannot be read"),
        (lambda p: p.write_bytes(b"\xff\xfe\x00"), "is not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, make: object, said: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)  # type: ignore[operator]
    with pytest.raises(CliError, match=said):
        read(path)


def test_presets_are_found_by_name(tmp_path: Path) -> None:
    assert "quickstart" in preset_names()
    spec = load(None, "quickstart", tmp_path)
    assert spec.folder == tmp_path
    assert spec.checked().kind == "Sweep"
    with pytest.raises(CliError, match="there is no preset 'quickstrat'") as caught:
        preset_text("quickstrat")
    assert "did you mean 'quickstart'" in str(caught.value.hint)
