"""The critic: a model that reads failures and writes edits. Its replies are journaled whole, checked, and remembered on resume."""

from __future__ import annotations

from collections.abc import Sequence

from topout.contracts import Critique, Journal, Move
from topout.domain import Critiqued, Failure, Message, Reply, Request, Rollout, Task
from topout.engine.critique_checks import WHOLE, check_reply
from topout.engine.critique_message import critique_messages
from topout.engine.halt import Halt, halting
from topout.engine.harness import Seat
from topout.engine.replay import Replay
from topout.errors import UserError
from topout.text.untrusted import well_formed

__all__ = ["Critic"]

PING = -1
"""The attempt number under which the first call to the critic is journaled."""


class Critic:
    """Asks `seat` for edits. `temperature` and `max_output_tokens` are the critic's own."""

    def __init__(
        self, task: Task, seat: Seat, journal: Journal, replay: Replay, halt: Halt, temperature: float, max_output_tokens: int
    ) -> None:
        self._task = task
        self._seat = seat
        self._journal = journal
        self._replay = replay
        self._halt = halt
        self._temperature = temperature
        self._max_output_tokens = max_output_tokens
        self._train = {example.id: example for example in task.rows("train")}

    async def ping(self) -> None:
        """One short call, unless the journal remembers one: so that a wrong name or key shows at once.

        Raises UserError for what no later call will mend. A critic that is down halts the run; one that only has no answer to this question is
        let be.
        """
        if self._halt.ending is not None or self._replay.critique(PING, 1) is not None:
            return
        request = Request(self._seat.name, (Message("user", "Reply with the word ready."),), "critic", 0.0, self._max_output_tokens)
        match await self._seat.model.complete(request):
            case Failure(kind="empty" | "filtered") as failure:
                self._journal.append(no_answer(PING, failure, 1))
            case Failure(kind="outage") as failure:
                self._halt.set("outage", f"critic: {failure.message}")
            case Failure() as failure:
                ending = halting(failure)
                if ending is None:
                    raise UserError(f"critic: {failure.message}")
                self._halt.set(ending, failure.message)
            case Reply() as reply:
                self._journal.append(journaled(PING, reply, 1))

    async def critique(
        self, attempt: int, turn: int, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout], seed: int
    ) -> Critique | None:
        """The checked proposal of an attempt's `turn`-th critique (from 1); None when the run is being halted.

        A critic that fails on this one question is a refused proposal."""
        done = self._replay.critique(attempt, turn)
        if done is None:
            messages = critique_messages(self._task, move, failing, passing, self._train)
            done = await self._told(attempt, turn, messages, seed)
        if done is None:
            return None
        if done.failure is not None:
            return Critique(None, "", f"the critic gave no answer ({done.text})")
        return check_reply(done.text, done.finish_reason, move, self._train.values())

    async def ask(self, attempt: int, turn: int, messages: tuple[Message, ...], seed: int) -> str | None:
        """The reply to a question of an optimizer's own, '' for none and for one that was cut off; None when the run is being halted."""
        done = self._replay.critique(attempt, turn) or await self._told(attempt, turn, messages, seed)
        if done is None:
            return None
        whole = done.failure is None and done.finish_reason in WHOLE
        return done.text if whole else ""

    async def _told(self, attempt: int, turn: int, messages: tuple[Message, ...], seed: int) -> Critiqued | None:
        """What the critic says, journaled; None when the run is being halted."""
        request = Request(
            self._seat.name,
            messages,
            role="critic",
            temperature=self._temperature,
            max_output_tokens=self._max_output_tokens,
            sample=0,
            seed=seed % 2**31,
        )
        if self._halt.ending is not None:
            return None
        match await self._seat.model.complete(request):
            case Failure() as failure:
                ending = halting(failure)
                if ending is not None:
                    self._halt.set(ending, failure.message)
                    return None
                done = no_answer(attempt, failure, turn)
            case Reply() as reply:
                done = journaled(attempt, reply, turn)
        self._journal.append(done)
        return done


def no_answer(attempt: int, failure: Failure, turn: int) -> Critiqued:
    """A critic's failure as the journal keeps it."""
    text, usage = f"{failure.kind}: {failure.message}", failure.usage
    return Critiqued(
        attempt, "critic", text, "", usage.prompt_tokens, usage.output_tokens, failure.cost_usd, failure=failure.kind, turn=turn
    )


def journaled(attempt: int, reply: Reply, turn: int) -> Critiqued:
    """A critic's reply as the journal keeps it."""
    usage = reply.usage
    return Critiqued(
        attempt,
        "critic",
        well_formed(reply.text),
        reply.finish_reason,
        usage.prompt_tokens,
        usage.output_tokens,
        reply.cost_usd,
        reply.latency_s,
        reply.paid,
        None,
        reply.key,
        turn,
    )
