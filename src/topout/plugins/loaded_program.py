"""What programs of every kind share: how one is handed on, how its answer becomes text, and when its crashes mean that it is broken."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from topout.contracts import Program
from topout.domain import Prompt
from topout.errors import ProgramError, place
from topout.plugins.modules import Crash

__all__ = ["CRASHES", "Crashes", "LoadedProgram", "answer_text", "crashed"]

CRASHES = 8
"""So many rows on which the task's own prompt makes the program raise, and none on which it does not, are a mistake in the program."""


@dataclass(frozen=True, slots=True)
class LoadedProgram:
    """A program before it knows its prompt. `steps` is the prompt that it comes with, None when the task has to bring one (prompt.md). `made` is the
    program for a task whose own prompt is the argument. `state` is what DSPy loads of a module with a prompt."""

    kind: Literal["run", "dspy"]
    made: Callable[[Prompt], Program]
    steps: Prompt | None = None
    state: Callable[[Prompt], bytes] | None = None


class Crashes:
    """Tells a program that is broken from one that fails on some rows: by how the task's own prompt fares on the first rows of a session."""

    def __init__(self, path: Path, baseline: Prompt) -> None:
        self._path = path
        self._baseline = baseline
        self._met = 0
        self._came = False

    def watch(self, prompt: Prompt) -> bool:
        """Whether this prompt says something of the program itself."""
        return not self._came and prompt == self._baseline

    def came_through(self) -> None:
        self._came = True

    def met(self, crash: Crash, example: str) -> None:
        """One more row. Raises ProgramError when it is the last one to be excused."""
        self._met += 1
        if self._met >= CRASHES and not self._came:
            raise ProgramError(
                f"{place(self._path, crash.line)}: the program raised {crash.what} (example '{example}'), and raised on all of the first {CRASHES} "
                "rows with the task's own prompt. Mend it."
            ) from crash


def crashed(path: Path, crash: Crash) -> str:
    """What a program raised, for whoever mends the prompt: the name of the file, not where it lies."""
    return f"the program raised {crash.what} ({place(path.name, crash.line)})"


def answer_text(returned: object) -> str:
    """What a program returned as the text that the scorer gets. Raises ValueError for what is no answer."""
    if isinstance(returned, str):
        return returned
    if returned is None:
        raise ValueError("None, expected the answer")
    if isinstance(returned, Mapping):
        returned = dict(returned)
    try:
        return json.dumps(returned, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(f"a {type(returned).__name__}, expected a text or what JSON can hold") from None
