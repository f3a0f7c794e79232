"""A resumed run decides anew what an outage had spoilt: what it had decided before is not told any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from topout.domain import AttemptDone, RunResumed
from topout.errors import JournalError
from topout.report.findings import find
from topout.testing.runs import PretendedRun


def test_an_attempt_that_is_decided_anew_takes_all_later_ones_with_it() -> None:
    events = PretendedRun(dev=30, holdout=30, shift=0).events()
    third = next(event for event in events if isinstance(event, AttemptDone) and event.attempt.number == 3)
    assert max(done.attempt.number for done in find(events).attempts) > 10
    again = find([*events, RunResumed(1_772_360_200.0), third])
    assert [done.attempt.number for done in again.attempts] == [-1, 0, 1, 2, 3]
    assert again.winner.id == third.champion


def test_a_champion_that_the_journal_does_not_know_is_told_in_one_line() -> None:
    events = PretendedRun(dev=30, holdout=30, shift=0).events()
    first = next(event for event in events if isinstance(event, AttemptDone) and event.attempt.number == 0)
    with pytest.raises(JournalError, match="the champion after attempt 0 is no candidate of this journal"):
        find([*events, replace(first, champion="of another run")])
