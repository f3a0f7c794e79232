from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.plateau import mean_interval, paired_gain, paired_sd, rows_needed, smallest_detectable
from topout.plateau.student import t_cdf, t_quantile

# Two-sided 95 % and 99 % and one-sided 95 % critical values, from printed tables of Student's t.
TABLE = [
    (0.975, 2, 4.3027),
    (0.975, 3, 3.1824),
    (0.975, 5, 2.5706),
    (0.975, 10, 2.2281),
    (0.975, 30, 2.0423),
    (0.975, 100, 1.9840),
    (0.975, 1000, 1.9623),
    (0.995, 2, 9.9248),
    (0.995, 10, 3.1693),
    (0.995, 120, 2.6174),
    (0.95, 4, 2.1318),
    (0.95, 60, 1.6706),
    (0.80, 9, 0.8834),
    (0.975, 1, 12.7062),
]


@pytest.mark.parametrize(("p", "df", "expected"), TABLE)
def test_t_quantiles_agree_with_the_printed_tables(p: float, df: int, expected: float) -> None:
    assert t_quantile(p, df) == pytest.approx(expected, abs=1e-4)
    assert t_quantile(1 - p, df) == pytest.approx(-expected, abs=1e-4)
    assert t_cdf(expected, df) == pytest.approx(p, abs=1e-4)


def test_t_quantile_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(ValueError, match="expected 0 < p < 1"):
        t_quantile(1.0, 5)
    with pytest.raises(ValueError, match="df"):
        t_quantile(0.5, 0.0)


def test_no_rows_give_nan_and_the_whole_range() -> None:
    none = mean_interval([])
    assert math.isnan(none.mean)
    assert (none.low, none.high, none.n, none.unscored) == (0.0, 1.0, 0, 0)
    only_nan = mean_interval([math.nan, math.nan])
    assert (only_nan.low, only_nan.high, only_nan.n, only_nan.unscored) == (0.0, 1.0, 0, 2)


def test_unscored_rows_are_left_out_and_counted() -> None:
    found = mean_interval([1.0, math.nan, 0.0, 1.0, math.nan])
    assert found.mean == pytest.approx(2 / 3)
    assert (found.n, found.unscored) == (3, 2)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 5, 30])
def test_few_equal_scores_never_give_a_zero_width(value: float, n: int) -> None:
    found = mean_interval([value] * n)
    assert found.mean == value
    assert found.low <= value <= found.high
    assert found.high - found.low > 1.5 / (n + 2)


def test_a_plain_interval_has_the_literal_ends() -> None:
    found = mean_interval([1.0] * 60 + [0.0] * 40)
    assert (found.mean, found.n) == (0.6, 100)
    assert found.low == pytest.approx(0.5014, abs=5e-4)
    assert found.high == pytest.approx(0.6947, abs=5e-4)


def test_equal_vectors_gain_nothing_within_an_honest_width() -> None:
    scores = [1.0, 0.0] * 50
    found = paired_gain(scores, scores)
    assert found.estimate.mean == 0.0
    assert found.estimate.low == pytest.approx(-0.0196, abs=5e-4)
    assert found.estimate.high == pytest.approx(0.0196, abs=5e-4)
    assert (found.better, found.worse) == (0, 0)
    assert 0.02 < found.detectable < 0.03


def test_a_gain_is_paired_on_rows_where_both_are_scored() -> None:
    found = paired_gain([1.0, 1.0, math.nan, 0.0], [0.0, 1.0, 1.0, math.nan])
    assert found.estimate.mean == 0.5
    assert (found.estimate.n, found.estimate.unscored, found.better, found.worse) == (2, 2, 1, 0)


def test_a_gain_without_common_rows_is_unknown() -> None:
    found = paired_gain([math.nan], [1.0])
    assert math.isnan(found.estimate.mean)
    assert (found.estimate.low, found.estimate.high, found.detectable) == (-1.0, 1.0, math.inf)
    assert paired_sd(found) == math.inf


def test_vectors_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows"):
        paired_gain([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="clusters"):
        mean_interval([1.0], clusters=["a", "b"])


def test_rows_that_repeat_each_other_count_as_one_cluster() -> None:
    once = [float(i % 3 == 0) for i in range(40)]
    names = [f"g{i}" for i in range(40)]
    alone = mean_interval(once, clusters=names)
    thrice = mean_interval(once * 3, clusters=names * 3)
    assert thrice.low == pytest.approx(alone.low)
    assert thrice.high == pytest.approx(alone.high)
    assert mean_interval(once * 3).low > thrice.low


scores01 = st.lists(st.sampled_from([0.0, 0.25, 1.0, math.nan]), min_size=1, max_size=60)


@given(scores01)
def test_clusters_of_one_row_change_nothing(scores: list[float]) -> None:
    plain = mean_interval(scores)
    for names in ([""] * len(scores), [str(i) for i in range(len(scores))]):
        clustered = mean_interval(scores, clusters=names)
        assert clustered.low == pytest.approx(plain.low)
        assert clustered.high == pytest.approx(plain.high)


@given(scores01)
def test_an_interval_holds_its_mean_and_stays_in_range(scores: list[float]) -> None:
    found = mean_interval(scores)
    assert 0.0 <= found.low < found.high <= 1.0
    assert found.n == 0 or found.low <= found.mean <= found.high


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60))
def test_a_gain_turns_its_sign_when_the_sides_are_swapped(pairs: list[tuple[float, float]]) -> None:
    after, before = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = paired_gain(after, before), paired_gain(before, after)
    assert there.estimate.low == pytest.approx(-back.estimate.high)
    assert there.estimate.high == pytest.approx(-back.estimate.low)
    assert (there.better, there.worse) == (back.worse, back.better)
    assert there.estimate.low < there.estimate.high


def test_rows_needed_are_the_literal_figures_of_the_power_formula() -> None:
    assert rows_needed(0.45, 0.16) == 51
    assert rows_needed(0.45, 0.02) == 3132
    assert rows_needed(0.0, 0.02) == 2
    assert smallest_detectable(0.45, 1) == math.inf
    with pytest.raises(ValueError, match="gain > 0"):
        rows_needed(0.4, 0.0)


@given(st.floats(0.05, 1.0), st.floats(0.02, 0.5))
def test_rows_needed_is_the_first_number_of_rows_that_detects(sd: float, gain: float) -> None:
    n = rows_needed(sd, gain)
    assert smallest_detectable(sd, n) <= gain
    assert n == 2 or smallest_detectable(sd, n - 1) > gain * (1 - 1e-3)


@pytest.mark.parametrize(
    ("n", "better", "worse"),
    [(30, 0.13, 0.07), (50, 0.08, 0.05), (100, 0.05, 0.05), (100, 0.035, 0.015), (200, 0.035, 0.015), (400, 0.15, 0.10)],
)
def test_the_paired_interval_keeps_its_promise_within_a_point_and_a_half(n: int, better: float, worse: float) -> None:
    rng = random.Random(20_000 + n)
    trials, covered = 3000, 0
    cache: dict[tuple[int, int], bool] = {}
    for _ in range(trials):
        draws = rng.choices((1, -1, 0), (better, worse, 1 - better - worse), k=n)
        key = (draws.count(1), draws.count(-1))
        if key not in cache:
            found = paired_gain([1.0] * key[0] + [0.0] * (n - key[0]), [0.0] * key[0] + [1.0] * key[1] + [0.0] * (n - sum(key)))
            cache[key] = found.estimate.low <= better - worse <= found.estimate.high
        covered += cache[key]
    assert 0.931 <= covered / trials <= 0.972  # 95 % ± 1.5 points and the simulation's own 1.5 standard errors
