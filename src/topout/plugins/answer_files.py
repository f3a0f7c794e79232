"""Files of answers to a task's rows, a line each: `{"id": "a row's id", "answer": "..."}`, with a score where people gave one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from topout.config.toml_files import read_text
from topout.domain import Json
from topout.errors import UserError, place

__all__ = ["AnswerLine", "read_answers"]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A line of such a file. `where` is its place, for a message; `score` is None where there is none."""

    example: str
    answer: str
    score: float | None
    where: str


def read_answers(path: Path, scored: bool = False) -> list[AnswerLine]:
    """All lines, in order; `scored`: each has to have a score. Raises UserError with path and line."""
    found = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = place(path, number)
        try:
            said: Json = json.loads(line)
        except (ValueError, RecursionError):
            raise UserError(f"{where}: no JSON object.") from None
        match said:
            case {"id": str() as name, "answer": str() as answer, "score": int() | float() as score} if not isinstance(score, bool):
                found.append(AnswerLine(name, answer, score, where))
            case {"id": str() as name, "answer": str() as answer} if not scored:
                found.append(AnswerLine(name, answer, None, where))
            case _:
                more = ', "score": a number' if scored else ""
                raise UserError(f'{where}: expected {{"id": "a row\'s id", "answer": "..."{more}}}.')
    return found
