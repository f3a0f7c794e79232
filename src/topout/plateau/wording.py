"""Figures in words: points, intervals, dollars and lists, as a product manager reads them. 1 point = 0.01 of score."""

from __future__ import annotations

import math
from collections.abc import Sequence

from topout.domain import Estimate

__all__ = ["calls", "chance", "dollars", "gain", "listed", "points", "quality"]


def points(value: float, signed: bool = False) -> str:
    """`12.4` for 0.124, `2` for 0.02; with a sign when asked."""
    shown = round(100 * value, 1) + 0.0
    text = f"{shown:.1f}"
    if not signed:
        return text.removesuffix(".0")
    return text if shown < 0 else f"+{text}"


def gain(estimate: Estimate) -> str:
    """`+12.4 points [8.1, 16.7], n = 360`."""
    if estimate.n == 0 or not math.isfinite(estimate.mean):
        return "not measured, n = 0"
    return f"{points(estimate.mean, True)} points [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}], n = {estimate.n}"


def quality(estimate: Estimate) -> str:
    """`71.3 % [66.2, 75.9], n = 360`."""
    if estimate.n == 0 or not math.isfinite(estimate.mean):
        return "not measured, n = 0"
    return f"{100 * estimate.mean:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}], n = {estimate.n}"


def chance(probability: float) -> str:
    """`4 %`; never 0 % or 100 %."""
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{100 * probability:.0f} %"


def calls(number: int) -> str:
    """`3,000`."""
    return f"{number:,}"


def dollars(amount: float) -> str:
    """`$1.20`; small sums keep two figures."""
    if amount >= 0.1 or amount == 0:
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= 0.001 or amount < 0 else f"${amount:.{1 - math.floor(math.log10(amount))}f}"


def listed(names: Sequence[str]) -> str:
    """`instructions`, `instructions and demos`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
