"""What an answer takes, counted where its calls are made: a program tells its answer, not its bill."""

from __future__ import annotations

import math
from collections.abc import Sequence

from topout.contracts import Model
from topout.domain import Failure, FailureKind, Reply, Request, Rollout, Score, Split, Step
from topout.engine.halt import halting
from topout.text.untrusted import well_formed

__all__ = ["Meter", "step_of"]

KEPT_CHARACTERS = 4000
"""So much of a reply is kept beside the answer that was taken out of it, or the score that was read off it."""


class Meter:
    """A model for one answer, of `most` calls. A call past them is refused: nobody has set it aside. `halted` is the first failure that means the end
    of the run, whatever the program made of it."""

    def __init__(self, model: Model, most: int) -> None:
        self.halted: Failure | None = None
        self._model = model
        self._most = most
        self._calls = 0
        self._replies: list[Reply] = []
        self._failures: list[Failure] = []

    async def complete(self, request: Request) -> Reply | Failure:
        """Ask the model, and count it."""
        if self._calls >= self._most:
            return Failure("rejected", f"the program asked for more than the {self._most} calls that it has for an answer")
        self._calls += 1
        match await self._model.complete(request):
            case Reply() as reply:
                self._replies.append(reply)
                return reply
            case Failure() as failure:
                self._failures.append(failure)
                if self.halted is None and halting(failure) is not None:
                    self.halted = failure
                return failure

    def rollout(
        self,
        candidate: str,
        example: str,
        split: Split,
        sample: int,
        answer: str,
        score: Score,
        latency_s: float | None = None,
        steps: tuple[Step, ...] = (),
        failure: FailureKind | None = None,
        unread: int = 0,
    ) -> Rollout:
        """The rollout with what it took. `latency_s` None is the sum over its calls."""
        replies, failures = self._replies, self._failures
        usages = [one.usage for one in replies] + [one.usage for one in failures if one.usage.prompt_tokens is not None]
        costs = [one.cost_usd for one in replies] + [one.cost_usd for one in failures if one.cost_usd is not None]
        keys = list(dict.fromkeys(one.key for one in replies if one.key))
        cached = [one for one in replies if not one.paid]
        return Rollout(
            candidate,
            example,
            split,
            sample,
            answer,
            score,
            whole([one.prompt_tokens for one in usages]),
            whole([one.output_tokens for one in usages]),
            summed(costs),
            math.fsum(one.latency_s for one in replies) if latency_s is None else latency_s,
            not cached or len(cached) < len(replies),
            failure,
            " ".join(keys[-1:] if steps else keys),
            steps,
            self._calls,
            len(cached) if self._calls != 1 else 0,
            math.fsum(one.cost_usd or 0.0 for one in cached) if self._calls != 1 else 0.0,
            unread,
        )


def step_of(name: str, reply: Reply) -> Step:
    """A reply as it is kept with a rollout."""
    text, usage = well_formed(reply.text), reply.usage
    kept, cut = text[:KEPT_CHARACTERS], len(text) > KEPT_CHARACTERS
    return Step(name, {}, kept, reply.key, usage.prompt_tokens, usage.output_tokens, reply.cost_usd, reply.paid, cut)


def whole(values: Sequence[int | None]) -> int | None:
    """The sum, None where one is not known or there is none."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def summed(values: Sequence[float | None]) -> float | None:
    """The sum, None where one is not known or there is none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known and len(known) == len(values) else None
