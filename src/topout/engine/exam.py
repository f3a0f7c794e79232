"""The exam: champions are measured on holdout rows that neither the search nor the critic ever sees.

Its calls are set aside before the search begins, so that no search can eat the evidence for its own result.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    if search < dev + 2:
        least = dev + 2 + 3 * min(len(holdout), LEAST_HOLDOUT)
        least = max(least, int((dev + 2) / (1 - share)) + 1)
        raise UserError(
            f"max_calls = {max_calls}: too few for this task: one pass over {dev} dev rows, and {champions} x {rows} holdout rows for the exam. "
            f"Give at least --max-calls {least}."
        )
    return ExamPlan(search, champions, holdout[:rows], shift)


class Exam:
    """Measures champions, each once a session. `earlier` are those that an earlier session of this run examined: they have their places.

    One case goes past the plan: a run that ended by money or time has examined its winner of that moment; taken up again it ends with
    another, and that one sits too, though no place may be left.
    """

    def __init__(self, harness: Harness, plan: ExamPlan, earlier: Iterable[str] = ()) -> None:
        self._harness = harness
        self._plan = plan
        self._places = set(earlier)
        self._admitted: set[str] = set()

    def room(self, candidate: Candidate, keep: int) -> bool:
        """Whether this candidate has a place, or more than `keep` are left."""
        return candidate.id in self._places or len(self._places) + keep < self._plan.champions

    def admit(self, candidate: Candidate) -> bool:
        """Give a place, at once, so that no two are given the last one; False when it sits or has sat in this session."""
        if candidate.id in self._admitted:
            return False
        self._places.add(candidate.id)
        self._admitted.add(candidate.id)
        return True

    async def sit(self, candidate: Candidate) -> None:
        """Measure on the holdout. Rows that could not be measured stay unmeasured, and are told as such."""
        await self._harness.measure(EXAM, candidate, self._plan.holdout)

    async def shift(self, candidate: Candidate) -> None:
        """Measure on the shift split, where the task has one."""
        await self._harness.measure(EXAM, candidate, self._plan.shift)
