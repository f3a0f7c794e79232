"""How many tokens a call may use at most: what the ledger sets aside before the call is sent."""

from __future__ import annotations

from topout.domain import Request, Usage

__all__ = ["Bounds"]


class Bounds:
    """Upper bounds of tokens per call, that learn from every call that used more.

    A prompt is taken to have a token for every byte of UTF-8 and 16 more for each message: no tokenizer of today makes a token of less than a
    byte. (English prose takes one for about 4 bytes, Burmese one for less than 2: an average would be no bound.) Where a model turns out to need
    more all the same, or answers with more than it was allowed, all later bounds of that model grow by the same factor.
    """

    def __init__(self) -> None:
        self._factors: dict[str, tuple[float, float]] = {}

    def of(self, request: Request) -> tuple[float, float]:
        """(prompt tokens, output tokens), neither to be exceeded."""
        prompt, output = self._factors.get(request.model, (1.0, 1.0))
        return _prompt(request) * prompt, request.max_output_tokens * output

    def learn(self, request: Request, usage: Usage) -> None:
        """Take note of what a call really used."""
        bound_prompt, bound_output = self.of(request)
        used_prompt, used_output = usage.prompt_tokens or 0, usage.output_tokens or 0
        if used_prompt > bound_prompt or used_output > bound_output:
            prompt, output = self._factors.get(request.model, (1.0, 1.0))
            self._factors[request.model] = (
                prompt * max(1.0, used_prompt / bound_prompt),
                output * max(1.0, used_output / max(bound_output, 1.0)),
            )


def _prompt(request: Request) -> float:
    return sum(_bytes(message.content) + 16 for message in request.messages) + _bytes(request.json_schema) + 16


def _bytes(text: str) -> int:
    """Of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
