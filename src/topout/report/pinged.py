"""`topout models ping` for a terminal and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.console import Group, RenderableType

from topout.domain import Json, Usage
from topout.report.layout import grid, text
from topout.report.words import EMBEDDED_NOTE, amount, count, is_embedded, seconds

__all__ = ["Ping", "forecast_line", "pinged", "pinged_document"]


class Price(Protocol):
    """Dollars per token."""

    @property
    def input_usd(self) -> float: ...
    @property
    def output_usd(self) -> float: ...


class Forecast(Protocol):
    """What the calls take at most."""

    @property
    def model(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def most_usd(self) -> float | None: ...
    @property
    def price(self) -> Price | None: ...


class Burst(Protocol):
    """Calls side by side."""

    @property
    def at_once(self) -> int: ...
    @property
    def answered(self) -> int: ...
    @property
    def throttled(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def reason(self) -> str: ...


class Found(Protocol):
    """What the calls showed."""

    @property
    def answer(self) -> str: ...
    @property
    def latency_s(self) -> float: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def structured(self) -> str: ...
    @property
    def seed(self) -> str: ...
    @property
    def logprobs(self) -> str: ...
    @property
    def temperature(self) -> str: ...
    @property
    def bursts(self) -> Sequence[Burst]: ...
    @property
    def billed(self) -> int: ...
    @property
    def note(self) -> str: ...


class Ping(Protocol):
    """A model that answered, as the app hands it back."""

    @property
    def forecast(self) -> Forecast: ...
    @property
    def address(self) -> str: ...
    @property
    def found(self) -> Found | None: ...
    @property
    def cost_usd(self) -> float | None: ...


def forecast_line(f: Forecast) -> str:
    """What is about to be paid: said before anything is."""
    calls = f"{f.model}: at most {f.calls} short calls"
    if f.price is None:
        return f"{calls}; no price known (--price '{f.model}=IN,OUT', in dollars per million tokens)"
    if f.most_usd == 0:
        return f"{calls}, free"
    return f"{calls}, at most {amount(f.most_usd)} at list price"


STRUCTURED = {
    "yes": "the reply fits the JSON schema that was asked for",
    "accepted": "the schema was taken, and the reply does not fit it: an instruction and the json scorer are what holds",
    "no": "no JSON schema is taken",
}
SEED = {"accepted": "taken (no proof that equal calls get equal replies)", "no": "not taken: repeated draws are fresh ones"}
LOGPROBS = {"yes": "sent with the reply", "accepted": "asked for, and not in the reply", "no": "not taken"}
TEMPERATURE = {"accepted": "taken", "no": "not taken: the provider's own is used, and replies vary"}


def pinged(p: Ping) -> RenderableType:
    """One fact a line."""
    f = p.found
    rows: list[Sequence[RenderableType]] = [
        (text("model", "dim"), text(p.forecast.model, "bold")),
        (text("at", "dim"), text(p.address or ("this process" if is_embedded(p.forecast.model) else "the provider's own address"))),
    ]
    if is_embedded(p.forecast.model):
        rows.append((text(""), text(EMBEDDED_NOTE, "yellow")))
    price = p.forecast.price
    known = (
        f"{amount(1e6 * price.input_usd)} in, {amount(1e6 * price.output_usd)} out per million tokens (list price)"
        if price is not None
        else f"unknown: --max-cost needs --price '{p.forecast.model}=IN,OUT'"
    )
    rows.append((text("price", "dim"), text(known)))
    if f is None:
        return grid(rows)
    usage = f"{count(f.usage.prompt_tokens)} tokens in, {count(f.usage.output_tokens)} out"
    rows += [
        (text("reply", "dim"), text(f.answer.strip() or "(empty)", limit=120)),
        (text("latency", "dim"), text(seconds(f.latency_s))),
        (
            text("usage", "dim"),
            text(usage if f.usage.prompt_tokens is not None else "not told: tokens and dollars of a run will be unknown"),
        ),
        (text("cost", "dim"), text(f"{amount(p.cost_usd)} for {f.billed} call{'' if f.billed == 1 else 's'}")),
        (text("structured output", "dim"), text(STRUCTURED[f.structured])),
        (text("seed", "dim"), text(SEED[f.seed])),
        (text("log probabilities", "dim"), text(LOGPROBS[f.logprobs])),
        (text("temperature", "dim"), text(TEMPERATURE[f.temperature])),
    ]
    rows += [(text("concurrency" if i == 0 else "", "dim"), text(burst_line(one))) for i, one in enumerate(f.bursts)]
    if f.note:
        rows.append((text("note", "dim"), text(f.note)))
    return Group(grid(rows))


def burst_line(one: Burst) -> str:
    """`8 at once: all answered in 0.4 s (20.3 calls/s)`."""
    if one.answered == one.at_once:
        return (
            f"{one.at_once} at once: all answered in {seconds(one.seconds)} ({one.answered / max(one.seconds, 1e-9):.1f} calls/s)"
        )
    told = f"{one.throttled} of them throttled (429)" if one.throttled else one.reason
    return (
        f"{one.at_once} at once: {one.answered} answered; {told}. A run slows down by itself; start it with a --concurrency below."
    )


def pinged_document(p: Ping) -> dict[str, Json]:
    """The same for machines: dollars per million tokens, seconds; unknown is null."""
    price, f = p.forecast.price, p.found
    found: dict[str, Json] | None = None
    if f is not None:
        found = {
            "reply": f.answer,
            "latency_s": f.latency_s,
            "prompt_tokens": f.usage.prompt_tokens,
            "output_tokens": f.usage.output_tokens,
            "calls": f.billed,
            "cost_usd": p.cost_usd,
            "structured_output": f.structured,
            "seed": f.seed,
            "logprobs": f.logprobs,
            "temperature": f.temperature,
            "concurrency": [
                {"at_once": b.at_once, "answered": b.answered, "throttled": b.throttled, "seconds": b.seconds} for b in f.bursts
            ],
            "note": f.note or None,
        }
    return {
        "schema": 1,
        "model": p.forecast.model,
        "address": p.address or None,
        "price_per_million_usd": [1e6 * price.input_usd, 1e6 * price.output_usd] if price is not None else None,
        "most_calls": p.forecast.calls,
        "most_usd": p.forecast.most_usd,
        "found": found,
    }
