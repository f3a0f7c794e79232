"""What goes to a model and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from topout.domain.prompt import Message

__all__ = ["PROVIDER_IS_DOWN", "Failure", "FailureKind", "ModelRole", "Reply", "Request", "Step", "Usage"]

ModelRole = Literal["task", "critic", "judge"]

FailureKind = Literal[
    "outage",  # the provider did not answer usefully after all retries (5xx, drops, time-outs, 429 without end)
    "circuit",  # not sent: the provider has been failing for a while
    "budget",  # not sent: it could have overshot a limit of the budget
    "auth",  # key missing, wrong or without the right
    "not_found",  # no such model or provider
    "unreachable",  # no server at that address
    "context",  # the prompt is longer than the model's window
    "filtered",  # the provider's content filter withheld the answer
    "empty",  # a success without an answer in it
    "quota",  # the account's money or quota is used up
    "rejected",  # the request itself is refused (other 4xx)
    "stopped",  # the run was asked to stop
    "unreadable",  # a judge replied, and it is no verdict; or a scorer died of the answer
]


PROVIDER_IS_DOWN: frozenset[FailureKind] = frozenset({"outage", "unreachable", "quota", "auth", "not_found"})
"""Failures that say nothing of the one request: the provider does not answer, or not us."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one model.

    `sample` tells repeated draws of the same question apart (0, 1, ...). `seed` is passed to models that take one.
    `stop` sequences and `json_schema` are empty when unused; `json_schema` is JSON text.
    """

    model: str
    messages: tuple[Message, ...]
    role: ModelRole = "task"
    temperature: float = 0.0
    max_output_tokens: int = 512
    sample: int = 0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    json_schema: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; None where the provider did not say (unknown is not zero)."""

    prompt_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `cost_usd` is the list price of this call (None when the price is unknown) whether or not it was paid now;
    `paid` is False when it came from the cache and this run never paid for it. `latency_s` is the provider's, as first measured."""

    text: str
    finish_reason: str = "stop"
    usage: Usage = Usage()
    cost_usd: float | None = None
    latency_s: float = 0.0
    paid: bool = True
    key: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a program on its way to an answer: a call of the model, or of a tool.

    `component` names the part of the prompt that the call was made with, or the tool. `asked` is what went in, by name; `answered` what came out.
    `key` is that of the reply in the cache, '' for a tool; tokens, cost (list price) and `paid` are those of this call. `cut` says that texts were too
    long to be kept whole.
    """

    component: str
    asked: Mapping[str, str]
    answered: str
    key: str = ""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    paid: bool = True
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `message` is one line for a person, without secrets. `usage` and `cost_usd` are what it cost all the same (a filtered or empty reply is billed);
    `steps` are what a program had done before."""

    kind: FailureKind
    message: str
    usage: Usage = Usage()
    cost_usd: float | None = None
    steps: tuple[Step, ...] = ()
