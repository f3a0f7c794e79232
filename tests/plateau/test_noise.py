"""Sampling noise on simulated truth: the figure is right on average and its interval holds it as often as promised."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from topout.plateau.noise import sampling_noise

Drawn = tuple[list[tuple[float, float]], list[str] | None]


def answered(rng: random.Random, p: float) -> tuple[float, float]:
    return float(rng.random() < p), float(rng.random() < p)


def wavering(rng: random.Random, n: int) -> Drawn:
    """Rows of all difficulties, right or wrong: variance from draw to draw 0.08, of a single answer 0.24."""
    return [answered(rng, rng.betavariate(0.3, 0.2)) for _ in range(n)], None


def graded(rng: random.Random, n: int) -> Drawn:
    """Graded scores: variance from draw to draw 0.0025, of a single answer 0.0425."""
    centres = [0.5 + rng.gauss(0, 0.2) for _ in range(n)]
    return [(c + rng.gauss(0, 0.05), c + rng.gauss(0, 0.05)) for c in centres], None


def grouped(rng: random.Random, n: int) -> Drawn:
    """Four rows a group; all of a group are sure or all of them waver."""
    pairs, names = [], []
    for group in range(n // 4):
        p = rng.choice((0.02, 0.5, 0.9))
        pairs += [answered(rng, p) for _ in range(4)]
        names += [f"g{group}"] * 4
    return pairs, names


P = 0.02 * 0.98, 0.25, 0.09


@pytest.mark.parametrize("n", [40, 120])
@pytest.mark.parametrize(
    ("draw", "within", "whole"),
    [(wavering, 0.08, 0.24), (graded, 0.0025, 0.0425), (grouped, sum(P) / 3, 0.24927)],
    ids=["right or wrong", "graded", "grouped"],
)
def test_the_intervals_hold_the_truth_as_often_as_promised(
    draw: Callable[[random.Random, int], Drawn], within: float, whole: float, n: int
) -> None:
    covered = shares = 0
    total, trials = 0.0, 400
    for seed in range(trials):
        pairs, names = draw(random.Random(1000 * n + seed), n)
        found = sampling_noise(pairs, 400, clusters=names)
        assert found is not None and found.share is not None
        covered += found.sd.low <= math.sqrt(2 * within / 400) <= found.sd.high
        shares += found.share.low <= within / whole <= found.share.high
        total += found.sd.mean
    assert total / trials == pytest.approx(math.sqrt(2 * within / 400), rel=0.05)
    assert min(covered, shares) / trials >= 0.92


def test_the_difference_of_two_real_evaluations_spreads_as_told() -> None:
    rng = random.Random(3)
    ps = [rng.betavariate(0.3, 0.2) for _ in range(300)]
    found = sampling_noise([answered(rng, p) for p in ps[:100]], 300)
    assert found is not None
    differences = [sum(one - other for one, other in (answered(rng, p) for p in ps)) / 300 for _ in range(400)]
    spread = math.sqrt(sum(d * d for d in differences) / 400)
    assert found.sd.low <= spread <= found.sd.high


def test_a_plain_case_has_the_literal_figures() -> None:
    found = sampling_noise([(1.0, 0.0)] * 10 + [(1.0, 1.0)] * 20 + [(0.0, 0.0)] * 10 + [(1.0, math.nan)], 100)
    assert found is not None and found.share is not None
    assert found.sd.mean == pytest.approx(0.05)  # a quarter of the rows changed: sqrt(0.25 / 100)
    assert (found.sd.n, found.sd.unscored, found.rows) == (40, 1, 100)
    assert found.share.mean == pytest.approx(0.125 / (0.625 * 0.375))


def test_rows_that_never_change_still_leave_room_for_noise() -> None:
    found = sampling_noise([(1.0, 1.0)] * 20 + [(0.0, 0.0)] * 10, 100)
    assert found is not None and found.share is not None
    assert (found.sd.mean, found.sd.low) == (0.0, 0.0)
    assert 0.02 < found.sd.high < 0.05
    assert (found.share.mean, found.share.low) == (0.0, 0.0)
    assert 0.1 < found.share.high < 0.6


def test_without_a_repeated_row_there_is_nothing_to_say() -> None:
    assert sampling_noise([], 100) is None
    assert sampling_noise([(1.0, math.nan)], 100) is None


def test_answers_that_all_score_alike_have_no_variance_to_share_out() -> None:
    found = sampling_noise([(1.0, 1.0)] * 30, 100)
    assert found is not None
    assert found.share is None


def test_rows_that_repeat_each_other_say_no_more_than_one_of_them() -> None:
    rng = random.Random(1)
    once = [answered(rng, 0.4) for _ in range(40)]
    names = [f"g{i}" for i in range(40)]
    alone, thrice = sampling_noise(once, 100, clusters=names), sampling_noise(once * 3, 100, clusters=names * 3)
    assert alone is not None and thrice is not None and alone.share is not None and thrice.share is not None
    assert thrice.sd.high == pytest.approx(alone.sd.high)
    assert thrice.share.low == pytest.approx(alone.share.low, abs=0.01)


def test_what_cannot_be_answered_is_refused() -> None:
    with pytest.raises(ValueError, match="clusters"):
        sampling_noise([(1.0, 0.0)], 10, clusters=["a", "b"])
    with pytest.raises(ValueError, match="rows = 0"):
        sampling_noise([(1.0, 0.0)], 0)
