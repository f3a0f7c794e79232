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
    """How a cap of calls is shared out: `search` calls for the search, and room for so many `champions` (the baseline is one) on `holdout` rows.

    An answer of the baseline takes `weight` calls, and so do most candidates'; a prompt that votes takes up to `votes` times as many, and then so many
    champions' room. No candidate takes more (`heaviest`): the search is not allowed to, so the winner can always be examined. What is left says more of the same two prompts: the first `repeats` rows are asked once more, of the baseline and of the winner (sampling noise);
    `alone` calls are for prompts with one lever of the winner's; `critiques` critic calls for the analysis of what still fails. 0 where the cap
    has no room. `opening` is how many dev rows the baseline is measured on before the search.
    """

    search: int
    champions: int
    holdout: tuple[Example, ...]
    shift: tuple[Example, ...]
    repeats: int = 0
    alone: int = 0
    critiques: int = 0
    weight: int = 1
    votes: int = 1
    opening: int = 0

    @property
    def heaviest(self) -> int:
        """The most calls that an answer of a candidate may take."""
        return self.weight * self.votes

    def first_mark(self, dev: int) -> int:
        """The task calls before which no champion is examined but the baseline: a pass over the dev rows, or where that is most of the search, the baseline's own."""
        return self.weight * (dev if 2 * self.weight * dev <= self.search else self.opening)

    @property
    def sittings(self) -> int:
        """How many champions can sit when winner and champion at half take as many calls as they may."""
        return self.champions - (LEAST_CHAMPIONS - 1) * (self.votes - 1)

    @property
    def calls(self) -> int:
        """All of them together: the cap."""
        passes = self.champions * len(self.holdout) + (1 + self.votes) * (len(self.shift) + self.repeats)
        return self.search + self.weight * passes + self.alone + self.critiques


def plan_exam(
    task: Task,
    max_calls: int,
    share: float,
    levers: Sequence[str] = ("instructions", "demos"),
    most: int = 9,
    weight: int = 1,
    votes: int = 1,
    noisy: bool = False,
    opening_rows: int = 0,
) -> ExamPlan:
    """Share out `max_calls`: about `share` of them for the exam, never too few for the baseline, the winner and the champion at half of
    the calls.

    When even three passes over the holdout would take more than the share, the exam uses its first rows alone (rows are in the order of the file; not under
    30). With places left beyond the fourth, one of them (of seven or more, two) is shared out among prompts with one of several `levers` alone; the
    noise of sampling, at a temperature above 0 or with a `noisy` scorer (a judge), and the analysis of failures cost the search `EXTRAS` of its calls at most,
    twice that with a noisy scorer. `weight` is how many calls an
    answer of the baseline takes; where prompts may vote (`votes` times at most) there is room for a winner, and a champion at half, of so many.
    The baseline is measured on so many `opening_rows` of dev (0: all). Raises UserError when the search would be left without those and a first proposal.
    """
    holdout, shift = task.rows("holdout"), task.rows("shift")
    for_exam = int(max_calls * share)
    rows = len(holdout)
    voting = (LEAST_CHAMPIONS - 1) * (votes - 1)
    fewest, pair = weight * (LEAST_CHAMPIONS + voting), weight * (1 + votes)
    if fewest * rows + pair * len(shift) > for_exam:
        shift = ()
    if fewest * rows > for_exam:
        rows = max(min(rows, LEAST_HOLDOUT), for_exam // fewest)
    champions = min(most, (for_exam - pair * len(shift)) // (weight * max(1, rows)) - voting)
    champions = max(LEAST_CHAMPIONS, champions)
    search = max_calls - weight * (champions + voting) * rows - pair * len(shift)
    opening = min(opening_rows or len(task.rows("dev")), len(task.rows("dev")))
    dev = weight * opening
    if search < dev + 2:
        least = dev + 2 + fewest * min(len(holdout), LEAST_HOLDOUT)
        least = max(least, int((dev + 2) / (1 - share)) + 1)
        each = f", {weight} calls a row" if weight > 1 else ""
        raise UserError(
            f"max_calls = {max_calls}: too few for this task: one pass over {opening} dev rows, and {champions + voting} x {rows} holdout "
            f"rows for the exam{each}. Give at least --max-calls {least}."
        )
    places = 0 if len(levers) < 2 or champions <= LEAST_CHAMPIONS + 1 else 1 if champions <= LEAST_CHAMPIONS + 3 else 2
    room = min(int((2 if noisy else 1) * EXTRAS * search), search - dev - 2)
    critiques = CRITIQUES if room >= CRITIQUES else 0
    repeats = min(max(LEAST_HOLDOUT, rows // 4), rows, (room - critiques) // pair) if task.temperature > 0 or noisy else 0
    if repeats < LEAST_HOLDOUT:
        repeats = 0
    search -= critiques + pair * repeats
    alone = weight * places * rows
    return ExamPlan(search, champions + voting - places, holdout[:rows], shift, repeats, alone, critiques, weight, votes, opening)


class Exam:
    """Measures champions, each once a session. Those that an earlier session of this run examined (`replay`) have their places.

    One case goes past the plan: a run that ended by money or time has examined its winner of that moment; taken up again it ends with
    another, and that one sits too, though no place may be left. What is asked besides (`repeat`, `alone`) never goes past it: what was spent on
    an earlier winner is not there for a later one.
    """

    def __init__(self, harness: Harness, plan: ExamPlan, replay: Replay) -> None:
        self.plan = plan
        self._harness = harness
        prompts = {done.attempt.candidate.id: done.attempt.candidate for done in replay.attempts.values() if done.attempt.candidate}
        sat = replay.examined()
        self._places = {name: harness.calls(prompts[name]) if name in prompts else plan.weight for name in sat}
        self._repeated = replay.examined(sample=1)
        self._alone_before = replay.measured_alone()
        self._admitted: set[str] = set()

    def room(self, candidate: Candidate, keep: int) -> bool:
        """Whether this candidate has a place, or there is room for it and for `keep` of the heaviest besides."""
        taken = self._harness.calls(candidate) + keep * self.plan.heaviest
        return candidate.id in self._places or taken <= self._free()

    def _free(self) -> int:
        """Calls on each holdout row that no champion has a claim to."""
        return self.plan.weight * self.plan.champions - sum(self._places.values())

    def admit(self, candidate: Candidate) -> bool:
        """Give a place, at once, so that no two are given the last one; False when it sits or has sat in this session."""
        if candidate.id in self._admitted:
            return False
        self._places[candidate.id] = self._harness.calls(candidate)
        self._admitted.add(candidate.id)
        return True

    async def sit(self, candidate: Candidate) -> None:
        """Measure on the holdout. Rows that could not be measured stay unmeasured, and are told as such."""
        await self._harness.measure(EXAM, candidate, self.plan.holdout)

    async def repeat(self, candidate: Candidate) -> None:
        """Ask the first rows once more: for the baseline and one other."""
        if self.plan.repeats and (candidate.id in self._repeated or len(self._repeated) < 2):
            self._repeated.add(candidate.id)
            await self._harness.measure(EXAM, candidate, self.plan.holdout[: self.plan.repeats], sample=1)

    async def alone(self, prompts: Mapping[Lever, Candidate], final: bool) -> None:
        """Measure prompts with one lever of the winner's, on as many of the first rows as there is room for, the same for all; not at all when
        those would be under 30. A run that is over for good (`final`) gives them the champions' free places too."""
        fresh = {one.id: one for one in prompts.values() if one.id not in self._places}
        spent = sum(calls for candidate, calls in self._alone_before.items() if candidate not in fresh)
        free = max(0, self._free()) if final else 0
        each = sum(map(self._harness.calls, fresh.values()))
        rows = min(len(self.plan.holdout), (self.plan.alone - spent + free * len(self.plan.holdout)) // max(1, each))
        if rows < LEAST_HOLDOUT:
            return
        async with asyncio.TaskGroup() as group:
            for one in fresh.values():
                group.create_task(self._harness.measure(ALONE, one, self.plan.holdout[:rows]))

    async def shift(self, candidate: Candidate) -> None:
        """Measure on the shift split, where the task has one."""
        await self._harness.measure(EXAM, candidate, self.plan.shift)
