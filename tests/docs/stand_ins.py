"""What stands in for the hosted models and local servers that the documentation's commands name: real HTTP on loopback, the vendors' shapes, no weights.

Behind both the embedded programs answer, so that a run that is shown has something to find. What they say is nobody's claim about a language model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from topout.models.embedded.core import answer
from topout.models.pinging import ASKED
from topout.testing.loopback import Answer, Loopback
from topout.testing.server import OpenAIServer, Response, chat

__all__ = ["StandIns", "stand_ins"]

CRITICS = ("gpt-5",)
"""Models that the pages name as critic or judge."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """The addresses: an OpenAI-compatible server's, with /v1, and an Ollama server's."""

    openai: str
    ollama: str


@contextmanager
def stand_ins() -> Iterator[StandIns]:
    """Both servers, for as long as the block lasts."""
    with OpenAIServer(openai) as one, Loopback(ollama) as other:
        yield StandIns(one.url, other.url)


def said(body: Mapping[str, Any]) -> tuple[str, int, int]:
    """A reply with its tokens in and out: the reader's; of a critic's model what the embedded critic would write, or the mark of a judge."""
    last = str(body["messages"][-1]["content"])
    critic = str(body["model"]) in CRITICS
    found = answer("critic" if critic else "reader", body["messages"], seed=body.get("seed"))[0]
    text = found.text
    if ASKED in last:
        text = json.dumps({"word": "ready"})
    elif critic and (marked := re.search(r"```answer\n(.*?)\n```", last, re.DOTALL)):
        reference = re.search(r"```reference\n(.*?)\n```", last, re.DOTALL)
        right = reference is not None and reference[1].strip() == marked[1].strip()
        text = json.dumps({"reason": "as the reference" if right else "another answer", "score": 5 if right else 1})
    return text, found.prompt_tokens, found.output_tokens


def openai(body: Mapping[str, Any]) -> Response:
    """A chat completion."""
    text, tokens_in, tokens_out = said(body)
    return chat(text, usage=(tokens_in, tokens_out))


def ollama(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """`/api/chat` as Ollama answers it; all else is not found."""
    if path != "/api/chat":
        return 404, {"Content-Type": "application/json"}, b'{"error": "not found"}'
    asked = json.loads(body)
    text, tokens_in, tokens_out = said(asked)
    told = {
        "model": asked["model"],
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": tokens_in,
        "eval_count": tokens_out,
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()
