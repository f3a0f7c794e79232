"""The exam's share is set aside first, and its places are not given twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Candidate, Prompt
from topout.engine.exam import Exam, ExamPlan, plan_exam
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.replay import Replay
from topout.errors import UserError
from topout.testing.fakes import FakeModel, MemoryJournal, made_up_task, say_right


@given(
    dev=st.integers(1, 300),
    holdout=st.integers(1, 500),
    shift=st.integers(0, 100),
    max_calls=st.integers(1, 9000),
    share=st.floats(0.05, 0.9),
)
def test_a_plan_shares_out_the_cap_exactly_or_names_one_that_would_do(
    dev: int, holdout: int, shift: int, max_calls: int, share: float
) -> None:
    task = made_up_task(5, dev, holdout, shift)
    try:
        plan = plan_exam(task, max_calls, share)
    except UserError as error:
        found = re.search(r"--max-calls (\d+)", str(error))
        assert found is not None
        assert int(found[1]) > max_calls
        plan = plan_exam(task, int(found[1]), share)
        max_calls = int(found[1])
    assert plan.search + plan.champions * len(plan.holdout) + 2 * len(plan.shift) == max_calls
    assert plan.search >= dev + 2
    assert 3 <= plan.champions <= 9
    assert len(plan.holdout) >= min(30, holdout)


def test_the_shipped_shape_of_a_plan() -> None:
    task = made_up_task(240, 180, 360, 90)
    assert [(p.search, p.champions, len(p.holdout), len(p.shift)) for p in [plan_exam(task, 8000, 0.4)]] == [(4940, 8, 360, 90)]
    assert [(p.search, p.champions, len(p.holdout), len(p.shift)) for p in [plan_exam(task, 1000, 0.4)]] == [(601, 3, 133, 0)]


def room(champions: int, earlier: tuple[str, ...] = ()) -> Exam:
    task = made_up_task(5, 5, 5)
    seat = Seat(FakeModel(lambda request: "right"), "fake")
    harness = Harness(task, say_right, seat, seat, MemoryJournal(), Replay(), Halt())
    return Exam(harness, ExamPlan(100, champions, task.rows("holdout"), ()), earlier)


def one(name: str) -> Candidate:
    return Candidate(name, Prompt(()))


def test_a_place_is_taken_at_once_and_two_can_be_kept() -> None:
    exam = room(4)
    assert exam.admit(one("baseline"))
    assert not exam.admit(one("baseline"))
    assert exam.room(one("a"), keep=2)
    assert exam.admit(one("a"))
    assert not exam.room(one("b"), keep=2)
    assert exam.room(one("b"), keep=0)


def test_who_sat_in_an_earlier_session_has_a_place_and_sits_again_for_what_is_missing() -> None:
    exam = room(3, ("baseline", "a"))
    assert exam.room(one("a"), keep=2)
    assert exam.admit(one("a"))
    assert not exam.room(one("b"), keep=1)
    assert exam.room(one("b"), keep=0)


@pytest.mark.parametrize("max_calls", [0, 1, 50])
def test_too_few_calls_are_told_with_what_would_do(max_calls: int) -> None:
    with pytest.raises(UserError, match=r"max_calls = \d+: too few for this task: .* Give at least --max-calls 254\."):
        plan_exam(made_up_task(40, 150, 60), max_calls, 0.4)
