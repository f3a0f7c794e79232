"""What one attempt can do: the `Lab` of the contracts, bound to its number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from topout.contracts import Critique, Move
from topout.domain import Candidate, Example, Message, Prompt, Rollout, Task
from topout.engine.allowance import Allowance, Weights
from topout.engine.critic import Critic
from topout.engine.harness import Harness
from topout.errors import OptimizerError, UserError
from topout.search.place import rng_for, seed_for
from topout.text.fingerprints import prompt_id

__all__ = ["AttemptLab", "reads_of"]


class AttemptLab:
    """Counts what the attempt asks for against its grant. `asked` are its rollouts, from the start those that it has announced (`reads`: they are
    charged to it in any case), `critiques` its critic calls, `made` the latest candidate that it arrived at. No candidate may take more than
    `heaviest` calls an answer: the exam could not measure it."""

    def __init__(
        self,
        number: int,
        seed: int,
        task: Task,
        harness: Harness,
        critic: Critic,
        allowance: Allowance,
        reads: Weights,
        heaviest: int,
    ) -> None:
        self.asked = dict(reads)
        self._heaviest = heaviest
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
        weight = self._harness.calls(candidate)
        if weight > self._heaviest:
            raise OptimizerError(
                f"attempt {self._number}: an answer of its prompt takes {weight} calls, and the run has set aside {self._heaviest} at most for its exam. "
                "Allow for more votes in the recipe (max_votes), or propose fewer."
            )
        keys = {(candidate.id, example.id, 0): weight for example in examples}

        def fresh() -> int:
            new = {key: n for key, n in keys.items() if key not in self.asked}
            return self._fresh + self._allowance.fresh(self._number, new)

        if not await self._hold(lambda: fresh() + self.critiques):
            return None
        self._fresh = fresh()
        self.asked |= keys
        rollouts = await self._harness.measure(self._number, candidate, examples)
        self.train_rollouts += [r for r in rollouts or () if r.split == "train"]
        return rollouts

    async def critique(self, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout]) -> Critique | None:
        turn = await self._turn()
        if turn is None:
            return None
        critique = await self._critic.critique(self._number, turn, move, failing, passing, self._seed_of(turn))
        if critique is None or critique.prompt is None:
            return critique
        weight = self._harness.weight(critique.prompt)
        if weight > self._heaviest:
            reason = f"an answer of it would take {weight} calls, {self._heaviest} at most are set aside"
            return Critique(None, critique.rationale, reason)
        return critique

    async def ask(self, messages: Sequence[Message]) -> str | None:
        turn = await self._turn()
        return None if turn is None else await self._critic.ask(self._number, turn, tuple(messages), self._seed_of(turn))

    async def _turn(self) -> int | None:
        """The number of the attempt's next question to the critic, None when the budget does not allow for one. It is taken before anything is waited for:
        questions that are asked at the same time have numbers in the order in which they were put."""
        self.critiques += 1
        turn = self.critiques
        if not await self._hold(lambda: self._fresh + turn):
            self.critiques -= 1
            return None
        return turn

    async def _hold(self, needed: Callable[[], int]) -> bool:
        """See to it that so many calls are held; False when the rest does not allow for it. `needed` is looked at again after the wait for the attempt's turn:
        what it asked for at the same time was held meanwhile."""
        return await self._allowance.extend(self._number, needed()) and await self._allowance.extend(self._number, needed())

    def _seed_of(self, turn: int) -> int:
        return seed_for(self._seed, self._number, f"critic/{turn}")

    def candidate(self, prompt: Prompt, move: Move, rationale: str) -> Candidate:
        parents = tuple(member.candidate.id for member in move.parents)
        self.made = Candidate(prompt_id(prompt), prompt, parents, move.operator, rationale)
        return self.made


def reads_of(move: Move, calls: Callable[[Prompt], int]) -> Weights:
    """The rollouts that a move announces: its train rows, answered with its first parent, each at as many `calls` as that prompt takes."""
    if not (move.parents and move.read):
        return {}
    parent = move.parents[0].candidate
    return dict.fromkeys(((parent.id, example.id, 0) for example in move.read), calls(parent.prompt))
