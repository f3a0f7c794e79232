"""The guide of where a curve levels off."""

from __future__ import annotations

import random

import pytest

from topout.plateau.ceiling import ceiling, fitted
from topout.plateau.curve import Checkpoint


def curve(rng: random.Random, qualities: list[float], rows: int = 400, calls: int = 200) -> list[Checkpoint]:
    """Champions of these true qualities at calls a factor of 2 apart, on the same rows of differing difficulty."""
    luck = [rng.random() for _ in range(rows)]
    return [Checkpoint(calls * 2**i, None, f"c{i}", (), tuple(float(u < q) for u in luck)) for i, q in enumerate(qualities)]


def test_the_ceiling_of_an_exact_power_law_is_found() -> None:
    calls = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert fitted(calls, [0.7 - 0.3 * c**-0.5 for c in calls]) == pytest.approx(0.7, abs=1e-9)
    assert fitted(calls, [0.6, 0.6, 0.6, 0.6, 0.6]) == pytest.approx(0.6)
    assert fitted(calls, [0.6, 0.5, 0.5, 0.4, 0.3]) == pytest.approx(0.46)


def test_the_interval_holds_a_true_ceiling_in_about_nine_of_ten_cases() -> None:
    rng = random.Random(5)
    held = 0
    for _ in range(60):
        found = ceiling(curve(rng, [0.65 - 0.25 * (2**i) ** -0.7 for i in range(6)]), rng, draws=60)
        assert found is not None
        held += found.low <= 0.65 <= found.high
    assert held >= 48


def test_a_curve_that_rises_without_end_is_cut_at_one() -> None:
    rng = random.Random(1)
    found = ceiling(curve(rng, [0.2, 0.4, 0.6, 0.8, 0.95]), rng)
    assert found is not None
    assert found.high == 1.0


@pytest.mark.parametrize(("qualities", "rows"), [([0.4, 0.5, 0.6], 400), ([0.4, 0.5, 0.6, 0.65], 29), ([], 0)])
def test_with_few_points_or_rows_there_is_none(qualities: list[float], rows: int) -> None:
    assert ceiling(curve(random.Random(1), qualities, rows), random.Random(1)) is None


def test_rows_of_a_group_are_drawn_together_and_widen_the_interval() -> None:
    rng = random.Random(3)
    groups = [f"g{i // 8}" for i in range(400)]
    luck = [rng.random() for _ in range(50)]
    points = [
        Checkpoint(100 * 2**i, None, f"c{i}", (), tuple(float(luck[j // 8] < q) for j in range(400)))
        for i, q in enumerate([0.3, 0.5, 0.6, 0.63])
    ]
    alone, together = ceiling(points, random.Random(1)), ceiling(points, random.Random(1), groups)
    assert alone is not None and together is not None
    assert together.high - together.low > 1.8 * (alone.high - alone.low)
