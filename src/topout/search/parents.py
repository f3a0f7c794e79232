"""Which member to build on."""

from __future__ import annotations

import random

from topout.contracts import History, Member

__all__ = ["draw_parent", "draw_partner"]


def draw_parent(history: History, rng: random.Random, champion_share: float) -> Member:
    """The champion with probability `champion_share`, else a member of the per-example Pareto frontier.

    A frontier draw takes a dev row at random and, among the members that do best on it, the better of two: so a member's chance grows with the
    rows that few others solve (GEPA, arXiv 2507.19457, section 3.2, with credit split among ties).
    """
    if rng.random() < champion_share or len(history.pool) == 1:
        return history.pool[history.champion]
    return history.pool[draw_holder(history, rng)]


def draw_holder(history: History, rng: random.Random) -> int:
    """A member of the frontier; the champion when nobody solves anything."""
    for _ in range(8):
        holders = history.holders[rng.randrange(len(history.holders))]
        if holders:
            pair = (rng.choice(holders), rng.choice(holders))
            return max(pair, key=lambda index: (history.pool[index].mean, -index))
    return history.champion


def draw_partner(history: History, rng: random.Random, parent: Member) -> Member | None:
    """A frontier member to merge with `parent`: of a few draws the one that solves most of what the parent does not.

    None when none of them solves anything that the parent misses.
    """
    best: Member | None = None
    most = 0.0
    for _ in range(4):
        other = history.pool[draw_holder(history, rng)]
        if other.candidate.id == parent.candidate.id:
            continue
        extra = sum(max(0.0, o - p) for o, p in zip(other.scores, parent.scores, strict=True) if o == o and p == p)
        if extra > most:
            best, most = other, extra
    return best
