"""The one entry: messages in, answers out. Pure apart from fresh entropy at temperature > 0 without a seed, and its caches."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from topout.errors import UserError
from topout.models.embedded.answering import field_answer, label_answer
from topout.models.embedded.critic import criticise
from topout.models.embedded.extraction import Extractor
from topout.models.embedded.ranking import Index
from topout.models.embedded.reading import read
from topout.models.embedded.shapes import Parsed, Split
from topout.models.embedded.splitting import content_text, split
from topout.models.embedded.tokens import count_tokens, cut

__all__ = ["CONTEXT_TOKENS", "MODELS", "Answer", "ContextTooLong", "UnknownModel", "answer", "understood"]

MODELS = ("reader", "reader-small", "critic")
"""Names behind `embedded/`."""

CONTEXT_TOKENS = 32_768


class UnknownModel(UserError):  # noqa: N818 - named for what it is, in the one exception tree
    """No embedded model has that name."""


class ContextTooLong(UserError):  # noqa: N818
    """The prompt is longer than the window. Nothing is cut off silently."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice. `finish_reason` is "stop", or "length" when `max_tokens` cut the text."""

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class _Prompt:
    parsed: Parsed
    index: Index
    extractor: Extractor | None


@lru_cache(maxsize=48)
def _prompt(instruction: str, turns: tuple[tuple[str, str], ...], open_mark: bool, wanted: str, small: bool) -> _Prompt:
    parsed = read(Split(instruction, turns, "", open_mark), json.loads(wanted))
    return _Prompt(parsed, Index(parsed, small), Extractor(parsed) if parsed.fields else None)


def understood(messages: Sequence[Mapping[str, object]], response_format: object = None) -> Parsed:
    """What a reader makes of a prompt: for tests, and to show a person which sentences it cannot use."""
    return read(split(messages), response_format)


def _rng(seed: int | None, salt: str, number: int, temperature: float) -> random.Random:
    """A seed decides together with the prompt; without one temperature 0 depends on the prompt alone and any other is fresh."""
    if seed is None and temperature > 0:
        return random.Random()
    return random.Random(zlib.crc32(f"{seed}/{number}/{salt}".encode()))


def answer(
    model: str,
    messages: Sequence[Mapping[str, object]],
    *,
    temperature: float = 0.0,
    seed: int | None = None,
    max_tokens: int | None = None,
    n: int = 1,
    response_format: object = None,
    stop: Sequence[str] = (),
) -> list[Answer]:
    """`n` answers of an embedded model to chat messages.

    Raises UnknownModel (with the valid names) and ContextTooLong. `model` is the name without `embedded/`.
    """
    if model not in MODELS:
        names = ", ".join(f"embedded/{name}" for name in MODELS)
        raise UnknownModel(f"embedded/{model}: no such embedded model. Valid names: {names}.")
    texts = [content_text(message.get("content")) for message in messages]
    size = 3 + sum(4 + count_tokens(text) for text in texts)
    if size > CONTEXT_TOKENS:
        raise ContextTooLong(
            f"embedded/{model}: the prompt has {size} tokens, the context window holds {CONTEXT_TOKENS}. Shorten it."
        )
    found = []
    if model == "critic":
        salt = "\n".join(texts)
        replies = [criticise(messages, _rng(seed, salt, number, temperature)) for number in range(max(n, 1))]
    else:
        parts = split(messages)
        wanted = (
            json.dumps(response_format if isinstance(response_format, Mapping) else None, sort_keys=True)
            if response_format
            else "null"
        )
        prompt = _prompt(parts.instruction, parts.turns, parts.open_mark, wanted, model == "reader-small")
        if prompt.extractor is not None:
            replies = [field_answer(prompt.parsed, prompt.extractor, parts.query)] * max(n, 1)
        else:
            salt = f"{parts.instruction}\n{parts.query}"
            replies = [
                label_answer(prompt.parsed, prompt.index, parts.query, temperature, _rng(seed, salt, number, temperature), salt)
                for number in range(max(n, 1))
            ]
    for reply in replies:
        for ending in stop:
            reply = reply.split(ending, 1)[0]
        was_cut = False
        if max_tokens is not None:
            reply, was_cut = cut(reply, max_tokens)
        found.append(Answer(reply, "length" if was_cut else "stop", size, count_tokens(reply)))
    return found
