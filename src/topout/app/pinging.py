"""`topout models ping`: is a model there, what does it take, what does it cost. Asked before a run is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from topout.domain import Usage
from topout.errors import ModelError, UserError
from topout.models.addresses import Addresses
from topout.models.event_loop import run_blocking
from topout.models.litellm_transport import LitellmTransport
from topout.models.pinging import Pinged, most_usd, ping
from topout.models.prices import Price, Prices, parse_price

__all__ = ["Forecast", "Ping", "ping_model"]

SETUP = ("auth", "not_found", "unreachable", "quota", "rejected")
"""What the user has to mend, rather than to wait for."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a ping takes at most: `calls`, and dollars at list price (None: no price known)."""

    model: str
    calls: int
    most_usd: float | None
    price: Price | None


@dataclass(frozen=True, slots=True)
class Ping:
    """A model that answered. `address` is '' for the provider's own; `cost_usd` is the list price of all calls, None when it is unknown."""

    forecast: Forecast
    address: str
    found: Pinged | None
    cost_usd: float | None


def ping_model(
    model: str,
    *,
    api_base: str | None = None,
    prices: Sequence[str] = (),
    concurrency: int = 1,
    max_cost: float | None = None,
    timeout: float = 60.0,
    dry_run: bool = False,
    tell: Callable[[Forecast], None] = lambda forecast: None,
) -> Ping:
    """Make one call (two where the first is refused for what it asks), then up to `concurrency` at once. `tell` hears the price before the first leaves.

    Nothing is cached. Raises UserError for a wrong name, a missing key, no server, and when the calls could cost more than `max_cost` dollars;
    ModelError when the provider does not answer.
    """
    addresses = Addresses(api_base, os.environ)
    table = Prices(dict(parse_price(text) for text in prices), addresses)
    price = table.require(model) if max_cost is not None else table.of(model)
    calls, most = most_usd(model, concurrency, price)
    forecast = Forecast(model, calls, most, price)
    if max_cost is not None and most is not None and most > max_cost:
        raise UserError(f"--max-cost {max_cost:g}: {calls} calls could cost ${most:.5f}. Raise it, or lower --concurrency.")
    tell(forecast)
    address = addresses.of(model)
    if dry_run:
        return Ping(forecast, address, None, None)
    found = run_blocking(ping(model, LitellmTransport(addresses, timeout, logprobs=True), concurrency), lambda: None)
    if found.refused is not None:
        kind = UserError if found.refused.kind in SETUP else ModelError
        raise kind(found.refused.message)
    return Ping(forecast, address, found, cost(price, found.usage_in_all))


def cost(price: Price | None, usage: Usage) -> float | None:
    """The list price of so many tokens; None when one of them is unknown."""
    if price is None or usage.prompt_tokens is None or usage.output_tokens is None:
        return None
    return price.cost(usage.prompt_tokens, usage.output_tokens)
