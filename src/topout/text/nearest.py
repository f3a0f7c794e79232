"""The rows that are most like an input, by the words that they share: Okapi BM25 (Robertson & Zaragoza 2009, equation 3.15).

Written here: of the two libraries for it, rank-bm25 is not kept up and bm25s brings numpy code without types; it is thirty lines.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from topout.domain import Example

__all__ = ["Nearest"]

WORD = re.compile(r"\w+")
SATURATION = 1.2
LENGTH = 0.75


class Nearest:
    """An index over rows. Ties go to the earlier row, so that equal rows are found in one order everywhere."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self._rows = rows
        texts = [Counter(words_of(row.inputs)) for row in rows]
        sizes = [sum(text.values()) for text in texts]
        usual = max(1.0, sum(sizes) / max(1, len(sizes)))
        self._found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, (text, size) in enumerate(zip(texts, sizes, strict=True)):
            for word, times in text.items():
                self._found[word].append(
                    (place, times * (SATURATION + 1) / (times + SATURATION * (1 - LENGTH + LENGTH * size / usual)))
                )

    def to(self, example: Example, most: int) -> list[Example]:
        """The `most` rows that are most like the example, the most alike first: never the example itself nor a row of its group. Rows that share no
        word with it come last, in their order."""
        scores: dict[int, float] = defaultdict(float)
        total = len(self._rows)
        for word in dict.fromkeys(words_of(example.inputs)):
            found = self._found.get(word, ())
            rarity = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for place, weight in found:
                scores[place] += rarity * weight
        order = sorted(range(total), key=lambda place: (-scores.get(place, 0.0), place))
        apart = (self._rows[place] for place in order)
        chosen = (row for row in apart if row.id != example.id and not (row.group and row.group == example.group))
        return [row for row, _ in zip(chosen, range(most), strict=False)]


def words_of(inputs: Mapping[str, str]) -> list[str]:
    return [word for text in inputs.values() for word in WORD.findall(text.casefold())]
