"""What was decided while the provider was going down is decided anew by the resumed run."""

from __future__ import annotations

from topout.domain import (
    Attempt,
    AttemptDone,
    Critiqued,
    Ending,
    Event,
    FailureKind,
    Rollout,
    RolloutDone,
    RunEnded,
    RunResumed,
    Scored,
    Unscored,
)
from topout.engine.replay import Replay


def answered(attempt: int, row: str) -> Event:
    return RolloutDone(attempt, Rollout("c", row, "dev", 0, "right", Scored(1.0)))


def failed(attempt: int, row: str, kind: FailureKind = "auth") -> Event:
    return RolloutDone(attempt, Rollout("c", row, "dev", 0, "", Unscored("no"), failure=kind))


def done(number: int) -> Event:
    return AttemptDone(Attempt(number, "rewrite", (), "dropped"), 1, 1, "c")


def ended(ending: Ending) -> list[Event]:
    return [RunEnded(ending, "", 0.0), RunResumed(1.0)]


def test_attempts_that_were_committed_in_the_last_streak_of_failures_are_open_again() -> None:
    events = [answered(0, "a"), done(0), failed(1, "b"), done(1), failed(2, "c"), done(2), *ended("outage")]
    replay = Replay.of(events)
    assert set(replay.attempts) == {0}
    assert set(replay.rollouts) == {("c", "a", 0)}
    again = Replay.of([*events, answered(1, "b"), done(1)])
    assert set(again.attempts) == {0, 1} and len(again.rollouts) == 2


def test_answers_that_were_on_their_way_do_not_end_a_streak() -> None:
    events = [done(0), failed(1, "a"), answered(1, "b"), done(1), failed(2, "c"), done(2), *ended("outage")]
    assert set(Replay.of(events).attempts) == {0}


def test_a_failure_that_many_answers_came_after_stays_decided() -> None:
    answers = [answered(0, f"b{n}") for n in range(64)]
    events = [failed(0, "a"), *answers, done(0), failed(1, "c"), done(1), *ended("outage")]
    replay = Replay.of(events)
    assert set(replay.attempts) == {0}
    assert ("c", "a", 0) in replay.rollouts


def test_failures_of_one_row_and_other_endings_undo_nothing() -> None:
    for kind, ending in (("filtered", "outage"), ("auth", "stopped")):
        events = [answered(0, "a"), failed(1, "b", kind), done(1), *ended(ending)]  # type: ignore[arg-type]
        assert set(Replay.of(events).attempts) == {1}


def test_a_reply_that_was_paid_and_is_no_answer_is_not_bought_again() -> None:
    events = [failed(1, "a", "filtered"), failed(1, "b", "empty"), failed(1, "c", "rejected"), *ended("stopped")]
    assert set(Replay.of(events).rollouts) == {("c", "a", 0), ("c", "b", 0)}


def test_a_critic_that_is_gone_counts_by_itself() -> None:
    gone = Critiqued(1, "critic", "outage: no", "", failure="outage")
    events = [gone, answered(1, "a"), done(1), *ended("outage")]
    assert set(Replay.of(events).attempts) == set()
