"""A race: growing blocks over all rows once, and a paired standing that drops what is clearly worse."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.search.racing import Standing, blocks, first_rows, promising, standing

NAN = math.nan


@given(st.integers(0, 700), st.integers(1, 60), st.floats(1.0, 4.0))
def test_blocks_partition_the_rows_in_order(rows: int, first: int, growth: float) -> None:
    assert [i for block in blocks(rows, first, growth) for i in range(rows)[block]] == list(range(rows))


@given(st.integers(1, 700), st.integers(1, 60), st.floats(1.0, 4.0))
def test_no_block_but_the_last_is_shorter_than_the_one_before(rows: int, first: int, growth: float) -> None:
    sizes = [block.stop - block.start for block in blocks(rows, first, growth)]
    assert all(a <= b for a, b in pairwise(sizes[:-1]))
    assert all(size > 0 for size in sizes)
    assert sizes[0] >= min(rows, first)


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 400))
def test_whoever_takes_more_rows_takes_those_of_the_others_too(rows: int, few: int, many: int) -> None:
    few, many = sorted((few, many))
    assert sorted(first_rows(rows, rows)) == list(range(rows))
    assert first_rows(rows, many)[: min(few, rows)] == first_rows(rows, few)


def test_the_first_rows_come_from_all_parts_of_the_file() -> None:
    assert all(4 <= sum(row // 25 == part for row in first_rows(100, 20)) <= 6 for part in range(4))


def test_the_blocks_of_the_shipped_recipe() -> None:
    assert [(b.start, b.stop) for b in blocks(180, 16, 2.0)] == [(0, 16), (16, 48), (48, 112), (112, 180)]
    assert [(b.start, b.stop) for b in blocks(10, 16, 2.0)] == [(0, 10)]
    assert [(b.start, b.stop) for b in blocks(20, 16, 2.0)] == [(0, 20)]


def test_a_standing_is_the_mean_paired_difference_over_rows_that_both_have() -> None:
    now = standing([1.0, 0.0, NAN, 1.0], [0.0, 0.0, 1.0, NAN])
    assert (now.gain, now.rows) == (0.5, 2)
    assert now.se == pytest.approx(math.sqrt((0.5 + 0.5) / 3 / 2))


def test_a_few_equal_rows_do_not_look_certain() -> None:
    assert standing([1.0] * 4, [1.0] * 4).se == pytest.approx(math.sqrt(0.5 / 5 / 4))


def test_no_row_in_common_is_no_standing() -> None:
    now = standing([NAN], [1.0])
    assert now.rows == 0
    assert math.isnan(now.gain)
    assert not promising(now, -9.0)


def test_a_challenger_is_promising_while_it_is_ahead_by_so_many_standard_errors() -> None:
    assert promising(Standing(0.2, 0.1, 16), 0.3)
    assert not promising(Standing(0.02, 0.1, 16), 0.3)
    assert not promising(Standing(-0.1, 0.1, 16), 0.0)
    assert promising(Standing(-0.1, 0.1, 16), -1.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0.01, 3))
def test_two_are_never_both_promising_against_each_other(pairs: list[tuple[float, float]], z: float) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    ahead, behind = standing(one, other), standing(other, one)
    assert ahead.gain == -behind.gain
    assert ahead.se == pytest.approx(behind.se)
    assert not (promising(ahead, z) and promising(behind, z))
