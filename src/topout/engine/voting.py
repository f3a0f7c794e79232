"""Self-consistency: several answers are drawn, and the one that most agree on counts (Wang et al. 2022, arXiv 2203.11171)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from topout.scoring.labels import LED_IN, TRIMMED, key
from topout.scoring.numbers import read_number

__all__ = ["VOTING_TEMPERATURE", "alike", "majority"]

VOTING_TEMPERATURE = 0.7
"""At which answers are drawn where the task's own temperature is 0: there, all of them would be one."""


def majority(answers: Sequence[str], scorer: str) -> str:
    """The first of the answers that most others equal, as the scorer of that name reads them; of equally many, those that came first. Raises ValueError
    without answers."""
    if not answers:
        raise ValueError("no answers to choose from")
    read = [alike(answer, scorer) for answer in answers]
    counts = Counter(read)
    return answers[max(range(len(read)), key=lambda i: (counts[read[i]], -i))]


def alike(answer: str, scorer: str) -> str:
    """What equal answers share: numbers by value, labels without case and punctuation around them, JSON in one spelling, texts but for white space and case."""
    body = answer.strip()
    match scorer:
        case "numeric":
            number = read_number(body)
            return body if number is None else f"{number:.12g}"
        case "label":
            led = LED_IN.fullmatch(body.strip(TRIMMED))
            return key(led["rest"] if led else body)
        case _:
            try:
                return json.dumps(json.loads(body), sort_keys=True)
            except (ValueError, RecursionError):
                return " ".join(body.split()).casefold()
