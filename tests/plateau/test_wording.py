"""Figures in words."""

from __future__ import annotations

import pytest

from topout.plateau.wording import dollars


@pytest.mark.parametrize(
    ("amount", "told"),
    [(0.0, "$0.00"), (1234.5, "$1,234.50"), (0.1, "$0.10"), (0.0234, "$0.023"), (0.00042, "$0.00042"), (0.00004, "$0.000040")],
)
def test_small_sums_keep_two_figures_and_are_never_written_with_an_exponent(amount: float, told: str) -> None:
    assert dollars(amount) == told
