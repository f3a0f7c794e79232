"""What one attempt can do: the `Lab` of the contracts, bound to its number."""

from __future__ import annotations

import random
from collections.abc import Sequence, Set

from topout.contracts import Critique, Move
from topout.domain import Candidate, Example, Message, Prompt, Rollout, Task
from topout.engine.allowance import Allowance
from topout.engine.critic import Critic
from topout.engine.harness import Harness
from topout.engine.replay import Key
from topout.errors import UserError
from topout.search.place import rng_for, seed_for
from topout.text.fingerprints import prompt_id

__all__ = ["AttemptLab", "reads_of"]


class AttemptLab:
    """Counts what the attempt asks for against its grant. `asked` are the keys of its rollouts, from the start those that it has
    announced (`reads`: they are charged to it in any case), `critiques` its critic calls, `made` the latest candidate that it arrived at."""

    def __init__(
        self, number: int, seed: int, task: Task, harness: Harness, critic: Critic, allowance: Allowance, reads: Set[Key]
    ) -> None:
        self.asked: set[Key] = set(reads)
        self.critiques = 0
        self.made: Candidate | None = None
        self.train_rollouts: list[Rollout] = []
        self._fresh = allowance.fresh(number, reads)
        self._number = number
        self._seed = seed
        self._task = task
        self._harness = harness
        self._critic = critic
        self._allowance = allowance

    @property
    def task(self) -> Task:
        return self._task

    def rng(self, purpose: str) -> random.Random:
        return rng_for(self._seed, self._number, purpose)

    async def measure(self, candidate: Candidate, examples: Sequence[Example]) -> list[Rollout] | None:
        for example in examples:
            if self._harness.split(example) not in ("train", "dev"):
                raise UserError(f"attempt {self._number}: the optimizer asked for '{example.id}', which is no train or dev row.")
        keys = {(candidate.id, example.id, 0) for example in examples}
        fresh = self._fresh + self._allowance.fresh(self._number, keys - self.asked)
        if not await self._allowance.extend(self._number, fresh + self.critiques):
            return None
        self._fresh = fresh
        self.asked |= keys
        rollouts = await self._harness.measure(self._number, candidate, examples)
        self.train_rollouts += [r for r in rollouts or () if r.split == "train"]
        return rollouts

    async def critique(self, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout]) -> Critique | None:
        seed = await self._turn()
        return None if seed is None else await self._critic.critique(self._number, self.critiques, move, failing, passing, seed)

    async def ask(self, messages: Sequence[Message]) -> str | None:
        seed = await self._turn()
        return None if seed is None else await self._critic.ask(self._number, self.critiques, tuple(messages), seed)

    async def _turn(self) -> int | None:
        """The seed of the attempt's next call to the critic, None when the budget does not allow for one."""
        if not await self._allowance.extend(self._number, self._fresh + self.critiques + 1):
            return None
        self.critiques += 1
        return seed_for(self._seed, self._number, f"critic/{self.critiques}")

    def candidate(self, prompt: Prompt, move: Move, rationale: str) -> Candidate:
        parents = tuple(member.candidate.id for member in move.parents)
        self.made = Candidate(prompt_id(prompt), prompt, parents, move.operator, rationale)
        return self.made


def reads_of(move: Move) -> set[Key]:
    """The rollouts that a move announces: its train rows, answered with its first parent."""
    return {(parent.candidate.id, example.id, 0) for parent in move.parents[:1] for example in move.read}
