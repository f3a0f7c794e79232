"""The exam: champions are measured on holdout rows that neither the search nor the critic ever sees.

Its calls are set aside before the search begins, so that no search can eat the evidence for its own result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from topout.domain import Candidate, Example, Task
from topout.engine.harness import EXAM, Harness
from topout.errors import UserError

__all__ = ["Exam", "ExamPlan", "plan_exam"]

LEAST_HOLDOUT = 30


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """How a cap of calls is shared out: `search` calls for the search, and so many `champions` (the baseline is one) on `holdout` rows."""

    search: int
    champions: int
    holdout: tuple[Example, ...]
    shift: tuple[Example, ...]


def plan_exam(task: Task, max_calls: int, share: float, most: int = 9) -> ExamPlan:
    """Share out `max_calls`: about `share` of them for the exam, never too few for the baseline, the winner and the champion at half of
    the calls.

    When even three passes over the holdout would take more than the share, the exam uses its first rows alone (rows are in the order of the file; not under
    30). Raises UserError when the search would be left without a full pass over dev and a first proposal.
    """
    holdout, shift = task.rows("holdout"), task.rows("shift")
    for_exam = int(max_calls * share)
    rows = len(holdout)
    if 3 * rows + 2 * len(shift) > for_exam:
        shift = ()
    if 3 * rows > for_exam:
        rows = max(min(rows, LEAST_HOLDOUT), for_exam // 3)
    champions = max(3, min(most, (for_exam - 2 * len(shift)) // max(1, rows)))
    search = max_calls - champions * rows - 2 * len(shift)
    dev = len(task.rows("dev"))
    if search < dev + 1:
        least = dev + 1 + 3 * min(len(holdout), LEAST_HOLDOUT)
        least = max(least, int((dev + 1) / (1 - share)) + 1)
        raise UserError(
            f"max_calls = {max_calls}: too few for this task: one pass over {dev} dev rows, and {champions} x {rows} holdout rows for the exam. "
            f"Give at least --max-calls {least}."
        )
    return ExamPlan(search, champions, holdout[:rows], shift)


class Exam:
    """Measures champions, each once. `taken` are the candidates examined or under way, in order."""

    def __init__(self, harness: Harness, plan: ExamPlan) -> None:
        self._harness = harness
        self._plan = plan
        self.taken: list[str] = []

    def room(self, candidate: Candidate) -> bool:
        """Whether this candidate still has to sit the exam and a place is left for it. The last two places are kept: for the
        winner, and for the champion at half of the calls."""
        return candidate.id not in self.taken and len(self.taken) < self._plan.champions - 2

    async def sit(self, candidate: Candidate) -> None:
        """Measure on the holdout. Rows that could not be measured stay unmeasured, and are told as such."""
        if candidate.id not in self.taken:
            self.taken.append(candidate.id)
            await self._harness.measure(EXAM, candidate, self._plan.holdout)

    async def shift(self, candidates: Sequence[Candidate]) -> None:
        """Measure on the shift split, where the task has one."""
        for candidate in candidates:
            await self._harness.measure(EXAM, candidate, self._plan.shift)
