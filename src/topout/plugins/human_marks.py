"""Answers that people marked: what a judge is held against."""

from __future__ import annotations

from dataclasses import dataclass

from topout.config.task_file import JudgeScorer, TaskFile
from topout.config.toml_files import check_toml, line_of, read_text
from topout.domain import Example
from topout.errors import UserError, place
from topout.plugins.answer_files import read_answers
from topout.plugins.modules import code_file
from topout.plugins.tasks import TaskFolder

__all__ = ["Marked", "read_marks"]


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer to a row, and what people gave it, in [0, 1]."""

    example: Example
    answer: str
    score: float


def read_marks(loaded: TaskFolder) -> tuple[Marked, ...]:
    """The lines `{"id": ..., "answer": ..., "score": ...}` of the file that the judge's `human` names; none where it names none.

    `id` is that of a row of the task, `score` on the judge's scale (for pairs from 0 to 1). Raises UserError with path and line.
    """
    toml = loaded.folder / "task.toml"
    text = read_text(toml)
    scorer = check_toml(text, toml, TaskFile).scorer
    if not isinstance(scorer, JudgeScorer) or not scorer.human:
        return ()
    where = place(toml, line_of(text, ("scorer",)))
    path = code_file(loaded.folder, scorer.human, where, "a judge is sent only what lies in the folder that you named")
    low, high = scorer.scale if scorer.mode == "points" else (0.0, 1.0)
    rows = {e.id: e for examples in loaded.task.splits.values() for e in examples}
    found = []
    for line in read_answers(path, scored=True):
        score = line.score if line.score is not None else low
        if line.example not in rows:
            raise UserError(f"{line.where}: the task has no row '{line.example}'.")
        if not low <= score <= high:
            raise UserError(f"{line.where}: score = {score:g}, expected {low:g} to {high:g}, the judge's own scale.")
        found.append(Marked(rows[line.example], line.answer, (score - low) / (high - low)))
    return tuple(found)
