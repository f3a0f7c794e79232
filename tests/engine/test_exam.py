"""The exam's share is set aside first, and its places are not given twice."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import EXAM, Candidate, Prompt, Task
from topout.engine.exam import Exam, ExamPlan, plan_exam
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.local import LocalExecutor
from topout.engine.replay import Replay
from topout.errors import UserError
from topout.testing.fakes import FakeModel, MemoryJournal, made_up_task, say_right


@given(
    dev=st.integers(1, 300),
    holdout=st.integers(1, 500),
    shift=st.integers(0, 100),
    max_calls=st.integers(1, 9000),
    share=st.floats(0.05, 0.9),
    warm=st.booleans(),
)
def test_a_plan_shares_out_the_cap_exactly_or_names_one_that_would_do(
    dev: int, holdout: int, shift: int, max_calls: int, share: float, warm: bool
) -> None:
    task = replace(made_up_task(5, dev, holdout, shift), temperature=0.7 * warm)
    try:
        plan = plan_exam(task, max_calls, share)
    except UserError as error:
        found = re.search(r"--max-calls (\d+)", str(error))
        assert found is not None
        assert int(found[1]) > max_calls
        plan = plan_exam(task, int(found[1]), share)
        max_calls = int(found[1])
    assert plan.calls == max_calls
    assert plan.search >= dev + 2
    assert 3 <= plan.champions <= 9
    assert plan.alone in (0, len(plan.holdout), 2 * len(plan.holdout))
    assert plan.critiques + 2 * plan.repeats <= 0.0301 * (plan.search + plan.critiques + 2 * plan.repeats)
    assert len(plan.holdout) >= min(30, holdout)


def test_the_shipped_shape_of_a_plan() -> None:
    assert shape(made_up_task(240, 180, 360, 90), 8000) == (4938, 6, 360, 90, 0, 720, 2)
    assert shape(made_up_task(240, 216, 432, 90), 8000) == (5226, 5, 432, 90, 0, 432, 2)
    assert shape(made_up_task(240, 180, 360, 90), 1000) == (599, 3, 133, 0, 0, 0, 2)


def test_small_caps_drop_the_second_samples_first_and_the_analysis_last() -> None:
    task = replace(made_up_task(240, 100, 200, 0), temperature=0.7)
    assert shape(task, 8000) == (6098, 7, 200, 0, 50, 400, 2)
    assert shape(task, 3000) == (1798, 5, 200, 0, 0, 200, 2)
    assert shape(task, 1500) == (898, 3, 200, 0, 0, 0, 2)


def test_a_recipe_with_one_lever_has_none_to_take_apart() -> None:
    plan = plan_exam(made_up_task(240, 216, 432, 90), 8000, 0.4, ("demos",))
    assert (plan.champions, plan.alone) == (6, 0)


def shape(task: Task, max_calls: int) -> tuple[int, ...]:
    p = plan_exam(task, max_calls, 0.4)
    return (p.search, p.champions, len(p.holdout), len(p.shift), p.repeats, p.alone, p.critiques)


def room(champions: int, earlier: tuple[str, ...] = ()) -> Exam:
    task = made_up_task(5, 5, 5)
    seat = Seat(FakeModel(lambda request: "right"), "fake")
    harness = Harness(task, LocalExecutor(task, say_right, seat, seat), MemoryJournal(), Replay(), Halt())
    replay = Replay(held_out={(EXAM, name, 0): 5 for name in earlier})
    return Exam(harness, ExamPlan(100, champions, task.rows("holdout"), ()), replay)


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


def test_a_baseline_that_opens_on_few_rows_leaves_a_small_budget_for_a_large_dev_split() -> None:
    task = made_up_task(20, 5000, 60)
    with pytest.raises(UserError, match="one pass over 5000 dev rows"):
        plan_exam(task, 2000, 0.4)
    plan = plan_exam(task, 2000, 0.4, opening_rows=30)
    assert plan.opening == plan.first_mark(5000) == 30
    assert plan.calls == 2000 and plan.search > 1000
    assert plan_exam(made_up_task(20, 500, 60), 2000, 0.4, opening_rows=30).first_mark(500) == 500
    assert plan_exam(made_up_task(20, 20, 60), 2000, 0.4, opening_rows=30).opening == 20
