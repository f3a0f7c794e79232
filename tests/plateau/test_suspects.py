"""Rows that no good candidate solved."""

from __future__ import annotations

import math

from topout.plateau.suspects import suspects

IDS = ["a", "b", "c", "d"]
GOOD = {"one": [1.0, 1.0, 0.0, 0.4], "two": [1.0, 0.0, 0.0, 0.3], "three": [1.0, 1.0, 0.0, 0.0]}
BAD = {"four": [0.0, 0.0, 1.0, 0.0], "five": [0.0, 0.0, 0.0, 0.0], "six": [0.0, 0.0, 0.0, 0.0]}


def test_what_the_better_half_never_solved_is_suspect_whatever_the_worse_half_did() -> None:
    assert suspects(IDS, {**BAD, **GOOD}) == ("c", "d")


def test_half_a_score_solves_a_row() -> None:
    assert suspects(IDS, {**BAD, **GOOD, "one": [1.0, 1.0, 0.0, 0.5]}) == ("c",)


def test_fewer_than_three_good_candidates_say_nothing() -> None:
    assert suspects(IDS, GOOD) == ()
    assert suspects(IDS, {}) == ()


def test_candidates_that_met_few_rows_do_not_count() -> None:
    part = [0.0, math.nan, math.nan, math.nan]
    assert suspects(IDS, {**BAD, **GOOD, **{f"part{i}": part for i in range(9)}}) == ("c", "d")


def test_a_row_that_nobody_was_scored_on_is_not_suspect() -> None:
    ids = [f"r{i}" for i in range(20)]
    row = [math.nan, *[1.0] * 18, 0.0]
    assert suspects(ids, {f"c{i}": row for i in range(6)}) == ("r19",)
