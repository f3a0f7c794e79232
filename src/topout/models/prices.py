"""List prices, looked up by the model that was *asked for*.

litellm prices a reply by the model name in the response and calls unknown local models free; here unknown is None, never 0. Its
price table is read as the plain file that it is: importing litellm costs seconds, and a run from the cache needs none of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from topout.domain import Usage
from topout.errors import UserError
from topout.models.addresses import Addresses, is_embedded, is_loopback

__all__ = ["Price", "Prices", "parse_price"]

_LOCAL = ("ollama/", "ollama_chat/", "hosted_vllm/", "lm_studio/", "llamafile/")
_TABLE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per token."""

    input_usd: float
    output_usd: float

    def cost(self, prompt_tokens: float, output_tokens: float) -> float:
        """Dollars for so many tokens."""
        return prompt_tokens * self.input_usd + output_tokens * self.output_usd


def parse_price(text: str) -> tuple[str, Price]:
    """`MODEL=IN,OUT`, in dollars per million tokens, as the user writes it. Raises UserError."""
    model, _, figures = text.rpartition("=")
    try:
        dollars = [float(figure) for figure in figures.split(",")]
    except ValueError:
        dollars = []
    if not model.strip() or len(dollars) != 2 or not all(math.isfinite(one) and one >= 0 for one in dollars):
        raise UserError(
            f"--price {text!r}: expected MODEL=IN,OUT in dollars per million tokens. For example 'openai/gpt-4.1-mini=0.4,1.6'."
        )
    return model.strip(), Price(dollars[0] / 1e6, dollars[1] / 1e6)


class Prices:
    """Prices of models: the user's own first, embedded models free, servers of one's own unknown, the rest from litellm's table.

    Standard prices only: discounts for cached prompts and batches are not counted, nor surcharges on very long prompts.
    """

    def __init__(self, given: Mapping[str, Price] | None = None, addresses: Addresses | None = None) -> None:
        self._given = dict(given or {})
        self._addresses = addresses or Addresses()
        self._known: dict[str, Price | None] = {}
        self._table: Mapping[str, Any] | None = None

    def is_given(self, model: str) -> bool:
        """Did the user set this price?"""
        return model in self._given

    def of(self, model: str) -> Price | None:
        """The price of a model, None when unknown. Remembered."""
        if model not in self._known:
            self._known[model] = self._find(model)
        return self._known[model]

    def cost(self, model: str, usage: Usage) -> float | None:
        """The list price of one call in dollars; None when the price or the tokens are unknown (a free model costs 0 anyway)."""
        price = self.of(model)
        if price is None:
            return None
        if price.input_usd == 0 and price.output_usd == 0:
            return 0.0
        if usage.prompt_tokens is None or usage.output_tokens is None:
            return None
        return price.cost(usage.prompt_tokens, usage.output_tokens)

    def require(self, model: str) -> Price:
        """The price of a model; UserError when it is unknown, for runs that must not spend more than so much."""
        price = self.of(model)
        if price is None:
            raise UserError(
                f"no price known for '{model}': pass --price '{model}=IN,OUT' (dollars per million tokens) or drop --max-cost{self._near(model)}"
            )
        return price

    def _near(self, model: str) -> str:
        """The priced model of the same provider whose name is nearest, as a question: a slip of the pen has no price either."""
        provider, _, name = model.partition("/")
        known = [
            n.removeprefix(f"{provider}/") for n, row in (self._table or {}).items() if row.get("litellm_provider") == provider
        ]
        near = get_close_matches(name, known, n=1, cutoff=0.8)
        return f". Did you mean '{provider}/{near[0]}'?" if near else ""

    def _find(self, model: str) -> Price | None:
        if model in self._given:
            return self._given[model]
        if is_embedded(model):
            return Price(0.0, 0.0)
        if model.startswith(_LOCAL) or is_loopback(self._addresses.of(model)):
            return None
        if self._table is None:
            self._table = _read_table()
        provider, _, name = model.partition("/")
        row = self._table.get(model)
        if row is None and name:
            row = self._table.get(name)
            if row is not None and not str(row.get("litellm_provider", "")).startswith(provider):
                row = None
        match row:
            case {"input_cost_per_token": float() | int() as dear, "output_cost_per_token": float() | int() as dearer}:
                return Price(float(dear), float(dearer))
            case _:
                return None


def _read_table() -> Mapping[str, Any]:
    """litellm's table, found without importing litellm; empty when it is not where it used to be (prices are then unknown)."""
    spec = find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _TABLE
        if path.is_file():
            table = json.loads(path.read_text("utf-8"))
            return table if isinstance(table, dict) else {}
    return {}
