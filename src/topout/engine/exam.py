"""The exam: champions are measured on holdout rows that neither the search nor the critic ever sees.

Its calls are set aside before the search begins, so that no search can eat the evidence for its own result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from topout.domain import ALONE, EXAM, Candidate, Example, Lever, Task
from topout.engine.harness import Harness
from topout.engine.replay import Replay
from topout.errors import UserError

__all__ = ["Exam", "ExamPlan", "plan_exam"]

LEAST_HOLDOUT = 30
"""Fewer rows say nothing of a prompt."""

LEAST_CHAMPIONS = 3
"""Baseline, winner, and the champion at half of the calls."""

EXTRAS = 0.03
"""At most this share of the search's calls is given up for what is learned besides the champions' quality."""

CRITIQUES = 2
"""Critic calls for the analysis of failures: one, and one more should its reply be unusable."""


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """How a cap of calls is shared out: `search` calls for the search, and so many `champions` (the baseline is one) on `holdout` rows.

    What is left says more of the same two prompts: the first `repeats` rows are asked once more, of the baseline and of the winner (sampling noise);
    `alone` calls are for prompts with one lever of the winner's; `critiques` critic calls for the analysis of what still fails. 0 where the cap
    has no room.
    """

    search: int
    champions: int
    holdout: tuple[Example, ...]
    shift: tuple[Example, ...]
    repeats: int = 0
    alone: int = 0
    critiques: int = 0

    @property
    def calls(self) -> int:
        """All of them together: the cap."""
        passes = self.champions * len(self.holdout) + 2 * len(self.shift)
        return self.search + passes + 2 * self.repeats + self.alone + self.critiques


def plan_exam(
    task: Task, max_calls: int, share: float, levers: Sequence[str] = ("instructions", "demos"), most: int = 9
) -> ExamPlan:
    """Share out `max_calls`: about `share` of them for the exam, never too few for the baseline, the winner and the champion at half of
    the calls.

    When even three passes over the holdout would take more than the share, the exam uses its first rows alone (rows are in the order of the file; not under
    30). With places left beyond the fourth, one of them (of seven or more, two) is shared out among prompts with one of several `levers` alone; the
    noise of sampling, at a temperature above 0, and the analysis of failures cost the search `EXTRAS` of its calls at most.
    Raises UserError when the search would be left without a full pass over dev and a first proposal.
    """
    holdout, shift = task.rows("holdout"), task.rows("shift")
    for_exam = int(max_calls * share)
    rows = len(holdout)
    if 3 * rows + 2 * len(shift) > for_exam:
        shift = ()
    if 3 * rows > for_exam:
        rows = max(min(rows, LEAST_HOLDOUT), for_exam // 3)
    champions = max(LEAST_CHAMPIONS, min(most, (for_exam - 2 * len(shift)) // max(1, rows)))
    search = max_calls - champions * rows - 2 * len(shift)
    dev = len(task.rows("dev"))
    if search < dev + 2:
        least = dev + 2 + 3 * min(len(holdout), LEAST_HOLDOUT)
        least = max(least, int((dev + 2) / (1 - share)) + 1)
        raise UserError(
            f"max_calls = {max_calls}: too few for this task: one pass over {dev} dev rows, and {champions} x {rows} holdout rows for the exam. "
            f"Give at least --max-calls {least}."
        )
    places = 0 if len(levers) < 2 or champions <= LEAST_CHAMPIONS + 1 else 1 if champions <= LEAST_CHAMPIONS + 3 else 2
    room = min(int(EXTRAS * search), search - dev - 2)
    critiques = CRITIQUES if room >= CRITIQUES else 0
    repeats = min(max(LEAST_HOLDOUT, rows // 4), rows, (room - critiques) // 2) if task.temperature > 0 else 0
    if repeats < LEAST_HOLDOUT:
        repeats = 0
    search -= critiques + 2 * repeats
    return ExamPlan(search, champions - places, holdout[:rows], shift, repeats, places * rows, critiques)


class Exam:
    """Measures champions, each once a session. Those that an earlier session of this run examined (`replay`) have their places.

    One case goes past the plan: a run that ended by money or time has examined its winner of that moment; taken up again it ends with
    another, and that one sits too, though no place may be left. What is asked besides (`repeat`, `alone`) never goes past it: what was spent on
    an earlier winner is not there for a later one.
    """

    def __init__(self, harness: Harness, plan: ExamPlan, replay: Replay) -> None:
        self._harness = harness
        self._plan = plan
        self._places = replay.examined()
        self._repeated = replay.examined(sample=1)
        self._alone_before = replay.measured_alone()
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

    async def repeat(self, candidate: Candidate) -> None:
        """Ask the first rows once more: for the baseline and one other."""
        if self._plan.repeats and (candidate.id in self._repeated or len(self._repeated) < 2):
            self._repeated.add(candidate.id)
            await self._harness.measure(EXAM, candidate, self._plan.holdout[: self._plan.repeats], sample=1)

    async def alone(self, prompts: Mapping[Lever, Candidate], final: bool) -> None:
        """Measure prompts with one lever of the winner's, on as many of the first rows as there is room for, the same for all; not at all when
        those would be under 30. A run that is over for good (`final`) gives them the champions' free places too."""
        fresh = {one.id: one for one in prompts.values() if one.id not in self._places}
        spent = sum(rows for candidate, rows in self._alone_before.items() if candidate not in fresh)
        free = max(0, self._plan.champions - len(self._places)) if final else 0
        rows = (self._plan.alone - spent + free * len(self._plan.holdout)) // max(1, len(fresh))
        if rows < LEAST_HOLDOUT:
            return
        async with asyncio.TaskGroup() as group:
            for one in fresh.values():
                group.create_task(self._harness.measure(ALONE, one, self._plan.holdout[:rows]))

    async def shift(self, candidate: Candidate) -> None:
        """Measure on the shift split, where the task has one."""
        await self._harness.measure(EXAM, candidate, self._plan.shift)
