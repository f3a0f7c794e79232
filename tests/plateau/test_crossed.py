"""Intervals over seeds and rows keep their promise where both are drawn, and where one of them does not vary."""

from __future__ import annotations

import math
import random

import pytest

from topout.plateau.crossed import crossed_gain, crossed_mean
from topout.plateau.intervals import paired_gain


def table(rng: random.Random, seeds: int, rows: int, of_seed: float, of_row: float, truth: float) -> list[list[float]]:
    """Differences of right/wrong scores: -1, 0 or 1, more often the one or the other by seed and by row."""
    hard = [rng.gauss(0, of_row) for _ in range(rows)]
    out = []
    for _ in range(seeds):
        lucky = rng.gauss(0, of_seed)
        out.append(
            [
                float(rng.random() < 0.5 + truth / 2 + lucky / 2 + h / 2)
                - float(rng.random() < 0.5 - truth / 2 - lucky / 2 - h / 2)
                for h in hard
            ]
        )
    return out


@pytest.mark.parametrize(("of_seed", "of_row"), [(0.0, 0.2), (0.06, 0.2), (0.1, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_interval_holds_the_truth_at_least_as_often_as_it_says(of_seed: float, of_row: float, seeds: int) -> None:
    rng = random.Random(f"{of_seed}/{of_row}/{seeds}")
    found = [crossed_gain(table(rng, seeds, 100, of_seed, of_row, 0.05)).estimate for _ in range(600)]
    held = sum(e.low <= 0.05 <= e.high for e in found) / len(found)
    assert held >= 0.94


def test_rows_alone_would_promise_too_much_where_seeds_differ() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(400):
        found = table(rng, 5, 100, 0.1, 0.1, 0.05)
        means = [math.fsum(column) / 5 for column in zip(*found, strict=True)]
        alone = paired_gain(means, [0.0] * 100).estimate
        held += alone.low <= 0.05 <= alone.high
    assert held / 400 < 0.85


def test_one_seed_is_the_paired_gain() -> None:
    rng = random.Random(1)
    one = table(rng, 1, 60, 0.0, 0.1, 0.1)
    assert crossed_gain(one) == paired_gain(one[0], [0.0] * 60)


def test_missing_cells_are_left_out_and_nothing_known_is_told_as_nothing() -> None:
    nan = math.nan
    found = crossed_gain([[1.0, nan, 0.0], [1.0, nan, nan]]).estimate
    assert (found.mean, found.n, found.unscored) == (0.5, 2, 1)
    assert crossed_gain([[nan], [nan]]).estimate.n == 0
    empty = crossed_mean([[nan]])
    assert (empty.low, empty.high, empty.n) == (0.0, 1.0, 0)


def test_equal_scores_have_an_interval_that_so_many_rows_deserve() -> None:
    found = crossed_gain([[0.0] * 50] * 3).estimate
    assert found.mean == 0.0 and -0.1 < found.low < 0.0 < found.high < 0.1
    with pytest.raises(ValueError, match="unequal numbers of rows"):
        crossed_gain([[0.0], [0.0, 1.0]])
