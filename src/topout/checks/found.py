"""What a check of a task comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from topout.contracts import Scorer
from topout.domain import SPLITS, Example, Split, Task

__all__ = ["Found", "Severity", "Subject", "counted"]

Severity = Literal["error", "warning", "note"]


def counted(n: int, one: str, many: str) -> str:
    """`1 row has`, `3 rows have`."""
    return f"{n:,} {one if n == 1 else many}"


@dataclass(frozen=True, slots=True)
class Found:
    """One finding. An `error` makes the figures of a run wrong, a `warning` is probably not meant, a `note` is good to know.

    `check` is its name (kebab case, stable), `where` a file with its line (of a split its first row's); `text` what was found with its figure;
    `remedy` what to do.
    """

    severity: Severity
    check: str
    where: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: a task, its scorer, and where each row stands (`path:line` by example id). `prompt_path` and `prompt_lines` are the baseline's file,
    `scorer_place` is the line that names the scorer."""

    task: Task
    scorer: Scorer
    places: Mapping[str, str]
    delta: float = 0.02
    prompt_path: str = "prompt.md"
    prompt_lines: tuple[str, ...] = ()
    scorer_place: str = "task.toml"

    def place(self, example: Example) -> str:
        """The file and line of a row."""
        return self.places.get(example.id, f"example '{example.id}'")

    def begins(self, split: Split) -> str:
        """The file and line of a split's first row."""
        rows = self.task.rows(split)
        return self.place(rows[0]) if rows else split

    def located(self) -> list[tuple[Split, Example]]:
        """All rows in the order of the splits."""
        return [(split, example) for split in SPLITS for example in self.task.rows(split)]
