from __future__ import annotations

import pytest
from panels import KEPT, finish, limited
from stories import Script, make_report, make_spec, plain

from sweeps.journal import CommandApplied, Judged
from sweeps.lifecycle import AttemptEnd
from sweeps.spec import parse
from sweeps.trial import Action, BatchCut, Evidence, Role, Verdict, trial_id
from workers.sinks.mlflow_chronicle import Chronicle
from workers.sinks.mlflow_runs import FAILED, FINISHED, KILLED, RUNNING, RunPicture
from workers.sinks.mlflow_trial import trial_name, trial_picture

SWEEP = "swp_" + "1" * 32


def verdict(action: Action, **evidence: object) -> Verdict:
    seen = {"signal": "eval_loss", "value": 3.25, "cutoff": 2.0, "peers": [4, 9], **evidence}
    return Verdict(
        action=action,
        reason="median",
        message="eval_loss 3.25 is worse than 2.",
        evidence=Evidence.model_validate(seen),
    )


def picture_of(script: Script, number: int = 0, *, over: bool = False) -> RunPicture:
    chronicle = Chronicle(make_spec())
    for entry in script.entries:
        chronicle.take(entry)
    return trial_picture(chronicle, SWEEP, number, "parent", over=over)


def prune_tags(picture: RunPicture) -> dict[str, str]:
    prefix = "sweep.prune."
    return {k.removeprefix(prefix): v for k, v in picture.tags.items() if k.startswith(prefix)}


def test_a_running_trial() -> None:
    script = Script()
    script.ask(learning_rate=0.2, lr_scheduler_type="cosine")
    picture = picture_of(script)
    assert picture.status == RUNNING
    assert picture.params == {
        "seed": "0",
        "global_batch_size": "10",
        "learning_rate": "0.2",
        "lr_scheduler_type": "cosine",
    }
    wanted = {
        "mlflow.parentRunId": "parent",
        "sweep.id": SWEEP,
        "sweep.trial_id": trial_id(SWEEP, 0),
        "sweep.trial_number": "0",
        "sweep.role": "search",
        "sweep.state": "RUNNING",
        "sweep.attempts": "1",
    }
    assert wanted.items() <= picture.tags.items()
    assert not prune_tags(picture)
    assert picture.points == []


def test_a_finished_trial_shows_its_best_beside_its_last() -> None:
    script = Script()
    script.run(3.0, 1.0, 2.0)
    picture = picture_of(script)
    assert picture.status == FINISHED
    assert [(p.key, p.value, p.step) for p in picture.points] == [("best_eval_loss", 1.0, 0)]
    assert picture.ended == picture.points[0].timestamp


def test_an_ended_trial_says_how_fast_it_ran_and_what_memory_it_took() -> None:
    script = Script()
    number = script.ask()
    for point, seconds, peak in ((8, 1.0, 5), (9, 0.5, 7), (10, 0.1, 6)):
        report = make_report(point, 1.0, seconds=seconds)
        window = report.window.model_copy(update={"peak_memory_bytes": peak})
        script.say(number, report.model_copy(update={"window": window}))
    assert picture_of(script).points == []
    script.end(number)
    found = {point.key: point.value for point in picture_of(script).points}
    assert found == {"best_eval_loss": 1.0, "tokens_per_second": 200.0, "peak_memory_bytes": 7.0}


def test_a_pruned_trial_says_why() -> None:
    script = Script()
    script.stop(script.ask(), 400, verdict(Action.STOP))
    picture = picture_of(script)
    assert picture.status == KILLED
    assert picture.tags["sweep.reason"] == "pruned"
    assert prune_tags(picture) == {
        "reason": "median",
        "message": "eval_loss 3.25 is worse than 2.",
        "signal": "eval_loss",
        "value": "3.25",
        "cutoff": "2",
        "point": "4",
        "samples": "400",
        "peers": "4,9",
        "peer_count": "2",
    }
    assert "median" in picture.tags["mlflow.note.content"]
    assert trial_id(SWEEP, 0) in picture.tags["mlflow.note.content"]


def test_evidence_that_is_missing_is_left_out() -> None:
    script = Script()
    bare = verdict(Action.STOP, signal=None, value=None, cutoff=None, peers=[])
    script.stop(script.ask(), 400, bare)
    assert set(prune_tags(picture_of(script))) == {"reason", "message", "point", "samples"}


def test_a_trial_that_the_user_stopped_is_killed_but_not_pruned() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(1, 2.0))
    script.stop(number, 150)
    picture = picture_of(script)
    assert picture.status == KILLED
    assert picture.tags["sweep.reason"] == "user"
    assert not prune_tags(picture)


def test_a_parked_trial_stays_running_and_loses_its_verdict_when_revived() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(2, 3.0), verdict(Action.PAUSE))
    script.end(number, AttemptEnd.PAUSED, 200)
    parked = picture_of(script)
    assert (parked.status, parked.tags["sweep.state"]) == (RUNNING, "PAUSED")
    assert prune_tags(parked)["reason"] == "median"
    assert "mlflow.note.content" not in parked.tags
    script.start(number)
    revived = picture_of(script)
    assert (revived.status, revived.tags["sweep.state"]) == (RUNNING, "RUNNING")
    assert revived.tags["sweep.attempts"] == "2"
    assert not prune_tags(revived)


def test_a_parked_trial_that_is_judged_is_killed_with_that_verdict() -> None:
    script = Script()
    number = script.ask()
    script.say(number, make_report(2, 3.0), verdict(Action.PAUSE))
    script.end(number, AttemptEnd.PAUSED, 200)
    parked = Verdict(action=Action.STOP, reason="parked", message="Nothing brought it back.")
    script.add(Judged(trial=number, verdict=parked))
    picture = picture_of(script)
    assert picture.status == KILLED
    assert prune_tags(picture)["reason"] == "parked"
    assert prune_tags(picture)["samples"] == "200"


def test_a_failed_trial_carries_its_error() -> None:
    script = Script()
    script.end(script.ask(), AttemptEnd.FAILED, 0, error="CUDA out of memory", gave_up=True)
    picture = picture_of(script)
    assert picture.status == FAILED
    assert picture.tags["sweep.error"] == "CUDA out of memory"


def test_a_trial_between_two_attempts_stays_running() -> None:
    script = Script()
    script.end(script.ask(), AttemptEnd.LOST, 0, error="node lost")
    picture = picture_of(script)
    assert (picture.status, picture.tags["sweep.state"]) == (RUNNING, "PENDING")


def test_what_an_estimate_rests_on_is_shown() -> None:
    script = Script()
    details = {"point": 4, "samples": 400, "miss_risk": 0.04, "rank_loss": 3, "compared": 5}
    script.stop(script.ask(), 400, verdict(Action.STOP, probability=0.0125, details=details))
    tags = prune_tags(picture_of(script))
    assert (tags["probability"], tags["miss_risk"]) == ("0.0125", "0.04")
    assert (tags["rank_loss"], tags["compared"]) == ("3", "5")


def test_an_audited_trial_is_marked_and_shows_what_condemned_it() -> None:
    script = Script()
    number = script.ask()
    spared = verdict(Action.CONTINUE).model_copy(update={"audit": True})
    script.say(number, make_report(2, 3.0), spared)
    script.say(number, make_report(10, 1.0))
    script.end(number)
    picture = picture_of(script)
    assert picture.status == FINISHED
    assert picture.tags["sweep.audit"] == "true"
    tags = prune_tags(picture)
    assert (tags["audit"], tags["point"], tags["value"]) == ("true", "2", "3.25")


def test_nothing_runs_on_when_the_sweep_is_over() -> None:
    script = Script()
    script.ask()
    script.add(CommandApplied(command="c", kind="cancel"))
    assert picture_of(script).status == RUNNING
    assert picture_of(script, over=True).status == KILLED


@pytest.mark.parametrize(
    ("parameters", "params", "role", "name"),
    [
        (
            {"global_batch_size": {"values": [8, 32]}, "learning_rate": {"values": [1e-3, 1e-4]}},
            {"global_batch_size": 32, "learning_rate": 1e-3},
            Role.SEARCH,
            "t000 bs=32 lr=0.001",
        ),
        (
            {"global_batch_size": {"value": 32}, "learning_rate": {"values": [1e-5, 1e-4]}},
            {"global_batch_size": 32, "learning_rate": 1e-5},
            Role.CONFIRM,
            "t000 confirm lr=1e-05",
        ),
        ({"warmup_steps": {"value": 5}}, {"warmup_steps": 5}, Role.BASE, "t000 base wu=5"),
    ],
)
def test_the_name_tells_what_varies(
    parameters: dict[str, object], params: dict[str, object], role: Role, name: str
) -> None:
    script = Script()
    script.ask(role, **params)
    record = script.story.trials[0]
    record.trial.params.clear()
    record.trial.params.update(params)  # type: ignore[arg-type]
    assert trial_name(parse(plain(parameters=parameters)), record) == name


def test_how_the_batch_was_cut_is_told_by_tags() -> None:
    cut = BatchCut(
        effective_batch_size=10,
        devices=1,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=5,
        halvings=2,
    )
    script = Script()
    script.ask()
    script.say(0, make_report(1).model_copy(update={"cut": cut}))
    tags = picture_of(script).tags
    assert tags["sweep.per_device_train_batch_size"] == "2"
    assert tags["sweep.effective_batch_size"] == "10"
    assert tags["sweep.halvings"] == "2"
    assert "sweep.packed_tokens" not in tags


def drops_of(script: Script, number: int) -> dict[str, float]:
    chronicle = Chronicle(limited())
    for entry in script.entries:
        chronicle.take(entry)
    picture = trial_picture(chronicle, SWEEP, number, "parent", over=False)
    return {p.key: p.value for p in picture.points if p.key.startswith("drop_")}


def test_a_finished_trial_shows_what_it_lost_once_the_base_is_evaluated() -> None:
    script = Script()
    base = script.ask(role=Role.BASE)
    number = finish(script, 1.0, 0.75)
    assert drops_of(script, number) == {}
    script.say(base, make_report(10, 9.0, metrics={KEPT: 0.8}))
    script.end(base)
    assert drops_of(script, number) == pytest.approx({f"drop_{KEPT}": 0.05})
    assert drops_of(script, base) == {}
    chronicle = Chronicle(limited())
    for entry in script.entries[:-1]:
        chronicle.take(entry)
    chronicle.touched.clear()
    chronicle.take(script.entries[-1])
    assert chronicle.touched == {base, number}, "those that ended before are written again"
