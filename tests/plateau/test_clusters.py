"""Rows that belong together: intervals that count groups keep their promise, those that count rows do not."""

from __future__ import annotations

import random

import pytest

from topout.plateau.intervals import mean_interval, paired_gain


def grouped(rng: random.Random, groups: int, most: int) -> tuple[list[float], list[float], list[str]]:
    """Scores before and after on groups of 1 to `most` rows. All rows of a group are mostly right or mostly wrong, before (half of the groups) and
    after (0.6 of them, drawn anew): true means 0.5 and 0.58, true gain 0.08."""
    before, after, names = [], [], []
    for group in range(groups):
        old, new = (0.9 if rng.random() < 0.5 else 0.1), (0.9 if rng.random() < 0.6 else 0.1)
        for _ in range(rng.randint(1, most)):
            before.append(float(rng.random() < old))
            after.append(float(rng.random() < new))
            names.append(f"g{group}")
    return before, after, names


@pytest.mark.parametrize("groups", [30, 80])
def test_intervals_over_groups_hold_the_truth_as_often_as_promised(groups: int) -> None:
    trials, held, gained, ignoring = 600, 0, 0, 0
    for seed in range(trials):
        before, after, names = grouped(random.Random(seed), groups, 9)
        found, change = mean_interval(after, clusters=names), paired_gain(after, before, clusters=names).estimate
        plain = mean_interval(after)
        held += found.low <= 0.58 <= found.high
        gained += change.low <= 0.08 <= change.high
        ignoring += plain.low <= 0.58 <= plain.high
    assert 0.925 <= held / trials <= 0.98
    assert 0.925 <= gained / trials <= 0.98
    assert ignoring / trials < 0.85  # the same rows taken for independent
