from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from topout.plateau import Checkpoint, checkpoints, simultaneous


def test_checkpoints_are_log_spaced_back_from_the_end() -> None:
    assert checkpoints(3000, 180) == (180, 375, 530, 750, 1061, 1500, 2121, 3000)
    assert checkpoints(1000, 400) == (400, 500, 707, 1000)
    assert checkpoints(1000, 400, most=3) == (400, 707, 1000)


def test_a_run_that_ended_in_its_baseline_has_one_checkpoint() -> None:
    assert checkpoints(100, 180) == (100,)
    assert checkpoints(180, 180) == (180,)
    assert checkpoints(0, 0) == (0,)


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(2, 12))
def test_checkpoints_ascend_to_the_end_without_repeats(total: int, first: int, most: int) -> None:
    found = checkpoints(total, first, most=most)
    assert list(found) == sorted(set(found))
    assert found[-1] == total
    assert len(found) <= most


def test_the_band_is_wider_than_the_pointwise_interval_and_alike_for_a_champion_that_stays() -> None:
    dev, low, high = (1.0, 0.0) * 20, (1.0, 0.0) * 50, (1.0, 1.0, 0.0, 1.0) * 25
    points = [Checkpoint(100, None, "a", dev, low), Checkpoint(200, 0.5, "b", dev, high), Checkpoint(400, 1.0, "b", dev, high)]
    curve = simultaneous(points)
    for point in curve:
        assert point.holdout is not None and point.band_low is not None and point.band_high is not None
        assert point.band_low < point.holdout.low < point.holdout.mean < point.holdout.high < point.band_high
    assert (curve[1].band_low, curve[1].band_high) == (curve[2].band_low, curve[2].band_high)
    assert [(p.calls, p.cost_usd, p.candidate) for p in curve] == [(100, None, "a"), (200, 0.5, "b"), (400, 1.0, "b")]


def test_a_champion_without_an_exam_has_no_held_out_figure() -> None:
    (point,) = simultaneous([Checkpoint(10, None, "a", (1.0, 0.0))])
    assert point.holdout is None
    assert point.band_low is None and point.band_high is None


def test_an_exam_without_a_score_has_the_whole_range_as_its_band() -> None:
    (point,) = simultaneous([Checkpoint(10, None, "a", (), (math.nan, math.nan))])
    assert point.holdout is not None and point.holdout.n == 0
    assert (point.band_low, point.band_high) == (0.0, 1.0)
    assert simultaneous([]) == ()


def test_the_band_covers_the_whole_true_curve_in_at_least_95_of_100_runs() -> None:
    rng = random.Random(7)
    covered, runs = 0, 400
    for _ in range(runs):
        n = rng.choice((40, 80, 160))
        truth = sorted(rng.uniform(0.3, 0.97) for _ in range(5))
        rows = [rng.gauss(0, 1) for _ in range(n)]
        points = []
        for k, q in enumerate(truth):
            # rows share their difficulty over champions, as real ones do: correlation 0.64 of the latent scores
            cut = _normal_quantile(q)
            scores = tuple(float(0.8 * row + 0.6 * rng.gauss(0, 1) < cut) for row in rows)
            points.append(Checkpoint(100 * (k + 1), None, f"c{k}", (), scores))
        curve = simultaneous(points)
        covered += all(
            p.band_low is not None and p.band_high is not None and p.band_low <= q <= p.band_high
            for p, q in zip(curve, truth, strict=True)
        )
    assert covered / runs >= 0.94


def _normal_quantile(q: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(q)
