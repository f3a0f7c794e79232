"""What `bootstrap` plans and makes of what the champion answered."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from topout.contracts import History, Member, Move, Stop
from topout.domain import Attempt, Candidate, Example, Rollout, Scored, Unscored
from topout.search.bootstrap import Bootstrap, BootstrapSettings, few_shot_set
from topout.testing.fakes import made_up_task

TASK = made_up_task(30, 8, 4)
BASE = Candidate("base", TASK.baseline)
SETTINGS = BootstrapSettings(lanes=1, max_bootstrapped=4, max_labelled=3, read_rows=6, first_block=4, tries=50, give_up_after=5)


def history(attempts: tuple[Attempt, ...] = ()) -> History:
    return History(TASK, attempts, [Member(BASE, (0.5,) * 8, 0.5, 10.0)], 0, [], {}, 0, 1000)


def rows(*ids: str) -> tuple[Example, ...]:
    return tuple(Example(one, {"text": f"the row {one}"}, "yes") for one in ids)


def answered(example: str, answer: str, score: float) -> Rollout:
    return Rollout("base", example, "train", 0, answer, Scored(score))


def test_a_plan_draws_sizes_and_rows_and_the_critic_has_no_part() -> None:
    moves = [Bootstrap(SETTINGS).plan(number, history(), random.Random(number)) for number in range(40)]
    sizes, labelled = set(), set()
    for move in moves:
        assert isinstance(move, Move) and move.prompt is not None
        assert (move.operator, move.component, len(move.read)) == ("demos", "", 6)
        sizes.add(len(move.prompt.demos))
        labelled.add(len(move.references))
    assert sizes == {1, 2, 3, 4}
    assert labelled == {0, 1, 2, 3}


def test_calls_are_set_aside_for_answers_of_several_calls() -> None:
    heavy = Member(BASE, (0.5,) * 8, 0.5, 10.0, calls=3)
    move = Bootstrap(SETTINGS).plan(0, replace(history(), pool=[heavy]), random.Random(0))
    assert isinstance(move, Move)
    assert (move.calls, move.more) == (12, 12)


def test_it_ends_after_its_tries_and_when_nothing_comes_to_a_race() -> None:
    optimizer = Bootstrap(SETTINGS)
    stopped = optimizer.plan(50, history(), random.Random(0))
    assert isinstance(stopped, Stop) and stopped.reason == "50 few-shot sets were tried"
    vain = tuple(Attempt(n, "demos", ("base",), "rejected", "none") for n in range(5))
    assert isinstance(optimizer.plan(5, history(vain), random.Random(0)), Stop)


def test_demos_are_the_models_own_words_where_it_was_right_and_labels_beside_them() -> None:
    read = rows("a", "b", "c", "d")
    seen = [
        answered("a", "Yes, because A.", 1.0),
        answered("b", "no", 0.0),
        answered("c", "Yes, because C.", 1.0),
        answered("d", "Yes, D.", 1.0),
    ]
    made = few_shot_set(read, seen, 2, rows("x", "b"), 100)
    assert [(d.example_id, d.output) for d in made] == [("a", "Yes, because A."), ("c", "Yes, because C."), ("x", "yes")]


def test_nothing_is_shown_when_nothing_passed_and_words_are_capped() -> None:
    read = rows("a", "b")
    outage = Rollout("base", "b", "train", 0, "", Unscored("outage: down"))
    assert few_shot_set(read, [answered("a", "no", 0.5), outage], 2, (), 100) == ()
    passed = [answered("a", "yes", 1.0), answered("b", "yes", 1.0)]
    assert [d.example_id for d in few_shot_set(read, passed, 2, (), 5)] == ["a"]


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="max_labelled must be at least 0"):
        BootstrapSettings(max_labelled=-1)
