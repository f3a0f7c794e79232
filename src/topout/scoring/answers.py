"""What all scorers share: how an answer is read and how values are shown in feedback."""

from __future__ import annotations

import json

from topout.domain import Json

__all__ = ["ANSWER_CAP", "capped", "shown", "text_of", "texts_of"]

ANSWER_CAP = 100_000
"""Characters of an answer that are read; what follows is ignored, so that a runaway answer costs no minutes."""


def capped(answer: str) -> str:
    """The part of an answer that is judged, without white space around it."""
    return answer[:ANSWER_CAP].strip()


def text_of(value: Json) -> str:
    """A value as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def texts_of(expected: Json) -> tuple[str, ...]:
    """The accepted texts: each item of a list, else the one value."""
    return tuple(text_of(item) for item in expected) if isinstance(expected, list) else (text_of(expected),)


def shown(value: Json, limit: int = 80) -> str:
    """A value for feedback: one line, cut at `limit` characters."""
    line = " ".join(text_of(value).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
