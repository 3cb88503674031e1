from __future__ import annotations

from panels import base_row, finish, limited
from stories import Script, make_report, make_spec

from sweeps.trial import Action, Evidence, Role, Verdict, trial_id
from workers.sinks.mlflow_note import Pages, note
from workers.sinks.mlflow_runs import TAG_LENGTH

SWEEP = "swp_" + "1" * 32
STOP = Verdict(
    action=Action.STOP,
    reason="median",
    message="worse than the median",
    evidence=Evidence(signal="eval_loss", value=3.0, cutoff=2.0, peers=[0]),
)


def note_of(script: Script, state: str = "RUNNING", message: str = "", **pages: str) -> str:
    charts, figures = pages.pop("charts", None), pages.pop("figures", None)
    links = Pages(charts, figures, {int(name[1:]): page for name, page in pages.items()})
    spec = make_spec(pruning={"type": "median"})
    return note(spec, script.story, SWEEP, state, message, links)


def test_before_the_first_trial() -> None:
    text = note_of(Script())
    assert "**RUNNING** · 0 trials: none yet" in text
    assert f"sweepctl result {SWEEP}" in text
    assert "| rank |" not in text


def test_a_running_sweep_shows_the_best_so_far_as_such() -> None:
    script = Script()
    script.say(script.ask(learning_rate=0.2), make_report(1, 2.5))
    text = note_of(script, t0="http://run/0")
    assert "1 running" in text
    assert "best eval_loss so far" in text
    row = "| RUNNING | [0](http://run/0) | 2.5 | global_batch_size: 10, learning_rate: 0.2 |"
    assert row in text


def test_a_finished_sweep_shows_counts_best_ranking_and_links() -> None:
    script = Script()
    script.run(2.0, learning_rate=0.1)
    script.run(1.0, learning_rate=0.2)
    script.stop(script.ask(learning_rate=0.3), 400, STOP)
    text = note_of(script, "DONE", "All trials ended.", t1="http://run/1", charts="http://charts")
    assert "**DONE** · 3 trials: 2 finished, 1 stopped · compute saved 20%" in text
    assert "All trials ended." in text
    assert "[Curves of all trials](http://charts)\n" in text
    assert "Trial 1 has the best eval_loss of 2 single runs" in text
    assert "| 1 | [1](http://run/1) | 1 | global_batch_size: 10, learning_rate: 0.2 |" in text
    assert "| 1 | 0 | 2 |" in text
    assert f"sweepctl why {trial_id(SWEEP, 2)}" in text


def test_base_and_preset_stand_beside_the_ranking() -> None:
    script = Script()
    for role, value in ((Role.BASE, 3.0), (Role.PRESET, 0.5)):
        number = script.ask(role=role)
        script.say(number, make_report(10, value))
        script.end(number)
    script.run(1.0, learning_rate=0.2)
    text = note_of(script, "DONE", t0="http://run/0")
    assert "| base | [0](http://run/0) | 3 | +2 |" in text
    assert "| preset | 1 | 0.5 | -0.5 |" in text
    assert "1 trials: 1 finished" in text


def test_text_of_users_breaks_no_table_and_opens_no_link() -> None:
    script = Script()
    script.run(2.0, lr_scheduler_type="a|b\n[x](http://evil)<img>")
    text = note_of(script, "DONE", "line one\n# headline")
    row = next(line for line in text.splitlines() if line.startswith("| 1 |"))
    assert r"a\|b \[x\](http://evil)\<img\>" in row
    assert row.replace(r"\|", "").count("|") == 5
    assert "line one # headline" in text


def test_a_large_sweep_fits_into_a_tag() -> None:
    script = Script()
    for index in range(300):
        script.run(1.0 + index, **{f"parameter_{n}": "x" * 50 for n in range(10)})
    page = "http://127.0.0.1:5000/#/experiments/1/runs/" + "a" * 32
    text = note_of(script, "DONE", "m" * 200, **{f"t{n}": page for n in range(300)})
    assert len(text) < TAG_LENGTH
    assert text.count(page) == 10


def test_what_pruning_did_is_told() -> None:
    script = Script()
    script.run(1.0)
    before = note_of(script)
    script.stop(script.ask(), 400, STOP)
    text = note_of(script)
    assert "`median` condemned 1 of 2 trials, saving 30 % of the compute." in text
    assert "`median`" not in before


def test_what_was_lost_stands_in_the_ranking() -> None:
    script = Script()
    base_row(script)
    finish(script, 0.1, 0.5)
    finish(script, 1.0, 0.75)
    text = note(limited(), script.story, "swp_" + "1" * 32, "DONE", "", Pages())
    lines = text.splitlines()
    assert "| rank | trial | eval_loss | drop of eval_kept_accuracy | configuration |" in lines
    (kept,) = [line for line in lines if line.startswith("| 1 | 2 |")]
    (over,) = [line for line in lines if line.startswith("| 2 (over) | 1 |")]
    assert "| +0.05 |" in kept
    assert "| +0.3 |" in over


def test_an_audit_is_marked_in_the_ranking() -> None:
    script = Script()
    script.run(2.0, 1.0)
    script.audit(3.0, 0.5)
    text = note_of(script, t1="http://run/1")
    assert "| 1 | [1](http://run/1) (audit) | 0.5 |" in text
    assert "| 0 | 1 |" in text


def test_the_figures_stand_beside_the_curves() -> None:
    text = note_of(Script(), charts="http://charts", figures="http://figures")
    (line,) = [line for line in text.splitlines() if "http://charts" in line]
    assert "[Figures: curves, heat map, early against final, compute](http://figures)" in line
    assert "Figures" not in note_of(Script(), charts="http://charts")
