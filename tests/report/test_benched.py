"""Who won a bench, and when nobody did."""

from __future__ import annotations

import random

import pytest

from topout.plateau.crossed import crossed_gain
from topout.report.benched import Entry, who_won
from topout.report.comparison import Difference
from topout.report.findings import RoleSpend


def entry(recipe: str) -> Entry:
    gain = crossed_gain([[0.1] * 20] * 3)
    return Entry(recipe, ("a", "b", "c"), gain.estimate, gain, 0.7, RoleSpend(), 10.0, 1.0, None, 0)


def difference(one: str, other: str, by: float) -> Difference:
    rng = random.Random(1)
    gain = crossed_gain([[by + rng.gauss(0, 0.05) for _ in range(60)] for _ in range(3)])
    return Difference(one, other, gain, "one" if gain.estimate.high < 0 else "none")


@pytest.mark.parametrize(
    ("gaps", "seeds", "said"),
    [
        ((-0.3, -0.4), 3, "evolve won: it is better than gepa and mipro, and the difference is real."),
        ((0.0, -0.4), 3, "evolve scored best: it is really better than mipro; no real difference to gepa is shown."),
        (
            (0.0, 0.0),
            3,
            "No winner: evolve scored best, but no difference to gepa and mipro is shown to be real. 3 seeds on these rows",
        ),
        ((-0.3, -0.4), 1, "evolve found a better prompt than gepa and mipro, and the difference is real; one seed says nothing"),
    ],
)
def test_the_winner_is_named_with_what_is_shown(gaps: tuple[float, float], seeds: int, said: str) -> None:
    entries = [entry("evolve"), entry("gepa"), entry("mipro")]
    differences = [difference("evolve", "gepa", gaps[0]), difference("evolve", "mipro", gaps[1]), difference("gepa", "mipro", 0.0)]
    assert who_won(entries, differences, seeds).startswith(said)
