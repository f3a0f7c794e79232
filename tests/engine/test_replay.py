"""What a resumed run remembers of failures: what was decided on them stands, what was not is tried anew."""

from __future__ import annotations

import pytest

from topout.domain import (
    ALONE,
    ANALYSIS,
    Attempt,
    AttemptDone,
    Critiqued,
    Event,
    FailureKind,
    Rollout,
    RolloutDone,
    RunEnded,
    RunResumed,
    Scored,
    Step,
    Unscored,
)
from topout.engine.replay import Replay

KEY = ("c", "e", 0)


def asked(attempt: int, failure: FailureKind | None = None, split: str = "train") -> RolloutDone:
    score = Unscored("down") if failure else Scored(1.0)
    return RolloutDone(attempt, Rollout("c", "e", "holdout" if split == "holdout" else "train", 0, "", score, failure=failure))


def said(attempt: int, text: str, failure: FailureKind | None = None, turn: int = 1) -> Critiqued:
    return Critiqued(attempt, "critic", text, "stop", failure=failure, turn=turn)


def done(number: int) -> AttemptDone:
    return AttemptDone(Attempt(number, "rewrite", (), "rejected"), 0, 0, "c")


def test_an_answer_is_remembered_for_all() -> None:
    replay = Replay.of([asked(3)])
    assert replay.rollouts[KEY].score == Scored(1.0)
    assert replay.told(3, KEY) is None


def test_a_failure_is_remembered_once_its_attempt_was_committed() -> None:
    assert KEY not in Replay.of([asked(3, "outage")]).rollouts
    assert Replay.of([asked(3, "outage"), done(3)]).rollouts[KEY].failure == "outage"


def test_a_failure_in_the_exam_is_asked_again() -> None:
    assert KEY not in Replay.of([asked(-2, "outage", "holdout"), done(0)]).rollouts


def test_a_committed_attempt_is_told_what_the_journal_held_then() -> None:
    replay = Replay.of([asked(3, "outage"), done(2), RunResumed(0.0), asked(3), done(3)])
    shared = replay.told(2, KEY)
    assert shared is not None
    assert shared.failure == "outage"
    later = replay.told(3, KEY)
    assert later is not None
    assert later.score == Scored(1.0)
    assert replay.told(4, KEY) is None
    assert replay.rollouts[KEY].score == Scored(1.0)


def test_critiques_are_remembered_by_their_turn() -> None:
    replay = Replay.of([said(1, "second", turn=2), said(1, "first")])
    assert [c and c.text for c in (replay.critique(1, 1), replay.critique(1, 2), replay.critique(1, 3))] == [
        "first",
        "second",
        None,
    ]


def test_a_failed_critique_of_an_uncommitted_attempt_is_forgotten_with_what_followed() -> None:
    replay = Replay.of([said(1, "a"), said(1, "down", "outage", 2), said(1, "b", turn=3)])
    assert replay.critique(1, 2) is None
    replay = Replay.of([said(1, "down", "outage"), RunResumed(0.0), said(1, "a"), said(1, "b", turn=2), done(1)])
    assert [c and c.text for c in (replay.critique(1, 1), replay.critique(1, 2))] == ["a", "b"]


@pytest.mark.parametrize("failure", ["empty", "filtered"])
def test_a_critique_that_was_billed_and_says_nothing_is_not_bought_again(failure: FailureKind) -> None:
    replay = Replay.of([said(1, "a"), said(1, "nothing", failure, 2), said(1, "down", "outage", 3), said(1, "b", turn=4)])
    assert [c and c.text for c in (replay.critique(1, turn) for turn in (1, 2, 3, 4))] == ["a", "nothing", None, None]


def test_a_failed_critique_of_a_committed_attempt_stands() -> None:
    replay = Replay.of([said(1, "down", "outage"), done(1)])
    kept = replay.critique(1, 1)
    assert kept is not None
    assert kept.failure == "outage"


def test_who_sat_the_exam_is_known() -> None:
    assert Replay.of([asked(-2, None, "holdout")]).examined() == {"c"}
    assert Replay.of([asked(1)]).examined() == set()


def test_an_outage_takes_back_what_was_decided_since_the_first_of_both_models_went_down() -> None:
    replay = Replay.of([asked(0, "outage"), done(0), said(1, "down", "outage"), done(1), RunEnded("outage", "down", 0.0)])
    assert replay.attempts == {}
    assert set(Replay.of([done(0), asked(1, "outage"), done(1), RunEnded("outage", "down", 0.0)]).attempts) == {0}


def test_what_the_critic_said_of_one_winners_failures_is_not_said_of_the_next() -> None:
    before: list[Event] = [done(0), said(ANALYSIS, "about the first")]
    known = Replay.of(before).critique(ANALYSIS, 1)
    assert known is not None and known.text == "about the first"
    later = Replay.of([*before, RunResumed(0.0), done(1)])
    assert (later.critique(ANALYSIS, 1), later.analysis_calls) == (None, 1)


def test_calls_on_held_out_rows_are_counted_as_they_were_made() -> None:
    one = Rollout("c", "e", "holdout", 0, "", Scored(1.0), calls=3, judged=(Step("judge 1", {}, "4"),))
    assert Replay.of([RolloutDone(ALONE, one)]).measured_alone() == {"c": 4}
