"""Finding telling phrases in examples, and counting what quoted phrases do."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from topout.models.embedded.features import STOP, stem, words

__all__ = ["hits", "lift", "mine"]

_TELLING = 3.0
_TOKEN = re.compile(r"[^\W_]+(?:['’][a-z]+)?")


def _spans(text: str) -> list[tuple[tuple[str, ...], str]]:
    """Stems and surface of runs of one to three content words, at most one stop word between two neighbours."""
    tokens = [(m.start(), m.end(), m[0]) for m in _TOKEN.finditer(text)]
    content = [
        (i, stem(w[-1])) for i, (_, _, t) in enumerate(tokens) if (w := words(t)) and w[0] not in STOP and not w[0].isdigit()
    ]
    found = []
    for at in range(len(content)):
        for size in (1, 2, 3):
            run = content[at : at + size]
            if len(run) == size and all(b[0] - a[0] <= 2 for a, b in itertools.pairwise(run)):
                surface = text[tokens[run[0][0]][0] : tokens[run[-1][0]][1]]
                if not re.search(r"[\n\"“”.!?;:]", surface) and len(surface) >= 3:
                    found.append((tuple(s for _, s in run), surface.lower()))
    return found


@lru_cache(maxsize=4096)
def _phrases(text: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """Spans of a text that are not all of it, each stems and surface: a run shows the critic the same rows over and over."""
    whole = len([w for w in words(text) if w not in STOP])
    return tuple({stems: surface for stems, surface in _spans(text) if len(stems) < whole or whole > 3}.items())


def mine(
    texts: Mapping[str, Sequence[str]], taken: Mapping[str, frozenset[str]], rng: random.Random, lone: float
) -> dict[str, list[str]]:
    """Phrases that tell each label's texts from those of the others, the best first.

    A phrase needs two texts of its label behind it, or one when no other label's text has any of its words and the draw allows
    (`lone` is that chance). `taken` are the stems that a label's line has already. No phrase is a whole text.
    """
    support: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    surface: dict[tuple[str, ...], str] = {}
    spread: Counter[tuple[str, ...]] = Counter()
    for label, group in texts.items():
        for text in group:
            for stems, written in _phrases(text):
                support[label][stems] += 1
                spread[stems] += 1
                surface.setdefault(stems, written)
    found: dict[str, list[str]] = {}
    total = sum(len(group) for group in texts.values())
    for label, counted in support.items():
        size = len(texts[label])
        ranked = []
        for stems, count in counted.items():
            others = spread[stems] - count
            if set(stems) <= taken.get(label, frozenset()) or (len(stems) == 1 and len(stems[0]) < 3):
                continue
            if count < 2 and (others or any(spread[s,] > counted[s,] for s in stems) or rng.random() > lone):
                continue
            odds = lift(count, size, others, total - size)
            if odds < _TELLING:
                continue
            known_elsewhere = sum(1 for name, stems_of in taken.items() if name != label and set(stems) <= stems_of)
            worth = count * math.log(odds) / (1 + known_elsewhere) * (1.15 if len(stems) == 2 else 1.0)
            ranked.append((worth * rng.uniform(0.8, 1.25), stems))
        ranked.sort(reverse=True)
        used: set[str] = set()
        chosen = []
        for _, stems in ranked:
            if not used & set(stems):
                used |= set(stems)
                chosen.append(surface[stems])
        found[label] = chosen
    return found


def lift(own: int, size: int, others: int, rest: int) -> float:
    """How much more often a phrase stands in a label's texts (`own` of `size`) than in the others (`others` of `rest`), smoothed."""
    return ((own + 0.3) / (size + 1)) / ((others + 0.3) / (rest + 1))


def hits(phrase: str, text: str) -> bool:
    """Whether the content words of a phrase all occur in the text."""
    wanted = _content(phrase)
    return bool(wanted) and wanted <= _stems(text)


@lru_cache(maxsize=16384)
def _content(phrase: str) -> frozenset[str]:
    """Stems of the content words of a phrase: a critique holds the same few against the same rows over and over."""
    return frozenset(stem(w) for w in words(phrase) if w not in STOP)


@lru_cache(maxsize=16384)
def _stems(text: str) -> frozenset[str]:
    """Stems of all words of a text."""
    return frozenset(stem(w) for w in words(text))
