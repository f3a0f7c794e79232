"""Fenced blocks: how texts are handed to a critic, and how its text is found in a reply."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Fence", "Proposal", "fenced", "first_fence", "read_proposal"]

OPENING = re.compile(r"(?P<indent>[ ]{0,3})(?P<fence>`{3,}(?=[^`]*$)|~{3,})[ \t]*+(?P<info>.*)")
RATIONALE = re.compile(r"[\s>*_#-]*rationale[*_]*[ \t]*:[*_]*[ \t]*(?P<text>.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block, with the text around it. `closed` is False when the text ended before the fence did (a cut reply)."""

    text: str
    info: str
    closed: bool
    before: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A critic's reply, read: the new text, why, and whether its fence was closed."""

    text: str
    rationale: str
    closed: bool


def fenced(text: str, info: str = "") -> str:
    """The text in a fence that is longer than any run of backticks in it, so that it cannot be closed from inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text}\n{fence}"


def first_fence(text: str) -> Fence | None:
    """The first fenced block of a text, None when there is none.

    As CommonMark reads it (a fence of three or more backticks or tildes is closed by one at least as long), with one difference: a
    fence of the same kind with an info string opens a block inside, as models write it, and takes a bare fence to close.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    for start, line in enumerate(lines):
        opening = OPENING.fullmatch(line)
        if opening is None:
            continue
        mark, size, indent = opening["fence"][0], len(opening["fence"]), len(opening["indent"])
        inside: list[str] = []
        depth = 0
        before = "\n".join(lines[:start])
        for number, inner in enumerate(lines[start + 1 :], start + 2):
            nested = OPENING.fullmatch(inner)
            if nested is not None and nested["fence"][0] == mark and len(nested["fence"]) >= size:
                if nested["info"]:
                    depth += 1
                elif depth:
                    depth -= 1
                else:
                    return Fence("\n".join(inside), opening["info"].rstrip(" \t"), True, before, "\n".join(lines[number:]))
            inside.append(inner[min(indent, len(inner) - len(inner.lstrip(" "))) :])
        return Fence("\n".join(inside), opening["info"].rstrip(" \t"), False, before)
    return None


def read_proposal(text: str) -> Proposal | None:
    """The parts of a critic's reply: its first fenced block and its rationale; None without a fenced block.

    The rationale is the line `Rationale: ...` (bold or as a list item too) ahead of the block or after it, else the first line ahead.
    """
    fence = first_fence(text)
    if fence is None:
        return None
    return Proposal(fence.text, rationale_of(fence), fence.closed)


def rationale_of(fence: Fence) -> str:
    """The rationale around a block, '' when there is none."""
    lines = [line.strip() for line in fence.before.split("\n") if line.strip()]
    for line in [*lines, *fence.after.split("\n")]:
        match = RATIONALE.fullmatch(line)
        if match is not None and match["text"].strip():
            return match["text"].strip()
    return lines[0] if lines else ""
