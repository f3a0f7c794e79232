"""The loop. A run in one page: measure the baseline, keep attempts in flight, commit them in order, examine champions, end.

    plan k ──► attempt k ──► commit k ──► plan k + lanes
                 │  │
          harness│  │critic         all under one allowance of calls, all journaled

Attempts run side by side but are planned and committed in order of their numbers, so what is decided depends on replies and never on which
came first. The journal is the checkpoint: a resumed run walks the same path with the journal as its memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from topout.contracts import Journal, Move, Optimizer, Stop
from topout.domain import ANALYSIS, Attempt, AttemptDone, Candidate, Ending, Rollout, Task, Unscored
from topout.engine.allowance import Allowance, Weights
from topout.engine.causes import Analyst
from topout.engine.critic import Critic
from topout.engine.exam import Exam, ExamPlan
from topout.engine.halt import Halt
from topout.engine.harness import Harness
from topout.engine.lab import AttemptLab, reads_of
from topout.engine.opening import BASELINE, first_row, first_words, reason_of
from topout.engine.pairs import Key
from topout.engine.past import Past
from topout.engine.replay import Replay
from topout.errors import JournalError
from topout.search.place import rng_for
from topout.search.racing import first_rows
from topout.text.alone import alone
from topout.text.fingerprints import prompt_id

__all__ = ["BASELINE", "Finish", "Run"]


@dataclass(frozen=True, slots=True)
class Finish:
    """How a run came to its end, and which candidate won on dev (None when not even the baseline was measured)."""

    ending: Ending
    reason: str
    winner: Candidate | None


class Run:
    """One run of one optimizer on one task. Everything that it needs is handed in; it knows contracts and pure code, no adapter. `opening_rows` is how many
    dev rows the baseline is measured on, 0 for all: an optimizer that copes with fewer has more calls left for its search."""

    def __init__(
        self,
        task: Task,
        optimizer: Optimizer,
        harness: Harness,
        critic: Critic,
        journal: Journal,
        replay: Replay,
        halt: Halt,
        analyst: Analyst,
        plan: ExamPlan,
        checkpoints: tuple[int, ...],
        seed: int,
        spent_usd: Callable[[], float | None],
        opening_rows: int = 0,
    ) -> None:
        self._task = task
        self._dev = {row.id: row for row in task.rows("dev")}
        self._past = Past(task, harness.weight)
        self._optimizer = optimizer
        self._harness = harness
        self._critic = critic
        self._journal = journal
        self._replay = replay
        self._halt = halt
        self._analyst = analyst
        self._exam = Exam(harness, plan, replay)
        self._checkpoints = checkpoints
        self._seed = seed
        self._spent_usd = spent_usd
        dev = task.rows("dev")
        self._opening = [dev[i] for i in first_rows(len(dev), opening_rows or len(dev))]
        self._allowance = Allowance(plan.search)
        self._records: list[tuple[int, Candidate]] = []
        self._waiting: list[Candidate] = []
        self._halted = False

    async def run(self) -> Finish:
        """Search until the calls are used up, nothing is left to try, or the run is halted; then finish the exam.

        Raises UserError when the first calls meet what no later one will mend; errors of the journal, the scorer or the optimizer come in a group.
        """
        try:
            return await self._run()
        finally:
            await self._harness.close()

    async def _run(self) -> Finish:
        baseline = Candidate(prompt_id(self._task.baseline), self._task.baseline)
        await first_row(self._harness, baseline, self._opening)
        async with first_words(self._critic) as ping:
            return await self._search_and_examine(baseline, ping)

    async def _search_and_examine(self, baseline: Candidate, ping: asyncio.Task[None]) -> Finish:
        missing = await self._measure_baseline(baseline)
        if missing:
            return Finish(self._halt.ending or "outage", self._halt.reason or missing, None)
        async with asyncio.TaskGroup() as exams:
            exams.create_task(heard(ping))
            self._examine(exams, baseline)
            ending, reason = await self._search(exams)
        winner = self._past.champion
        if self._halt.ending not in ("stopped", "outage"):
            async with asyncio.TaskGroup() as exams:
                self._examine(exams, winner)
                half = self._champion_at_half()
                if self._exam.room(half, 1 if ending in ("money", "time") else 0):
                    self._examine(exams, half)
                for candidate in {baseline.id: baseline, winner.id: winner}.values():
                    exams.create_task(self._exam.shift(candidate))
                if ending in ("budget", "finished"):
                    self._examine_those_who_wait(exams)
            await self._look_closer(baseline, winner, final=ending in ("budget", "finished"))
        if self._halt.ending in ("stopped", "outage"):
            ending, reason = self._halt.ending, self._halt.reason
        elif self._halt.exam_cut is not None and ending in ("budget", "finished"):
            ending, reason = self._halt.exam_cut
        return Finish(ending, reason, winner)

    async def _look_closer(self, baseline: Candidate, winner: Candidate, final: bool) -> None:
        """What else can be said of the winner, once the exam has all that it needs. Whoever ran out of money here has lost nothing else."""
        async with asyncio.TaskGroup() as group:
            for candidate in {baseline.id: baseline, winner.id: winner}.values():
                group.create_task(self._exam.repeat(candidate))
            group.create_task(self._analyst.analyse(winner, self._on_dev(winner), final))
            group.create_task(self._exam.alone(alone(baseline.prompt, winner.prompt), final))

    def _on_dev(self, candidate: Candidate) -> list[Rollout]:
        """What is known of a candidate on dev."""
        known = (self._harness.known(ANALYSIS, candidate, row) for row in self._task.rows("dev"))
        return [rollout for rollout in known if rollout is not None]

    async def _measure_baseline(self, baseline: Candidate) -> str:
        """Fill the pool with the baseline; what is missing for that, '' when nothing is."""
        dev = self._opening
        weight = self._harness.calls(baseline)
        self._allowance.grant(BASELINE, weight * len(dev) + 1)
        rollouts = await self._harness.measure(BASELINE, baseline, dev)
        if rollouts is None:
            return "the run was halted"
        failed = [r for r in rollouts if isinstance(r.score, Unscored)]
        if 2 * len(failed) > len(dev):
            return f"{len(failed)} of {len(dev)} dev rows could not be scored, the first with: {reason_of(failed[0])}"
        self._allowance.settle(BASELINE, {(baseline.id, e.id, 0): weight for e in dev}, 1)
        asked = {(baseline.id, row.id, 0) for row in dev}
        self._record(Attempt(BASELINE, "baseline", (), "kept", "what the task brought", baseline, rows=len(dev)), asked)
        return ""

    async def _search(self, exams: asyncio.TaskGroup) -> tuple[Ending, str]:
        in_flight: deque[tuple[int, AttemptLab, asyncio.Task[Attempt]]] = deque()
        number = 0
        closing: tuple[Ending, str] | None = None
        async with asyncio.TaskGroup() as attempts:
            while True:
                while closing is None and self._halt.ending is None and len(in_flight) < self._optimizer.lanes:
                    move = self._plan(number)
                    if isinstance(move, Stop):
                        closing = ("finished", move.reason)
                    elif self._allowance.grant(number, max(1, move.calls), self._reads(move), move.more):
                        lab = self._lab(number, move)
                        in_flight.append((number, lab, attempts.create_task(self._optimizer.attempt(number, move, lab))))
                        number += 1
                    elif in_flight:
                        break
                    else:
                        closing = ("budget", f"the search's {self._allowance.total:,} calls are used up")
                if not in_flight:
                    return (self._halt.ending, self._halt.reason) if self._halt.ending else closing or ("finished", "")
                oldest, lab, task = in_flight.popleft()
                self._allowance.turn(oldest)
                before = self._past.champion
                self._commit(await task, lab)
                self._examine_at_checkpoints(exams, before)

    def _plan(self, number: int) -> Move | Stop:
        history = self._past.history(self._allowance.charged, self._allowance.left)
        return self._optimizer.plan(number, history, rng_for(self._seed, number, "plan"))

    def _lab(self, number: int, move: Move) -> AttemptLab:
        heaviest = self._exam.plan.heaviest
        return AttemptLab(
            number, self._seed, self._past.task, self._harness, self._critic, self._allowance, self._reads(move), heaviest
        )

    def _reads(self, move: Move) -> Weights:
        return reads_of(move, self._harness.weight)

    def _commit(self, attempt: Attempt, lab: AttemptLab) -> None:
        """Take an attempt into the history. One that a halt cut short is not, nor any after it: a
        resumed run will make them anew."""
        self._halted = self._halted or (self._halt.ending is not None and attempt.outcome == "cut")
        if self._halted:
            return
        self._allowance.settle(attempt.number, lab.asked, lab.critiques)
        self._past.learn(lab.train_rollouts)
        self._record(attempt, lab.asked)

    def _record(self, tried: Attempt, asked: Iterable[Key]) -> None:
        """Commit, with the dev rows that the attempt itself `asked` for: what else is known by now depends on who was faster."""

        def on_dev(candidate: Candidate) -> dict[str, Rollout]:
            rows = [self._dev[row] for name, row, sample in asked if name == candidate.id and sample == 0 and row in self._dev]
            known = ((row.id, self._harness.known(tried.number, candidate, row)) for row in rows)
            return {row: rollout for row, rollout in known if rollout is not None}

        attempt = self._past.take(tried, on_dev)
        champion = self._past.champion.id
        self._records.append((self._allowance.task_calls, self._past.champion))
        done = AttemptDone(attempt, self._allowance.charged, self._allowance.task_calls, champion, self._spent_usd())
        before = self._replay.attempts.get(attempt.number)
        if before is None:
            self._journal.append(done)
        elif (identity(before.attempt), before.champion) != (identity(attempt), champion):
            raise JournalError(
                f"attempt {attempt.number}: the journal says '{before.attempt.outcome}' and replaying it now says '{attempt.outcome}'. "
                "The task, the recipe or topout changed since: start a new run (replies are cached and cost nothing again)."
            )

    def _examine_at_checkpoints(self, exams: asyncio.TaskGroup, before: Candidate) -> None:
        """When the search passes a checkpoint, the champion that stood there sits the exam while the search goes on. Two places are
        kept: for the winner, and for the champion at half of the calls."""
        calls = self._allowance.task_calls
        while self._checkpoints and self._checkpoints[0] <= calls:
            champion = self._past.champion if self._checkpoints[0] == calls else before
            self._checkpoints = self._checkpoints[1:]
            if self._exam.room(champion, 2):
                self._examine(exams, champion)
            elif self._exam.plan.votes > 1:
                self._waiting.append(champion)

    def _examine_those_who_wait(self, exams: asyncio.TaskGroup) -> None:
        """What was kept for a winner of many calls an answer, and not needed, goes to champions of checkpoints that found no place."""
        for champion in self._waiting:
            if self._exam.room(champion, 0):
                self._examine(exams, champion)

    def _examine(self, exams: asyncio.TaskGroup, candidate: Candidate) -> None:
        if self._exam.admit(candidate):
            exams.create_task(self._exam.sit(candidate))

    def _champion_at_half(self) -> Candidate:
        """The champion when half of the calls had been spent: where the last doubling begins."""
        half = self._allowance.task_calls // 2
        found = self._records[0]
        for task_calls, champion in self._records:
            if task_calls > half:
                break
            found = (task_calls, champion)
        return found[1]


async def heard(ping: asyncio.Task[None]) -> None:
    """The critic's first word, whenever it comes."""
    await ping


def identity(attempt: Attempt) -> tuple[str, str | None]:
    """What must be equal when an attempt is replayed."""
    return (attempt.outcome, attempt.candidate.id if attempt.candidate else None)
