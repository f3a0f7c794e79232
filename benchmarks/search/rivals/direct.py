"""The host that rivals meet in a benchmark: every call is made and counted, and nothing is remembered for them but what they remember themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from benchmarks.search.course import Course, Stage
from benchmarks.search.landscape import Ground
from benchmarks.search.rivals.proposing import for_the_critic
from topout.bridges.host import Over, Step
from topout.domain import Candidate, Example, Failure, Message, Prompt, Reply, Request, Rollout, Task, Unscored
from topout.search.place import seed_for
from topout.text.fingerprints import prompt_id
from topout.text.rendering import renderer

__all__ = ["Direct", "course"]

STAND_IN = "The rows are short questions with one answer each."

GIVE_UP = 2_000
"""So many steps without a call in between end a search that would go on for ever."""


class Direct:
    """A `Host` on a ground. `calls` counts task and critic calls together; the call that completes a full evaluation may be the last one past `limit`, which
    is then raised as `Over` at the next.

    The best prompt so far is taken as the rival reports it: the best of its own scores, the first of equals."""

    def __init__(self, ground: Ground, limit: int, seed: int) -> None:
        self.ground = ground
        self.task: Task = ground.task
        self.limit = limit
        self.calls = 0
        self.task_calls = 0
        self.stages: list[Stage] = []
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._asked = 0
        self._idle = 0

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        self.spend()
        self.calls += len(rows)
        self.task_calls += len(rows)
        return self._loop.run_until_complete(self.together(prompt, rows))

    async def together(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        """All rows at once."""
        candidate, render = Candidate(prompt_id(prompt), prompt), renderer(prompt)
        return list(await asyncio.gather(*(self.one(candidate.id, row, render(row.inputs)) for row in rows)))

    async def one(self, candidate: str, row: Example, messages: tuple[Message, ...]) -> Rollout:
        told = await self.ground.model.complete(Request("task", messages, max_output_tokens=self.task.max_output_tokens))
        if isinstance(told, Failure):
            return Rollout(candidate, row.id, "dev", 0, "", Unscored(told.message))
        return Rollout(candidate, row.id, "dev", 0, told.text, self.ground.scorer(told.text, row))

    def ask(self, messages: Sequence[Message]) -> str:
        self.spend()
        self.calls += 1
        self._asked += 1
        seed = seed_for(self._seed, self._asked, "critic") % 2**31
        if messages[0].role == "system":  # DSPy's
            put = for_the_critic(messages, self.task, self._asked, self._seed)
            if put is None:
                return STAND_IN
            messages = put
        request = Request("critic", tuple(messages), role="critic", temperature=1.0, max_output_tokens=4000, seed=seed)
        told = self._loop.run_until_complete(self.ground.critic.complete(request))
        return told.text if isinstance(told, Reply) else ""

    def tell(self, step: Step) -> None:
        self._idle += 1
        if self._idle > GIVE_UP:
            raise Over
        if step.kind != "kept" or step.prompt is None or step.score is None:
            return
        if not self.stages or step.score > self.stages[-1].dev:
            self.stages.append(Stage(self.calls, step.prompt, step.score))

    def spend(self) -> None:
        """Raise `Over` when the calls are used up."""
        self._idle = 0
        if self.calls >= self.limit:
            raise Over


def course(host: Direct, work: Callable[[], None]) -> Course:
    """Let a rival work on the host until it has finished or the calls are used up."""
    try:
        work()
    except Over:
        pass
    finally:
        host._loop.close()
    stages = host.stages or [Stage(host.calls, host.task.baseline, float("nan"))]
    return Course(tuple(stages), host.calls)
