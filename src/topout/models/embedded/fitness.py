"""An embedded reader that finds nothing in the prompt says so in its first answer: then nobody should wait for a run to end."""

from __future__ import annotations

from topout.contracts import Model
from topout.domain import Failure, Reply, Request
from topout.errors import UserError
from topout.models.embedded.answering import CANNOT

__all__ = ["Fitness"]


class Fitness:
    """Stands before a model. Raises UserError when an embedded reader's first answer is that the prompt lists nothing to choose among; whether it
    does is a matter of the prompt, not of the row. Everything else goes through."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._met = False

    async def complete(self, request: Request) -> Reply | Failure:
        reply = await self._model.complete(request)
        if not self._met and isinstance(reply, Reply):
            self._met = True
            if reply.text == CANNOT and request.model.startswith("embedded/"):
                raise UserError(
                    f"{request.model}: found neither labels nor fields in the prompt, and it can only choose among those. "
                    "List them in prompt.md, or pass a real model, for example --model openai/gpt-4.1-mini."
                )
        return reply
