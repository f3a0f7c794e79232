"""The cheapest that is no worse than the best, and how often it is named wrongly."""

from __future__ import annotations

import random

import pytest

from topout.plateau.rungs import Rung, cheapest, rungs


def right(n: int, of: int) -> list[float]:
    return [1.0] * n + [0.0] * (of - n)


def test_the_best_the_equal_and_the_far_behind_are_told_apart() -> None:
    found = rungs([right(800, 1000), right(799, 1000), right(600, 1000), right(790, 1000)], 0.05)
    assert [one.side for one in found] == ["best", "no worse", "worse", "no worse"]
    assert found[0].gain is None and found[1].gain is not None
    assert found[1].gain.estimate.mean == pytest.approx(-0.001)
    assert found[1].gain.estimate.level == pytest.approx(0.975)  # 1 - 2 * 5 % / 4


def test_few_rows_leave_it_open_and_say_how_many_it_takes() -> None:
    rng = random.Random(1)
    first, second = ([float(rng.random() < 0.8) for _ in range(60)] for _ in range(2))
    best, less = sorted((first, second), key=sum, reverse=True)
    found = rungs([best, less], 0.12)
    assert [one.side for one in found] == ["best", "undecided"]
    assert found[1].rows is not None and found[1].rows > 60


def test_one_that_is_scored_on_few_of_the_rows_is_not_set_against_the_others() -> None:
    lucky = [1.0] * 10 + [float("nan")] * 90
    assert [one.side for one in rungs([right(70, 100), lucky], 0.02)] == ["best", "not measured"]
    assert [one.side for one in rungs([[float("nan")] * 3], 0.02)] == ["not measured"]


def test_rows_without_a_score_speak_against_it() -> None:
    whole = right(900, 1000)
    holes = [float("nan") if i % 20 == 0 else v for i, v in enumerate(whole)]
    assert [one.side for one in rungs([whole, holes], 0.03)] == ["best", "undecided"]


def test_the_cheapest_is_named_among_those_of_known_price_alone() -> None:
    found = rungs([right(800, 1000), right(799, 1000), right(600, 1000)], 0.05)
    assert cheapest(found, [6.0, 0.4, 0.1]) == 1
    assert cheapest(found, [6.0, None, 0.1]) == 0
    assert cheapest(found, [None, None, 0.1]) is None
    assert cheapest(found, [0.0, 0.0, 0.0]) == 0
    assert cheapest([Rung("not measured")], [1.0]) is None


def test_one_that_is_just_too_far_behind_is_called_no_worse_in_at_most_one_of_twenty_data_sets() -> None:
    rng = random.Random(5)
    wrong = 0
    for _ in range(300):
        table = [[float(rng.random() < p) for _ in range(200)] for p in (0.8, 0.8, 0.8, 0.7, 0.7, 0.7)]
        wrong += any(one.side == "no worse" for one in rungs(table, 0.1)[3:])
    assert wrong <= 24  # 5 % are 15, and three standard errors 11
