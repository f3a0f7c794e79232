"""Fields of a text: every candidate is judged by where it stands, by the prompt's words and by the worked examples.

Without examples only the field's name, description and quoted phrases speak, against a small list of English business words. With
examples their contexts do: log odds of the places where values stood, and the nearest examples (by layout) most of all.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from topout.models.embedded.candidates import Candidate, candidates, context, number_of
from topout.models.embedded.features import kept, stem, words
from topout.models.embedded.fields import values_of
from topout.models.embedded.shapes import FieldSpec, Parsed

__all__ = ["Extractor", "Found", "equal_value"]

_KIN: Final = (
    "total grand sum payable pay pays due amount comes altogether overall",
    "date dated placed day raised",
    "number no nr num ref reference id code po",
    "customer client buyer billed bill sold company purchaser behalf ordered from account name",
    "delivery deliver delivered ship shipping shipped arrive arrival dispatch by",
    "supplier vendor seller sender",
    "address street city",
)
"""Words that stand for the same thing in business mails. This is all that a prompt without examples can lean on besides its own words."""

_NAME, _SAID, _HINT, _PHRASE = 1.0, 0.35, 0.45, 1.6
_NEAR: Final = 4
_LOCAL: Final = 6.0
_PLACES: Final = 0.25
_ENOUGH: Final = 5
_SPOKEN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """The best candidate for a field (None: absent), its score, and the part of it that the prompt's words account for."""

    candidate: Candidate | None
    score: float
    hint: float = 0.0


def equal_value(one: Candidate, value: object) -> bool:
    """Whether a candidate means the value that an example gives."""
    if isinstance(value, bool):
        return one.value == str(value).lower()
    if isinstance(value, int | float):
        number = number_of(one.written)
        return number is not None and abs(number - value) < 0.005
    return one.value == str(value) or one.written == str(value)


@dataclass(slots=True)
class _Lesson:
    """One worked example: its layout and, by field, the features of the place where the value stood (None: null was right)."""

    layout: frozenset[str]
    places: dict[str, frozenset[str] | None]


def _name_prior(one: Candidate, text: str) -> float:
    """How much a span looks like a name by its writing alone: capitals, a few words, no digits, no key of a `key: value` line."""
    parts = one.written.split()
    score = 0.2 if len(parts) > 1 and all(p[0].isupper() or len(p) < 4 for p in parts) else 0.0
    score -= 0.6 if text[one.end : one.end + 2].lstrip(" ")[:1] in (":", "=") else 0.0
    score -= 0.4 if any(c.isdigit() for c in one.written) else 0.0
    score -= 0.3 if not one.written[0].isupper() else 0.0
    return score - (0.4 if len(parts) > 6 else 0.0)


def _layout(text: str) -> frozenset[str]:
    marks = set()
    for number, line in enumerate(text.split("\n")):
        key = re.split(r"[:|=]", line, maxsplit=1)[0] if re.search(r"[:|=]", line) else ""
        if key and len(key) < 40:
            marks.add("k:" + re.sub(r"\d+", "9", key.strip().lower()))
        first = words(line)[:2]
        if first:
            marks.add("s:" + re.sub(r"\d+", "9", " ".join(first)))
            if number == 0:
                marks.add("0:" + re.sub(r"\d+", "9", first[0]))
        marks.add("p:" + re.sub(r"\w+", "", line)[:6])
    return frozenset(marks)


class Extractor:
    """The fields of one prompt, ready to be asked."""

    def __init__(self, parsed: Parsed) -> None:
        self.fields = parsed.fields
        self._hints = [self._hint_words(field) for field in parsed.fields]
        self._lessons: list[_Lesson] = []
        self._odds: list[dict[str, float]] = [{} for _ in parsed.fields]
        self._rare: dict[str, float] = {}
        self._limits: list[float | None] = [None] * len(parsed.fields)
        self._sure = [math.inf] * len(parsed.fields)
        self._nullable = [
            bool(re.search(r"\bnull\b|\bnone\b|if (?:any|given|present|stated)|optional|absent", f.description, re.I))
            for f in self.fields
        ]
        shown = [(shot.text, values) for shot in parsed.shots if (values := values_of(shot.output))]
        self._trust = _PLACES * len(shown) / (len(shown) + 4)
        if shown:
            self._learn(shown)

    def _hint_words(self, field: FieldSpec) -> dict[str, float]:
        name = [stem(w) for w in words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field.name))]
        weights: dict[str, float] = {}
        unquoted = re.sub(r"[\"“][^\"”]*[\"”]", " ", field.description)
        unquoted = re.split(r"\b(?:not|never|rather than|unless)\b", unquoted, maxsplit=1)[0]
        for word in kept(unquoted):
            weights[stem(word)] = _SAID
        for group in _KIN:
            kin = {stem(w) for w in group.split()}
            if kin & set(name):
                for word in kin:
                    weights[word] = max(weights.get(word, 0.0), _HINT)
        for word in name:
            weights[word] = _NAME
        return weights

    def _learn(self, shown: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        good: list[Counter[str]] = [Counter() for _ in self.fields]
        bad: list[Counter[str]] = [Counter() for _ in self.fields]
        spread: Counter[str] = Counter()
        for text, values in shown:
            lesson = _Lesson(_layout(text), {})
            spread.update(lesson.layout)
            for number, field in enumerate(self.fields):
                found = candidates(text, field.kind, field.options)
                if values.get(field.name) is None:
                    lesson.places[field.name] = None
                    self._nullable[number] = True
                right = [c for c in found if values.get(field.name) is not None and equal_value(c, values[field.name])]
                for one in found:
                    _, features = context(text, one, found)
                    (good if one in right else bad)[number].update(features)
                    if one in right and field.name not in lesson.places:
                        lesson.places[field.name] = frozenset(features)
            self._lessons.append(lesson)
        self._rare = {mark: 1 / count for mark, count in spread.items()}
        for number in range(len(self.fields)):
            plus, minus = good[number], bad[number]
            ups, downs = max(plus.values(), default=0) + 1, max(minus.values(), default=0) + 1
            self._odds[number] = {
                f: max(-2.5, min(2.5, math.log((plus[f] + 0.3) / ups) - math.log((minus[f] + 0.3) / downs)))
                for f in {*plus, *minus}
                if plus[f] + minus[f] > 1 or plus[f]
            }
        self._calibrate(shown)

    def _calibrate(self, shown: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Set each nullable field's limit between what nulls and values scored, each example judged without itself as a neighbour.
        With fewer than five of either the field's own words go on deciding, or a score nearer to a value's than to a null's."""
        seen: list[list[tuple[float, bool]]] = [[] for _ in self.fields]
        for skip, (text, values) in enumerate(shown):
            for number, found in enumerate(self._best(text, skip)):
                if self._nullable[number]:
                    seen[number].append((found.score, values.get(self.fields[number].name) is not None))
        for number, scores in enumerate(seen):
            present = sum(1 for _, is_value in scores if is_value)
            if present:
                lowest = min(score for score, is_value in scores if is_value)
                self._sure[number] = (lowest + max((score for score, is_value in scores if not is_value), default=lowest - 4)) / 2
            if min(present, len(scores) - present) >= _ENOUGH:
                cuts = sorted({score for score, _ in scores})
                tried = [(a + b) / 2 for a, b in itertools.pairwise(cuts)] or cuts
                self._limits[number] = min(tried, key=lambda cut: sum((score > cut) != is_value for score, is_value in scores))

    def _neighbours(self, text: str, skip: int) -> list[tuple[float, _Lesson]]:
        layout = _layout(text)
        near = []
        for number, lesson in enumerate(self._lessons):
            if number != skip:
                shared = math.fsum(self._rare.get(m, 1.0) for m in layout & lesson.layout)
                either = math.fsum(self._rare.get(m, 0.2) for m in layout | lesson.layout)
                near.append((shared / either if either else 0.0, lesson))
        near.sort(key=lambda pair: -pair[0])
        best = near[:_NEAR]
        return [(weight / (best[0][0] or 1.0) * min(1.0, 3 * best[0][0]), lesson) for weight, lesson in best]

    def _hint_score(self, number: int, left: Sequence[str], others: Sequence[int]) -> float:
        score = 0.0
        for place, word in enumerate(left):
            mine = self._hints[number].get(word, 0.0)
            theirs = max((self._hints[o].get(word, 0.0) for o in others), default=0.0)
            score += (mine - 0.7 * theirs if theirs > mine else mine if not theirs else mine * 0.5) / (1 + 0.35 * place)
        field = self.fields[number]
        joined = " " + " ".join(reversed(left)) + " "
        for sign, cues in ((1.0, field.cues), (-1.0, field.anti)):
            for cue in cues:
                stems = [stem(w) for w in words(cue)]
                if stems and f" {' '.join(stems)} " in joined:
                    score += sign * _PHRASE * (1.2 if left[: len(stems)] == stems[::-1] else 0.8)
        return score

    def _best(self, text: str, skip: int = -1) -> list[Found]:
        near = self._neighbours(text, skip)
        chosen: list[Found] = [Found(None, -9.0)] * len(self.fields)
        ranked: list[tuple[float, float, int, Candidate]] = []
        for number, field in enumerate(self.fields):
            found = candidates(text, field.kind, field.options)
            others = [o for o, other in enumerate(self.fields) if o != number and other.kind == field.kind]
            votes = Counter(c.value for c in found)
            odds = self._odds[number]
            for one in found:
                left, features = context(text, one, found)
                score = hint = self._hint_score(number, left, others)
                if field.kind in ("currency", "option"):
                    score += 0.1 * votes[one.value]
                if field.kind == "number" and re.search(r"[.,]\d\d$", one.written):
                    score += 0.2
                elif field.kind == "text":
                    score += _name_prior(one, text)
                if one.order == "mdy" and not odds:
                    score -= 0.05 if "$" not in text else -0.05
                score -= one.start * 1e-6
                if odds:
                    score += self._trust * sum(odds.get(f, 0.0) for f in features)
                    for weight, lesson in near:
                        place = lesson.places.get(field.name)
                        if place:
                            score += _LOCAL / _NEAR * weight * len(place.intersection(features)) / len(place)
                ranked.append((score, hint, number, one))
        ranked.sort(key=lambda entry: -entry[0])
        taken: dict[str, set[int]] = defaultdict(set)
        done: set[int] = set()
        for score, hint, number, one in ranked:
            kind = self.fields[number].kind
            if number not in done and one.start not in taken[kind]:
                done.add(number)
                taken[kind].add(one.start)
                chosen[number] = Found(one, score, hint)
        return chosen

    def extract(self, text: str) -> list[Found]:
        """One finding a field, in order. A field that may be absent is, when its best candidate scores below its limit."""
        return [Found(None, one.score) if self._absent(number, one) else one for number, one in enumerate(self._best(text))]

    def _absent(self, number: int, one: Found) -> bool:
        if not self._nullable[number]:
            return False
        limit = self._limits[number]
        return one.hint <= _SPOKEN and one.score < self._sure[number] if limit is None else one.score <= limit
