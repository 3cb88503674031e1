from __future__ import annotations

import io

from rich.console import Console, RenderableType
from stories import Script, make_report, make_spec

from sweepctl import beside
from sweepctl.result import view
from sweeps.result import Result, make_result
from sweeps.trial import Role


def drawn(*parts: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(*parts, sep="\n")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def confirmed() -> Result:
    """Two configurations, base, preset, and two confirmation runs of each."""
    script = Script()
    for role, value in ((Role.BASE, 3.0), (Role.PRESET, 2.5)):
        number = script.ask(role=role)
        script.say(number, make_report(10, value))
        script.end(number, samples=0 if role is Role.BASE else 1000)
    for rate, value in ((0.1, 1.0), (0.2, 2.0)):
        script.run(value, learning_rate=rate)
    for again in (1.0, 1.02):
        for rate, worse in ((0.1, 0.0), (0.2, 1.0)):
            run = script.ask(role=Role.CONFIRM, learning_rate=rate)
            script.say(run, make_report(10, again + worse))
            script.end(run)
    return make_result(make_spec(confirm={"top": 2, "seeds": 2}), script.story)


def test_the_rows_beside_a_ranking() -> None:
    lines = [line.split() for line in drawn(beside.view(confirmed())).splitlines()]
    assert lines[1][:6] == ["base", "0", "DONE", "3", "-", "+1.99"]
    assert lines[2][:6] == ["preset", "1", "DONE", "2.5", "-", "+1.49"]
    assert lines[3][:9] == ["confirm", "4", "DONE", "1", "-", "-0.01", "trial", "2", "again"]
    assert "SEED" in drawn(beside.view(confirmed(), wide=True))


def test_a_result_shows_them_apart_from_the_ranking() -> None:
    text = drawn(*view(confirmed()))
    assert "Trial 2 is best: eval_loss 1.01 (standard error 0.01 over 2 runs)" in text
    ranking = [line.split() for line in text.splitlines()]
    assert next(line[:7] for line in ranking if line[:1] == ["RANK"]) == [
        "RANK",
        "TRIAL",
        "EVAL_LOSS",
        "STDERR",
        "RUNS",
        "SEARCH",
        "RUN",
    ]
    assert ["1", "2", "1.01", "0.01", "2", "1"] in [line[:6] for line in ranking]
    assert "preset 1,000, confirm 4,000" in text


def test_a_failed_row_says_why() -> None:
    script = Script()
    script.run(1.0)
    number = script.ask(role=Role.PRESET)
    script.end(number, "failed", 0, error="Boom", gave_up=True)  # type: ignore[arg-type]
    found = make_result(make_spec(), script.story)
    assert "Gave up after 1 attempt: Boom" in drawn(beside.view(found))
    assert beside.samples(found) == "preset 0"
