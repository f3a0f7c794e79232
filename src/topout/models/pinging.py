"""What a model can do, seen rather than looked up: one call that asks for everything at once, and a few short ones side by side.

Nothing here is cached, retried or put on a run's books: it is about the way to the model.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from topout.domain import Message, Request, Usage
from topout.models.estimate import Bounds
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Price
from topout.models.transport import Delivered, Refused

__all__ = ["Burst", "Pinged", "Taken", "most_usd", "ping", "requests", "widths"]

Taken = Literal["yes", "accepted", "no"]
"""yes: seen in the reply; accepted: the model took the parameter, and the reply does not prove that it heeds it; no: not taken."""

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"word": {"type": "string", "enum": ["ready"]}},
        "required": ["word"],
        "additionalProperties": False,
    }
)
ASKED = "Reply with one JSON object whose key 'word' has the value 'ready', such as {\"word\": \"ready\"}, and nothing else."
NOT_TOLD = Usage()
ROOM = 200
"""Output tokens of the first call: a model that thinks before it answers uses most of them."""


@dataclass(frozen=True, slots=True)
class Burst:
    """So many calls `at_once`: how many were `answered`, how many refused because they were too many, and the seconds until the last came back."""

    at_once: int
    answered: int
    throttled: int
    seconds: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pinged:
    """What came of it. `refused` is set when no call was answered. `billed` are the calls that were answered, with their `usage` together (None: not told)."""

    answer: str
    latency_s: float
    usage: Usage
    structured: Taken
    seed: Taken
    logprobs: Taken
    temperature: Taken
    bursts: tuple[Burst, ...] = ()
    billed: int = 0
    usage_in_all: Usage = NOT_TOLD
    note: str = ""
    refused: Refused | None = None


def requests(model: str) -> tuple[Request, Request]:
    """The call that asks for everything, and the short one: what is sent again when that was refused, and side by side."""
    first = Request(model, (Message("user", ASKED),), max_output_tokens=ROOM, seed=1, json_schema=SCHEMA)
    return first, Request(model, (Message("user", "Reply with the word ready."),), max_output_tokens=ROOM)


def widths(concurrency: int) -> list[int]:
    """1 is the first call; then 2, 4, ... at once, up to `concurrency`."""
    found = []
    width = 2
    while width < concurrency:
        found.append(width)
        width *= 2
    return [*found, concurrency] if concurrency > 1 else []


def most_usd(model: str, concurrency: int, price: Price | None) -> tuple[int, float | None]:
    """The most calls that `ping` makes, and the most that they cost; None without a price."""
    first, short = requests(model)
    bounds, many = Bounds(), sum(widths(concurrency))
    calls = 2 + many
    if price is None:
        return calls, None
    return calls, price.cost(*bounds.of(first)) + (1 + many) * price.cost(*bounds.of(short))


async def ping(model: str, transport: LitellmTransport, concurrency: int = 1) -> Pinged:
    """Ask for a schema, a seed and log probabilities at once; where that is refused, without them. Then bursts, until one is throttled.

    `transport` is one with `logprobs`, and is closed here.
    """
    first, short = requests(model)
    try:
        sent = await transport.send(first)
        note = ""
        if isinstance(sent, Refused) and (sent.kind in ("rejected", "empty", "filtered") or sent.status in (500, 501, 502)):
            before = sent
            sent = await transport.send(short)
            note = f"refused with a schema, a seed and log probabilities ({before.message})" if isinstance(sent, Delivered) else ""
        if isinstance(sent, Refused):
            return Pinged("", 0.0, sent.usage, "no", "no", "no", "no", refused=sent)
        dropped = transport.dropped.get(model, set())
        plain = bool(note)
        bursts, others = await side_by_side(transport, short, widths(concurrency))
    finally:
        await transport.aclose()
    structured: Taken = "no" if plain or "response_format" in dropped else "yes" if fits(sent.text) else "accepted"
    return Pinged(
        sent.text,
        sent.latency_s,
        sent.usage,
        structured,
        "no" if plain or "seed" in dropped else "accepted",
        "yes" if sent.logprobs else "no" if plain or "logprobs" in dropped else "accepted",
        "no" if "temperature" in dropped else "accepted",
        bursts,
        1 + len(others),
        together([sent, *others]),
        note,
    )


async def side_by_side(
    transport: LitellmTransport, short: Request, wanted: Sequence[int]
) -> tuple[tuple[Burst, ...], list[Delivered]]:
    """Bursts of growing width; the first one with a refusal is the last."""
    bursts: list[Burst] = []
    answered: list[Delivered] = []
    for width in wanted:
        started = time.perf_counter()
        sent = await asyncio.gather(*(transport.send(replace(short, sample=i)) for i in range(width)))
        seconds = time.perf_counter() - started
        good = [one for one in sent if isinstance(one, Delivered)]
        bad = [one for one in sent if isinstance(one, Refused)]
        answered += good
        bursts.append(Burst(width, len(good), sum(one.status == 429 for one in bad), seconds, bad[0].message if bad else ""))
        if bad:
            break
    return tuple(bursts), answered


def fits(text: str) -> bool:
    """Whether the reply is what the schema asks for, and nothing around it."""
    try:
        return bool(json.loads(text) == {"word": "ready"})
    except (ValueError, RecursionError):
        return False


def together(sent: Sequence[Delivered]) -> Usage:
    """All tokens; None where one call did not tell."""
    prompt = [one.usage.prompt_tokens for one in sent]
    output = [one.usage.output_tokens for one in sent]
    return Usage(
        None if None in prompt else sum(n for n in prompt if n is not None),
        None if None in output else sum(n for n in output if n is not None),
    )
