"""A judge beside people."""

from __future__ import annotations

import math
import random

import pytest

from topout.plateau.agreement import agreement


def test_a_judge_that_is_always_a_quarter_milder_correlates_fully() -> None:
    people = [0.0, 0.25, 0.5, 0.75, 0.0, 0.25]
    found = agreement([one + 0.25 for one in people], people)
    assert found.correlation is not None and found.correlation.mean == pytest.approx(1.0)
    assert found.milder.mean == pytest.approx(0.25) and found.distance.mean == pytest.approx(0.25)
    assert found.distance.n == 6


def test_a_row_without_a_verdict_is_left_out_and_counted() -> None:
    found = agreement([0.0, math.nan, 1.0, 0.5, 0.5], [0.0, 1.0, 1.0, 0.5, 0.25])
    assert (found.distance.n, found.distance.unscored) == (4, 1)
    assert found.correlation is not None and (found.correlation.n, found.correlation.unscored) == (4, 1)


def test_a_judge_that_gives_all_the_same_has_no_correlation() -> None:
    assert agreement([0.5] * 10, [0.1 * i for i in range(10)]).correlation is None


def test_the_interval_holds_the_true_correlation_as_often_as_it_says() -> None:
    rng, held = random.Random(1), 0
    for _ in range(1000):
        people = [rng.gauss(0, 1) for _ in range(40)]
        judge = [0.6 * one + 0.8 * rng.gauss(0, 1) for one in people]
        found = agreement(judge, people).correlation
        assert found is not None
        held += found.low <= 0.6 <= found.high
    assert 930 <= held <= 970
