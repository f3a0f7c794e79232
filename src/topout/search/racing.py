"""The race: a challenger meets its parent on the same dev rows, in growing blocks, and is dropped as soon as it does not look better.

A race decides what is worth more calls, never what is reported: the figures that a person sees come from the holdout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Standing", "blocks", "first_rows", "promising", "standing"]

GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Standing:
    """Mean paired difference challenger - parent, its standard error, over `rows` rows scored for both."""

    gain: float
    se: float
    rows: int


def first_rows(rows: int, wanted: int) -> list[int]:
    """The first `wanted` of 0..rows-1 in an order that is the same for all races over so many rows and spreads evenly over the file.

    Steps of a golden share of the rows: however few are taken, they come from all parts, and whoever takes more takes those too. A file sorted by answer is met in
    its own proportions.
    """
    step = max(1, round(GOLDEN * rows))
    while math.gcd(step, rows) > 1:
        step += 1
    return [k * step % rows for k in range(min(wanted, rows))]


def blocks(rows: int, first: int, growth: float) -> list[slice]:
    """Slices of 0..rows that grow by `growth` from `first` rows; the last takes what is left."""
    out: list[slice] = []
    start, size = 0, float(first)
    while start < rows:
        end = min(rows, start + max(1, int(size)))
        if rows - end < size / 2:
            end = rows
        out.append(slice(start, end))
        start, size = end, size * growth
    return out


def standing(challenger: Sequence[float], parent: Sequence[float]) -> Standing:
    """How the challenger stands after these rows; nan scores on either side leave the row out.

    The standard error counts one pseudo-row of each sign at half a point of score, so that a few equal rows do not look certain.
    """
    differences = [c - p for c, p in zip(challenger, parent, strict=True) if c == c and p == p]
    n = len(differences)
    if not n:
        return Standing(math.nan, math.nan, 0)
    mean = math.fsum(differences) / n
    squares = math.fsum((d - mean) ** 2 for d in differences) + 0.5
    return Standing(mean, math.sqrt(squares / (n + 1) / n), n)


def promising(now: Standing, z: float) -> bool:
    """Whether the challenger is ahead of its parent by at least `z` standard errors (behind by no more, when z is negative)."""
    return now.rows > 0 and now.gain >= z * now.se
