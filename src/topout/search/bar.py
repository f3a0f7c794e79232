"""What a challenger is held against on each dev row: what its parent is expected to score there, rather than what it happened to score once.

A parent was kept because it did well, so its own scores flatter it, and an answer that another wording would flip says little. So its score on a row is
shrunken towards what the pool makes of the row (`History.ease`) at the parent's level, and its level towards that of the one that it was made from. A row that
the parent was not measured on has a bar too. It serves decisions alone: nothing that is reported is measured against it.

A parent that was lucky on few rows would set a bar that nobody reaches, and stay champion for that alone. So one that drops challenger after challenger is
believed less and less, as long as it was not measured on all rows of the race. The first challenger that stays to the end has it measured there.
"""

from __future__ import annotations

import math

from topout.contracts import History, Member
from topout.search.racing import first_rows

__all__ = ["bar_of"]


def bar_of(parent: Member, history: History, rows: int, pooled: float, trust: float, patience: int = 0) -> tuple[float, ...]:
    """A bar for the first `rows` dev rows (0: all) in the order of races, nan for the others.

    `pooled` is the weight of the pool's view of a row against the parent's own score; `trust` is the share of the parent's lead over its own parent that
    is believed. `patience` is after how many dropped challengers one after the other only half of its lead over the baseline is believed, where rows of it
    are lacking (0: it always is). Empty when nothing is pooled."""
    if pooled <= 0 or not history.ease:
        return ()
    level, scores, ease = parent.level, parent.scores, history.ease
    names = parent.candidate.parents[:1]
    above = next((m for m in reversed(history.pool) if m.candidate.id in names), None)
    if above is not None:
        level = above.level + trust * (level - above.level)
    bar = [math.nan] * len(scores)
    raced = first_rows(len(bar), rows or len(bar))
    if patience and any(scores[row] != scores[row] for row in raced):
        floor = history.pool[0].level
        level = floor + (level - floor) * 0.5 ** (dropped(parent, history) // patience)
    for row in raced:
        expected, own = ease[row] + level, scores[row]
        bar[row] = expected if own != own else pooled * expected + (1 - pooled) * own
    return tuple(bar)


def dropped(parent: Member, history: History) -> int:
    """How many of its challengers were dropped since the last one that was kept, or since it came."""
    count, name = 0, parent.candidate.id
    for attempt in reversed(history.attempts):
        if attempt.parents[:1] == (name,):
            if attempt.outcome == "kept":
                break
            count += attempt.outcome == "dropped"
        elif attempt.candidate is not None and attempt.candidate.id == name:
            break
    return count
