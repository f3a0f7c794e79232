"""The one exception tree.

Every message reads *where: what was found, what was expected. What to do.* Outages, budget ends and refusals by a model are
values (`topout.domain.Failure`), not exceptions: an exception here means that the user, the code of a plug-in or the disk has
to be told something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

__all__ = [
    "JournalError",
    "ModelError",
    "OptimizerError",
    "ProgramError",
    "ScorerError",
    "StoppedError",
    "StoreError",
    "TopoutError",
    "UserError",
    "did_you_mean",
    "place",
]


LINE_ENDS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


class TopoutError(Exception):
    """Base of all errors that topout raises on purpose: one line, whatever foreign text (a column's name, a provider's words) stands in it. `exit_code` is
    what the command line returns for it."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(LINE_ENDS.sub(" ", message))


class UserError(TopoutError):
    """Something that the user wrote or asked for is wrong: a file, a row, a setting, a model's name, a missing key."""


class ScorerError(UserError):
    """A scorer raised, or returned something that is not a score in [0, 1]."""


class OptimizerError(UserError):
    """An optimizer of the user's own raised, or returned something that the contract does not know."""


class ProgramError(UserError):
    """A task's program fails on every row with the prompt that the task brought, or is none that can be run."""


class StoreError(UserError):
    """The disk refused: read-only folder, no space left, a file where a folder should be."""


class ModelError(TopoutError):
    """A model could not be used at all (its provider is down for good, access was withdrawn in mid-run)."""

    exit_code = 3


class JournalError(TopoutError):
    """A run's journal is damaged, of another schema, held by another process, or does not fit the task as it is now."""

    exit_code = 4


class StoppedError(TopoutError):
    """The user asked for an end before there was anything to report."""

    exit_code = 130


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """A sentence with the nearest valid name, led by a space, or with the valid names when none is near; empty without any."""
    names = list(known)
    near = get_close_matches(found, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean '{near[0]}'?"
    if not names:
        return ""
    return f" Valid: {', '.join(names[:24])}{', ...' if len(names) > 24 else ''}."


def place(path: Path | str, line: int | None = None) -> str:
    """`path:line` as editors read it, or the path alone."""
    return f"{path}:{line}" if line is not None else str(path)
