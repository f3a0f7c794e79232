"""Scoring labels for a question: words, pairs and letter groups against what the prompt says about each label.

The formula and its constants were measured on two public corpora of bank intents before any bundled task existed; see the
module `topout.models.embedded` for what that means.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from topout.models.embedded.features import BIGRAM_WEIGHT, CHAR_WEIGHT, STEM_WEIGHT, grams, kept, stem, words
from topout.models.embedded.prose import without_others
from topout.models.embedded.shapes import Parsed

__all__ = ["Index"]

_KINDS: Final = {"name": 2.0, "definition": 1.5, "rule": 0.75, "cue": 1.0, "shot": 1.0}
_CUE: Final = 0.12
_ANTI: Final = 0.06
_REACH: Final = 0.6
_MOST_CACHED: Final = 20_000


class Index:
    """The labels of one prompt, ready to be asked. Safe to share: calls only fill a cache of word scores."""

    def __init__(self, parsed: Parsed, small: bool = False) -> None:
        self.names = tuple(label.name for label in parsed.labels)
        self._small = small
        self._places: dict[str, list[tuple[int, float]]] = {}
        self._weights: dict[str, float] = {}
        self._cached: dict[str, tuple[float, tuple[tuple[int, float], ...]]] = {}
        self._cues: dict[str, list[tuple[tuple[str, ...], int, float]]] = defaultdict(list)
        counts = [self._counts(parsed, number) for number in range(len(self.names))]
        self._weigh(counts)
        if not small:
            self._add_cues(parsed)

    def _features(self, text: str) -> Iterable[str]:
        if self._small:
            return words(text)
        found = kept(text)
        stems = [stem(word) for word in found]
        pairs = [f"{a} {b}" for a, b in itertools.pairwise(stems)]
        return [*(f"={s}" for s in stems), *pairs, *(f"~{g}" for word in found for g in grams(word))]

    def _kind_weight(self, feature: str) -> float:
        if self._small:
            return STEM_WEIGHT
        return {"=": STEM_WEIGHT, "~": CHAR_WEIGHT}.get(feature[0], BIGRAM_WEIGHT)

    def _counts(self, parsed: Parsed, number: int) -> dict[str, float]:
        label = parsed.labels[number]
        lower = label.name.lower()
        sources = {
            "name": (label.name,),
            "definition": (without_others(label.definition, self.names, label.name),),
            "rule": tuple(without_others(rule, self.names, label.name) for rule in label.rules),
            "cue": label.cues,
            "shot": tuple(s.text for s, a in zip(parsed.shots, parsed.answers, strict=True) if a.lower() == lower),
        }
        total: dict[str, float] = defaultdict(float)
        for kind, texts in sources.items():
            seen = Counter(f for text in texts for f in self._features(text))
            for feature, count in seen.items():
                total[feature] += _KINDS[kind] * (1 + math.log(count))
        return total

    def _weigh(self, counts: list[dict[str, float]]) -> None:
        spread = Counter(feature for one in counts for feature in one)
        size = len(counts)
        norms = []
        for number, one in enumerate(counts):
            square = 0.0
            for feature, count in one.items():
                if self._small:
                    weight = count
                else:
                    rare = 1 + math.log((1 + size) / (1 + spread[feature]))
                    weight = math.log1p(count) * rare * self._kind_weight(feature)
                    self._weights[feature] = rare * self._kind_weight(feature)
                square += weight * weight
                self._places.setdefault(feature, []).append((number, weight))
            norms.append(math.sqrt(square))
        mean = sum(norms) / size if size else 1.0
        scale = [1 / (norm**0.8 * mean**0.2) if norm else 0.0 for norm in norms]
        self._places = {f: [(n, w * scale[n]) for n, w in places] for f, places in self._places.items()}
        self._unknown = 1 + math.log(1 + size)

    def _add_cues(self, parsed: Parsed) -> None:
        found: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
        for number, label in enumerate(parsed.labels):
            for sign, cues in ((1, label.cues), (-1, label.anti)):
                for cue in cues:
                    stems = tuple(stem(word) for word in kept(cue))
                    if stems:
                        found[stems].append((number, sign))
        for stems, holders in found.items():
            share = sum(1 for _, sign in holders if sign > 0)
            for number, sign in holders:
                weight = (1.0 if len(stems) > 1 else 0.6) / (max(share, 1) if sign > 0 else 1)
                self._cues[stems[0]].append((stems, number, sign * weight))

    def _feature_score(self, features: Iterable[str]) -> tuple[float, tuple[tuple[int, float], ...]]:
        square = 0.0
        sums: dict[int, float] = defaultdict(float)
        for feature in features:
            weight = 1.0 if self._small else self._weights.get(feature, 0.0)
            if not weight:
                weight = self._unknown * self._kind_weight(feature)
            square += weight * weight
            for number, value in self._places.get(feature, ()):
                sums[number] += weight * value
        return square, tuple(sums.items())

    def _word(self, word: str) -> tuple[float, tuple[tuple[int, float], ...]]:
        known = self._cached.get(word)
        if known is None:
            if len(self._cached) >= _MOST_CACHED:
                self._cached.clear()
            features = [word] if self._small else [f"={stem(word)}", *(f"~{g}" for g in grams(word))]
            known = self._cached[word] = self._feature_score(features)
        return known

    def scores(self, question: str) -> list[float]:
        """One score a label, in the order of `names`; higher is better. The scale suits the temperature, nothing else."""
        found = words(question) if self._small else kept(question)
        totals = [0.0] * len(self.names)
        square = 0.0
        stems = [] if self._small else [stem(word) for word in found]
        parts = [self._word(word) for word in dict.fromkeys(found)]
        for pair in dict.fromkeys(f"{a} {b}" for a, b in itertools.pairwise(stems)):
            if pair in self._places:
                parts.append(self._feature_score((pair,)))
            else:
                square += (self._unknown * BIGRAM_WEIGHT) ** 2
        for part, values in parts:
            square += part
            for number, value in values:
                totals[number] += value
        if square:
            norm = math.sqrt(square)
            totals = [value / norm for value in totals]
        if self._cues:
            self._add_cue_scores(stems, totals)
        return totals

    def _add_cue_scores(self, stems: list[str], totals: list[float]) -> None:
        misses: dict[tuple[int, bool], float] = {}
        hit: set[tuple[tuple[str, ...], int]] = set()
        for at, first in enumerate(stems):
            for cue, number, weight in self._cues.get(first, ()):
                if (cue, number) not in hit and _stands_at(cue, stems, at):
                    hit.add((cue, number))
                    key = number, weight > 0
                    misses[key] = misses.get(key, 1.0) * (1 - _REACH * abs(weight))
        for (number, positive), miss in misses.items():
            totals[number] += _CUE * (1 - miss) if positive else -_ANTI * (1 - miss)


def _stands_at(cue: tuple[str, ...], stems: list[str], at: int) -> bool:
    """Whether a phrase begins at that place, with at most one foreign word between two of its own."""
    for wanted in cue[1:]:
        if at + 1 < len(stems) and stems[at + 1] == wanted:
            at += 1
        elif at + 2 < len(stems) and stems[at + 2] == wanted:
            at += 2
        else:
            return False
    return True
