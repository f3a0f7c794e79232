"""Scores. Higher is better, always; an outage is not a wrong answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Score", "Scored", "Unscored"]

NO_PARTS: Mapping[str, float] = {}
"""One for all scores without parts: there may be millions of them."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A judged answer: `value` in [0, 1], `feedback` in words that a critic can use, `parts` by name where there are any."""

    value: float
    feedback: str = ""
    parts: Mapping[str, float] = field(default_factory=lambda: NO_PARTS)


@dataclass(frozen=True, slots=True)
class Unscored:
    """No judgement: the model did not answer (outage, budget, cut, filter). Counted and shown, never a 0."""

    reason: str


Score = Scored | Unscored
