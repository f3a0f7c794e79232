"""Which member to build on."""

from __future__ import annotations

import random

from topout.contracts import History, Member

__all__ = ["draw_parent", "draw_partner", "newcomer"]

LATELY = 8


def draw_parent(history: History, rng: random.Random, champion_share: float) -> Member:
    """The champion with probability `champion_share`, else a member of the per-example Pareto frontier.

    A frontier draw takes a dev row at random and, among the members that do best on it, the better of two: so a member's chance grows with the
    rows that few others solve (GEPA, arXiv 2507.19457, section 3.2, with credit split among ties).
    """
    if rng.random() < champion_share or len(history.pool) == 1:
        return history.pool[history.champion]
    return history.pool[draw_holder(history, rng)]


def draw_holder(history: History, rng: random.Random) -> int:
    """A member of the frontier, by the rows that the champion was measured on; the champion when nobody solves any of them."""
    scores = history.pool[history.champion].scores
    total = sum(scores)
    rows = range(len(scores)) if total == total else [row for row, score in enumerate(scores) if score == score]
    for _ in range(8 if rows else 0):
        holders = history.holders[rng.choice(rows)]
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
        extra = sum([o - p for o, p in zip(other.scores, parent.scores, strict=True) if o > p])  # never so for nan
        if extra > most:
            best, most = other, extra
    return best


def newcomer(history: History) -> Member | None:
    """Right after a member has been kept: the best of the last `LATELY` members whose change the champion does not have, and that nobody has crossed with
    another yet. None at any other moment, when the champion descends from all of them, or came from no parent."""
    if not history.attempts or history.attempts[-1].outcome != "kept":
        return None
    recent = history.pool[-LATELY:]
    by_id = {member.candidate.id: member for member in history.pool}
    line: set[str] = set()
    waiting = [history.pool[history.champion].candidate.id]
    while waiting:
        one = waiting.pop()
        if one not in line and one in by_id:
            line.add(one)
            waiting += by_id[one].candidate.parents
    met = {name for a in history.attempts[-10 * LATELY :] if a.operator == "merge" for name in a.parents[1:]}
    found = [
        m
        for m in recent
        if m.candidate.parents and m.candidate.id not in line and m.candidate.id not in met and m.candidate.operator != "merge"
    ]
    return max(found, key=lambda m: m.mean, default=None)
