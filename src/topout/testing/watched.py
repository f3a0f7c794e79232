"""An optimizer under watch: passes everything on between engine and optimizer, and notes what must not be."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from topout.contracts import Critique, History, Lab, Move, Optimizer, Stop
from topout.domain import Attempt, Candidate, Example, Message, Prompt, Rollout, Task

__all__ = ["Watched"]

MOST_PLANS = 5000
"""More plans than any optimizer needs that uses up a small budget."""


@dataclass(slots=True)
class Watched:
    """An optimizer that is asked for each plan twice. `faults` are sentences; after the first of them the search is ended."""

    optimizer: Optimizer
    task: Task
    plans: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def lanes(self) -> int:
        return self.optimizer.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        self.plans += 1
        same = random.Random()
        same.setstate(rng.getstate())
        move = self.optimizer.plan(number, history, rng)
        if move != self.optimizer.plan(number, history, same):
            self.faults.append(f"plan({number}) came out differently for equal arguments: it must be pure")
        if isinstance(move, Move):
            self.faults += [f"plan({number}): {fault}" for fault in self.in_move(move, history)]
        if self.plans > MOST_PLANS:
            self.faults.append(f"it does not end: after {MOST_PLANS} plans it still tries what costs no call")
        return Stop("a fault was found") if self.faults else move

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        seen = WatchedLab(lab)
        attempt = await self.optimizer.attempt(number, move, seen)
        self.faults += [f"attempt({number}): {fault}" for fault in [*seen.faults, *self.in_attempt(number, move, attempt, seen)]]
        return attempt

    def in_move(self, move: Move, history: History) -> list[str]:
        """What is wrong with a plan."""
        pool = {member.candidate.id for member in history.pool}
        train = {example.id for example in self.task.rows("train")}
        faults = [
            f"the row {e.id} is for the critic to read, but no train row"
            for e in (*move.read, *move.references)
            if e.id not in train
        ]
        faults += [f"the parent {m.candidate.id} is not in the pool" for m in move.parents if m.candidate.id not in pool]
        if not move.parents:
            return [*faults, "no parent"]
        if move.prompt is not None:
            return faults + self.in_prompt(move.prompt)
        named = [c for c in move.parents[0].candidate.prompt.components if c.name == move.component]
        if not named or named[0].frozen:
            faults.append(f"the critic is to edit '{move.component}', which is {'frozen' if named else 'no component'}")
        return faults

    def in_attempt(self, number: int, move: Move, attempt: Attempt, seen: WatchedLab) -> list[str]:
        """What is wrong with an attempt's report. What it keeps was measured on as many dev rows as the move said."""
        faults = [] if attempt.candidate is None else self.in_prompt(attempt.candidate.prompt)
        if attempt.number != number:
            faults.append(f"it reports the number {attempt.number}")
        if any(figure is not None and not math.isfinite(figure) for figure in (attempt.gain, attempt.gain_se)):
            faults.append("gain or gain_se is not a finite number: leave it None")
        if attempt.outcome == "kept":
            name = attempt.candidate.id if attempt.candidate else ""
            dev = self.task.rows("dev")
            met, rows = sum((name, example.id) in seen.measured for example in dev), move.rows or len(dev)
            if met < rows:
                faults.append(f"it keeps a candidate that was measured on {met} of the {rows} dev rows of its move")
        return faults

    def in_prompt(self, prompt: Prompt) -> list[str]:
        """What is wrong with a prompt: a frozen component that was touched, a demo that is neither a train row nor the baseline's."""
        baseline, train = self.task.baseline, {example.id: example for example in self.task.rows("train")}
        faults = [
            f"the frozen component '{c.name}' was changed" for c in baseline.components if c.frozen and c not in prompt.components
        ]
        for demo in prompt.demos:
            row = train.get(demo.example_id)
            if demo not in baseline.demos and (row is None or dict(demo.inputs) != dict(row.inputs)):
                faults.append(f"the demo '{demo.example_id}' is no train row")
        return faults


class WatchedLab:
    """A lab that notes what was measured, and lets no row through that is not the optimizer's to see."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.measured: set[tuple[str, str]] = set()
        self.faults: list[str] = []

    @property
    def task(self) -> Task:
        return self._lab.task

    def rng(self, purpose: str) -> random.Random:
        return self._lab.rng(purpose)

    async def measure(self, candidate: Candidate, examples: Sequence[Example]) -> list[Rollout] | None:
        known = {example.id for rows in (self.task.rows("train"), self.task.rows("dev")) for example in rows}
        foreign = [example.id for example in examples if example.id not in known]
        if foreign:
            self.faults.append(f"it asked for the row {foreign[0]}, which is no train or dev row")
            return None
        rollouts = await self._lab.measure(candidate, examples)
        if rollouts is not None:
            self.measured |= {(candidate.id, example.id) for example in examples}
        return rollouts

    async def critique(self, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout]) -> Critique | None:
        return await self._lab.critique(move, failing, passing)

    async def ask(self, messages: Sequence[Message]) -> str | None:
        return await self._lab.ask(messages)

    def candidate(self, prompt: Prompt, move: Move, rationale: str) -> Candidate:
        return self._lab.candidate(prompt, move, rationale)
