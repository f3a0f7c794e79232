"""Rows whose label is worth a look: no good candidate ever solved them.

A list to read, and no more: in simulated runs the share of such rows says nothing of how many labels are wrong (correlation -0.05), for rows that are
only hard are never solved either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["GOOD_SHARE", "LEAST_GOOD", "SOLVED", "suspects"]

GOOD_SHARE = 0.5
"""Good are the better half, by mean score, of the candidates that were scored on (nearly) every row."""

LEAST_GOOD = 3
"""With fewer good candidates nothing is said: one prompt's failures are not suspect."""

NEARLY = 0.9
"""So large a part of the rows must have a score."""

SOLVED = 0.5
"""A row is solved by a score of at least this."""


def suspects(ids: Sequence[str], scores: Mapping[str, Sequence[float]]) -> tuple[str, ...]:
    """The ids of the rows that no good candidate solved, in the order of `ids`.

    `scores` holds a score a row by candidate (nan where there is none). A row without a score of any good candidate is not suspect.
    """
    known = {c: [s for s in row if math.isfinite(s)] for c, row in scores.items()}
    whole = {c: math.fsum(v) / len(v) for c, v in known.items() if v and len(v) >= NEARLY * len(ids)}
    ranked = sorted(whole, key=lambda c: (-whole[c], c))
    good = ranked[: math.ceil(GOOD_SHARE * len(ranked))]
    if len(good) < LEAST_GOOD:
        return ()
    found = []
    for place, example in enumerate(ids):
        mine = [s for c in good if math.isfinite(s := scores[c][place])]
        if mine and max(mine) < SOLVED:
            found.append(example)
    return tuple(found)
