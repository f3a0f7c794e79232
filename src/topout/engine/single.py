"""How a prompt answers an example when the task brings no program of its own: one call of the task model, or one a vote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from topout.contracts import Model, Solve, Solved
from topout.domain import Demo, Example, Failure, Message, Prompt, Reply, Request, Task
from topout.engine.halt import halting
from topout.engine.meter import step_of
from topout.engine.voting import VOTING_TEMPERATURE, majority
from topout.search.demos import as_demo
from topout.text.genes import AnswerForm, plain, read_reply, reply_schema
from topout.text.nearest import Nearest
from topout.text.rendering import render, renderer
from topout.text.untrusted import well_formed

__all__ = ["SingleCall"]


class SingleCall:
    """The program of a task that is one prompt. What does not depend on the example is done once, in `bind`.

    Examples that are retrieved come from train alone, and never the row itself nor one of its group: a train row is answered as if it were not there.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._form = AnswerForm.of(task)
        self._nearest: Nearest | None = None

    def calls(self, prompt: Prompt) -> int:
        return max(1, prompt.votes)

    def bind(self, prompt: Prompt) -> Solve:
        """Raises KeyError for a placeholder without an input, here for demos, in the function for its example."""
        task, form = self._task, self._form
        messages = self._renderer(prompt)
        schema = reply_schema(prompt, form)
        votes = self.calls(prompt)
        temperature = task.temperature if task.temperature > 0 or votes == 1 else VOTING_TEMPERATURE
        traced = votes > 1 or prompt.reasoning != "direct" or prompt.answer_format != "plain"

        async def ask(asked: tuple[Message, ...], sample: int, model: Model, name: str) -> Reply | Failure:
            return await model.complete(
                Request(
                    name,
                    asked,
                    temperature=temperature,
                    max_output_tokens=task.max_output_tokens,
                    sample=sample,
                    json_schema=schema,
                )
            )

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            asked = messages(example)
            if not traced:
                reply = await ask(asked, sample, model, name)
                return reply if isinstance(reply, Failure) else Solved(reply.text)
            drawn = await asyncio.gather(*(ask(asked, votes * sample + i, model, name) for i in range(votes)))
            replies = [one for one in drawn if isinstance(one, Reply)]
            failures = [one for one in drawn if isinstance(one, Failure)]
            steps = tuple(step_of("reply", one) for one in replies)
            fatal = next((one for one in failures if halting(one) is not None), None)
            if fatal is not None or 2 * len(replies) <= votes:
                return replace(fatal or failures[0], steps=steps)
            read = [read_reply(prompt, form, well_formed(one.text)) for one in replies]
            answer = majority([text for text, _ in read], task.scorer_name)
            longest = max(one.latency_s for one in replies)
            return Solved(answer, longest, steps, unread=sum(not marked for _, marked in read))

        return solve

    def _renderer(self, prompt: Prompt) -> Callable[[Example], tuple[Message, ...]]:
        """A function example -> messages."""
        form = self._form
        if not prompt.retrieved:
            fill = renderer(plain(prompt, form))
            return lambda example: fill(example.inputs)
        nearest = self._nearest = self._nearest or Nearest(self._task.rows("train"))
        shown = {content(demo) for demo in prompt.demos}

        def with_neighbours(example: Example) -> tuple[Message, ...]:
            found = [as_demo(row) for row in nearest.to(example, prompt.retrieved + len(shown))]
            fresh = [demo for demo in found if content(demo) not in shown][: prompt.retrieved]
            return render(plain(prompt.with_demos((*prompt.demos, *reversed(fresh))), form), example.inputs)

        return with_neighbours


def content(demo: Demo) -> tuple[tuple[tuple[str, str], ...], str]:
    return (tuple(sorted(demo.inputs.items())), demo.output)
