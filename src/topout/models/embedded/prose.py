"""What sentences say about labels: quoted phrases for and against, "Use X when ...", "if ..., the answer is X"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

__all__ = ["named_in_prose", "phrases", "sentences", "speaks_of", "without_others"]

_QUOTED: Final = re.compile(r"[\"“]([^\"“”\n]{2,80})[\"”]|(?<![\w'])[‘']([^'‘’\n]{3,80})[’'](?!\w)")
_AGAINST: Final = re.compile(r"\b(?:not|rather than|instead of|unless|never|except|but no)\b", re.I)
_CLAUSE: Final = re.compile(r"[.;]|,\s*but\b", re.I)
_SENTENCE: Final = re.compile(r"(?<=[.!?;])\s+|\n+")
_NAME: Final = r"[`\"“'*]*(?P<{0}>[A-Za-z][\w-]*(?:[ ][\w-]+){{0,3}}?)[`\"”'*]*"
_PROSE: Final = (
    re.compile(
        r"\b(?:use|choose|pick|select|label|return|assign|answer|reply|output|mark)(?: it)?(?: as| with)? "
        + _NAME.format("n")
        + r",? (?:when|if|for|whenever|where)\b",
        re.I,
    ),
    re.compile(
        r"\b(?:answer|label|category|intent|class|output)(?: then)? (?:is|should be|must be|will be) "
        + _NAME.format("n")
        + r"(?=[.,;:)\s]|$)",
        re.I,
    ),
    re.compile(r"(?:,|\bthen) (?:answer|use|choose|pick|return|it is|it's) " + _NAME.format("n") + r"(?=[.,;)]|$)", re.I),
)


def phrases(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The quoted phrases of a text: those that speak for its subject, and those after "not", "rather than", "unless" ..."""
    cues: list[str] = []
    anti: list[str] = []
    for match in _QUOTED.finditer(text):
        before = text[max(0, match.start() - 600) : match.start()]
        cuts = [cut.end() for cut in _CLAUSE.finditer(before)]
        against = _AGAINST.search(before[cuts[-1] if cuts else 0 :])
        (anti if against else cues).append((match[1] or match[2]).strip())
    return tuple(cues), tuple(anti)


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, blanks dropped."""
    return [part.strip(" -*•\t") for part in _SENTENCE.split(text) if part.strip(" -*•\t")]


def named_in_prose(text: str) -> list[str]:
    """Names that sentences define ("Use `x` when ..."). A bare lower-case word counts only in code spelling or quoted."""
    found: dict[str, None] = {}
    for pattern in _PROSE:
        for match in pattern.finditer(text):
            name = match["n"]
            quoted = text[match.start("n") - 1 : match.start("n")] in ("`", '"', "“", "'", "*")
            if quoted or "_" in name or re.fullmatch(r"[a-z]+(?:-[a-z]+)+|[A-Za-z]+\d+", name):
                found.setdefault(name)
    return list(found)


@lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    longest = sorted(names, key=len, reverse=True)
    return re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(n) for n in longest) + r")(?![\w-])", re.I)


def speaks_of(sentence: str, names: Sequence[str]) -> list[str]:
    """The labels that a sentence speaks for: those that it names outside "not ...", "rather than ..." clauses, as spelled in `names`."""
    if not names:
        return []
    spelled = {name.lower(): name for name in names}
    found: dict[str, None] = {}
    for match in _names(tuple(names)).finditer(sentence):
        before = sentence[max(0, match.start() - 300) : match.start()]
        cuts = [cut.end() for cut in re.finditer(r"[.;:,]|\bbut\b", before)]
        if not _AGAINST.search(before[cuts[-1] if cuts else 0 :]):
            found.setdefault(spelled[match[0].lower()])
    return list(found)


def without_others(text: str, names: Iterable[str], own: str) -> str:
    """The text without quoted phrases and without "not other_label" clauses, so that no label scores with another one's words."""
    text = _QUOTED.sub(" ", text)
    others = [n for n in names if n.lower() != own.lower()]
    if not others:
        return text
    kept = []
    for clause in re.split(r"(?<=[.;,])", text):
        match = _names(tuple(others)).search(clause)
        if match is None:
            kept.append(clause)
        else:
            against = _AGAINST.search(clause)
            kept.append(clause[: min(match.start(), against.start() if against else len(clause))])
    return " ".join(kept)
