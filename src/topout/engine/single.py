"""How a prompt answers an example when the task brings no program of its own: one call of the task model."""

from __future__ import annotations

from topout.contracts import Model, Solve, Solved
from topout.domain import Example, Failure, Prompt, Request, Task
from topout.text.rendering import renderer

__all__ = ["SingleCall"]


class SingleCall:
    """The program of a task that is one prompt. What does not depend on the example is rendered once, in `bind`."""

    def __init__(self, task: Task) -> None:
        self._temperature = task.temperature
        self._max_output_tokens = task.max_output_tokens

    def calls(self, prompt: Prompt) -> int:
        return 1

    def bind(self, prompt: Prompt) -> Solve:
        """Raises KeyError for a placeholder without an input, here for demos, in the function for its example."""
        render = renderer(prompt)

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            request = Request(
                name,
                render(example.inputs),
                temperature=self._temperature,
                max_output_tokens=self._max_output_tokens,
                sample=sample,
            )
            reply = await model.complete(request)
            if isinstance(reply, Failure):
                return reply
            return Solved(reply.text)

        return solve
