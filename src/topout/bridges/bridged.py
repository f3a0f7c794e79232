"""A foreign optimizer as one of ours: its loop runs in a thread and takes a step with each attempt.

    attempt k ──► go on ──► thread: measure? ask? ──► answered by attempt k's lab ──► step ──► attempt k is done, the thread waits

One lane, so the loop never runs ahead of what was committed. It starts anew with attempt 0. A resumed run makes all attempts again from the first one, and
its lab answers from the journal: the foreign loop, which depends on its seed and on what it is told, comes to the same place without a call. So it gets cache,
limits, journal, resume, curve and exam without knowing of them.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from topout.bridges.host import Host, Over, Step, answerable
from topout.contracts import History, Lab, Move, Stop
from topout.domain import Attempt, Example, Message, Operator, Outcome, Prompt, Rollout, Scored, Task
from topout.errors import OptimizerError
from topout.search.racing import standing
from topout.search.trial import Terms, carry_out, fruitless, instructs, rewrite_move

__all__ = ["Bridged", "Loop"]

Loop = Callable[[Host, int, int], None]
"""A foreign loop: host, seed, and the calls that it may come to."""


class Bridged:
    """The optimizer. `levers` without 'demos' needs a text that may be edited. Its one state is the thread of the run that it is in."""

    lanes = 1

    def __init__(self, name: str, loop: Loop, demos: bool, give_up_after: int = 50) -> None:
        self.name = name
        self._loop = loop
        self._demos = demos
        self._give_up_after = give_up_after
        self._terms = Terms()
        self._session: Session | None = None

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """The next step. Asked out of turn (by a probe, which wants fresh proposals), a rewrite of the champion."""
        champion = history.pool[history.champion]
        editable = [c for c in champion.candidate.prompt.components if instructs(c)]
        if not editable and not self._demos:
            return Stop("no component can be edited")
        if number > len(history.attempts) and editable:
            return rewrite_move(champion, rng.choice(editable), history, self._terms, rng)
        last = history.attempts[-1] if history.attempts else None
        if last is not None and last.reason.startswith(self._ended):
            return Stop(last.reason)
        if fruitless(history) >= self._give_up_after:
            return Stop(f"{self.name} proposed nothing in {self._give_up_after} steps")
        calls = 1 if last is None or last.outcome != "cut" else history.calls_left + 1  # what it needs is more than is left
        more = max(0, history.calls_left - 1)
        return Move("rewrite" if editable else "demos", (champion,), prompt=champion.candidate.prompt, calls=calls, more=more)

    @property
    def _ended(self) -> str:
        return f"{self.name} has ended"

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Let the loop go on to its next step."""
        if move.prompt is None:
            return await carry_out(number, move, lab, self._terms)
        if number == 0:
            seed, calls = lab.rng("foreign").getrandbits(31), move.calls + move.more
            loop = self._loop  # the thread must not hold this object, whose end is the thread's
            self._session = Session(lab.task, lambda host: loop(host, seed, calls))
        session = self._session
        if session is None or session.steps != number:
            return Attempt(
                number, move.operator, (move.parents[0].candidate.id,), "failed", f"{self.name} takes its steps in order"
            )
        try:
            return await self._step(number, move, lab, session)
        except asyncio.CancelledError:
            session.end()
            raise

    async def _step(self, number: int, move: Move, lab: Lab, session: Session) -> Attempt:
        parents = (move.parents[0].candidate.id,)
        cut = Attempt(number, move.operator, parents, "cut", "the budget ended or the run was halted")
        answer: list[Rollout] | str | None = None
        while True:
            match await session.go_on(answer):
                case Wanted(prompt, rows):
                    answer = await lab.measure(lab.candidate(prompt, move, self.name), rows)
                case Question(messages):
                    answer = await lab.ask(messages)
                case Step(kind="kept", prompt=Prompt() as prompt, parent=parent) as step if answerable(prompt, lab.task):
                    if prompt == lab.task.baseline:
                        answer = ""  # the first of the pool
                        continue
                    done = await kept(number, move, lab, step, prompt, parent or lab.task.baseline)
                    if done is None:
                        break
                    session.steps += 1
                    return done
                case Step() as step:
                    session.steps += 1
                    outcome: Outcome = "rejected" if step.kind == "rejected" else "dropped"
                    return Attempt(number, move.operator, parents, outcome, step.reason)
                case Finished(None):
                    return Attempt(number, move.operator, parents, "rejected", f"{self._ended}: it has tried all that it plans to")
                case Finished((Exception() | SystemExit()) as error):
                    raise OptimizerError(f"recipe '{self.name}': {type(error).__name__}: {one_line(error)}.") from error
            if answer is None:
                break
        session.end()
        return cut


async def kept(number: int, move: Move, lab: Lab, step: Step, prompt: Prompt, parent: Prompt) -> Attempt | None:
    """The attempt that brought a prompt into the pool, with its paired difference to its parent on dev; None when the budget does not allow for the
    rows that the foreign optimizer has left out."""
    dev = lab.task.rows("dev")
    before = lab.candidate(parent, move, "")
    operator: Operator = "rewrite" if prompt.components != parent.components else "demos"
    candidate = replace(lab.candidate(prompt, move, step.reason), parents=(before.id,), operator=operator)
    mine, theirs = await lab.measure(candidate, dev), await lab.measure(before, dev)
    if mine is None or theirs is None:
        return None
    now = standing(on_rows(mine), on_rows(theirs))
    if not now.rows:
        return Attempt(number, operator, (before.id,), "failed", "no dev row could be scored", candidate)
    return Attempt(number, operator, (before.id,), "kept", step.reason, candidate, now.gain, now.se, now.rows)


def on_rows(rollouts: Sequence[Rollout]) -> list[float]:
    return [r.score.value if isinstance(r.score, Scored) else float("nan") for r in rollouts]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The loop wants a prompt measured."""

    prompt: Prompt
    rows: Sequence[Example]


@dataclass(frozen=True, slots=True)
class Question:
    """The loop asks the critic."""

    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Finished:
    """The loop came to its end, or to an error."""

    error: Exception | SystemExit | None


Said = Wanted | Question | Step | Finished
Answered = list[Rollout] | str | None
"""None: the budget has ended."""


class Line:
    """The host that the loop sees from its thread. Each call waits for its answer."""

    def __init__(self, task: Task, loop: asyncio.AbstractEventLoop) -> None:
        self.task = task
        self.said: asyncio.Queue[Said] = asyncio.Queue()
        self.answers: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self._loop = loop
        self._over = False

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        answer = self.call(Wanted(prompt, tuple(rows)))
        assert isinstance(answer, list)
        return answer

    def ask(self, messages: Sequence[Message]) -> str:
        answer = self.call(Question(tuple(messages)))
        assert isinstance(answer, str)
        return answer

    def tell(self, step: Step) -> None:
        self.call(step)

    def call(self, said: Said) -> list[Rollout] | str:
        """Say it and wait. Raises Over, also ever after."""
        if not self._over:
            self.say(said)
            answer = self.answers.get()
            if answer is not None:
                return answer
            self._over = True
        raise Over

    def say(self, said: Said) -> None:
        try:
            self._loop.call_soon_threadsafe(self.said.put_nowait, said)
        except RuntimeError:  # the run is over, and its event loop closed
            self._over = True
            raise Over from None


class Session:
    """A foreign loop under way. `steps` counts those that it has taken. When nobody holds the session any more, its thread ends."""

    def __init__(self, task: Task, work: Callable[[Host], None]) -> None:
        self.steps = 0
        self._line = Line(task, asyncio.get_running_loop())
        self._thread = threading.Thread(target=working, args=(self._line, work), name="foreign optimizer", daemon=True)
        self._end = weakref.finalize(self, self._line.answers.put, None)
        self._begun = False

    async def go_on(self, answer: Answered) -> Said:
        """Hand over an answer, if the loop waits for one, and hear what it says next."""
        if not self._begun:
            self._begun = True
            self._thread.start()
        else:
            self._line.answers.put("" if answer is None else answer)
        return await self._line.said.get()

    def end(self) -> None:
        """The budget has ended: let the thread go."""
        self._end()


def working(line: Line, work: Callable[[Host], None]) -> None:
    """What the thread does."""
    error: Exception | SystemExit | None = None
    try:
        work(line)
    except Over:
        return
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - foreign code
        error = raised
    try:
        line.say(Finished(error))
    except Over:
        return


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
