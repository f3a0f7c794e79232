"""One label out of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from topout.contracts import Scorer
from topout.domain import Example, Json, Score, Scored
from topout.errors import did_you_mean
from topout.scoring.answers import capped, shown, text_of

__all__ = ["key", "label", "label_problem"]

TRIMMED = " \t\r\n\"'`*_~#>.,:;!?()[]{}<|-–—“”„‘’«»"
LED_IN = re.compile(
    r"(?:the\s+)?(?:(?:final|correct|best)\s+)?(?:answer|label|category|intent|class|classification|output|result)"
    r"[\s*_\"'`]*(?:[:=]|->|→|\bis\b[ \t]*:?)(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
SENTENCE_WORDS = 4


def label(labels: Sequence[str], *, strict: bool = True) -> Scorer:
    """1 for the expected label, else 0.

    The answer has to be a label and nothing else, but for case, quotes, punctuation and markdown around it, and a lead-in like
    `answer: refund`. With `strict` off, a sentence that mentions exactly one of the labels counts as that label.
    Raises ValueError for fewer than two labels and for labels that only differ in what is not read.
    """
    if len(labels) < 2:
        raise ValueError("a label task needs at least two labels")
    known: dict[str, str] = {}
    for name in labels:
        if known.setdefault(key(name), name) != name:
            raise ValueError(f"the labels '{known[key(name)]}' and '{name}' differ only in case or punctuation")
    mention = re.compile(
        r"(?<!\w)(?:" + "|".join(re.escape(name) for name in sorted(labels, key=len, reverse=True)) + r")(?!\w)", re.IGNORECASE
    )

    def named(answer: str) -> str | None:
        found = known.get(key(answer))
        if found is None:
            led = LED_IN.fullmatch(answer.strip(TRIMMED))
            found = known.get(key(led["rest"])) if led else None
        if found is None and not strict:
            mentioned = {known.get(key(name)) for name in mention.findall(answer)}
            found = mentioned.pop() if len(mentioned) == 1 else None
        return found

    def score(answer: str, example: Example) -> Score:
        text, gold = capped(answer), text_of(example.expected)
        found = named(text)
        if found == gold:
            return Scored(1.0)
        start = f"expected '{gold}', "
        if found is not None:
            return Scored(0.0, f"{start}got '{found}'")
        if not text:
            return Scored(0.0, start + "got an empty answer")
        size = len(text.split())
        if size == 1 or (size < SENTENCE_WORDS and not mention.search(text)):
            return Scored(0.0, f"{start}got '{shown(text)}', which is not one of the labels")
        return Scored(0.0, f"{start}but the answer is a sentence, only the label was asked: '{shown(text)}'")

    return score


def label_problem(expected: Json, labels: Sequence[str]) -> str:
    """Why a row's expected value cannot be a label ('' when it can)."""
    text = text_of(expected)
    return "" if text in labels else f"label '{shown(text)}' is not in the list of labels.{did_you_mean(text, labels)}"


def key(text: str) -> str:
    """What of a label is read; a label of punctuation alone is read as it is."""
    return (text.strip(TRIMMED) or text.strip()).casefold()
