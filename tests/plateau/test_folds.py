"""Several folds on one holdout: the mean gain, and intervals that keep what they promise when rows are shared."""

from __future__ import annotations

import math
import random

import pytest

from topout.plateau.folds import folds_gain


def test_the_mean_counts_a_row_once_however_many_prompts_answered_it() -> None:
    base = [0.0] * 20
    one = [1.0] * 10 + [0.0] * 10
    found = folds_gain([one, one, one], base)
    assert found.mean.estimate.mean == 0.5
    assert found.mean.estimate.n == 20
    alone = folds_gain([one, one], base).mean.estimate
    assert (found.mean.estimate.low, found.mean.estimate.high) == (alone.low, alone.high)
    assert found.sd == 0.0
    assert (found.recipe.low, found.recipe.high) == (found.mean.estimate.low, found.mean.estimate.high)


def test_each_interval_is_corrected_for_the_number_of_folds() -> None:
    base, one = [0.0] * 40, [1.0, 0.0] * 20
    assert [gain.estimate.level for gain in folds_gain([one] * 5, base).each] == pytest.approx([0.99] * 5)


def test_searches_that_differ_widen_the_interval_of_a_further_one_alone() -> None:
    rng = random.Random(1)
    base = [0.0] * 200
    even = [[float(rng.random() < 0.4) for _ in base] for _ in range(4)]
    uneven = [[float(rng.random() < p) for _ in base] for p in (0.1, 0.3, 0.5, 0.7)]
    quiet, loud = folds_gain(even, base), folds_gain(uneven, base)
    assert loud.recipe.high - loud.recipe.low > 3 * (loud.mean.estimate.high - loud.mean.estimate.low)
    assert loud.recipe.high - loud.recipe.low > 3 * (quiet.recipe.high - quiet.recipe.low)
    assert quiet.mean.estimate.high - quiet.mean.estimate.low == pytest.approx(0.072, abs=0.002)


def test_rows_without_a_score_in_one_fold_are_left_out_of_the_mean_and_counted() -> None:
    found = folds_gain([[1.0, math.nan, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]], [0.0, 0.0, 0.0, 0.0])
    assert (found.mean.estimate.n, found.mean.estimate.unscored) == (3, 1)
    assert found.mean.estimate.mean == pytest.approx(0.5)


def test_one_winner_is_no_fold() -> None:
    with pytest.raises(ValueError, match="folds are two or more"):
        folds_gain([[1.0]], [0.0])


def covered(k: int, n: int, spread: float, sets: int, seed: int) -> tuple[float, float]:
    """How often the two intervals hold the truth: of the k prompts, and of the recipe. Row r goes from wrong to right with probability p_r + f_i."""
    rng = random.Random(seed)
    prompts = recipe = 0
    for _ in range(sets):
        rows = [rng.uniform(0.1, 0.5) for _ in range(n)]
        searches = [rng.uniform(-spread, spread) for _ in range(k)]
        winners = [[float(rng.random() < p + f) for p in rows] for f in searches]
        found = folds_gain(winners, [0.0] * n)
        prompts += found.mean.estimate.low <= 0.3 + math.fsum(searches) / k <= found.mean.estimate.high
        recipe += found.recipe.low <= 0.3 <= found.recipe.high
    return prompts / sets, recipe / sets


@pytest.mark.parametrize(("k", "n", "spread"), [(3, 40, 0.0), (5, 40, 0.1), (3, 200, 0.1), (5, 200, 0.1)])
def test_both_intervals_hold_what_they_promise(k: int, n: int, spread: float) -> None:
    prompts, recipe = covered(k, n, spread, 250, seed=11)
    assert prompts >= 0.91
    assert recipe >= 0.91
