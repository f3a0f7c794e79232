"""Prices that change while a run is under way, and providers that tell a price of their own: what the ledger counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.domain import Critiqued, RolloutDone
from topout.store.journal import read_journal
from topout.testing.faults import FaultyProvider, Schedule
from topout.testing.provider import Provider, said_by, tokens
from topout.testing.server import Response, chat

Topout = Callable[..., Any]
PRICES = {"reader": (0.001, 0.00001), "critic": (0.001, 0.00001)}
DEARER = ["--price", "openai/reader=3000,30", "--price", "openai/critic=3000,30"]


def words(url: str) -> list[str]:
    return ["--model", "openai/reader", "--critic", "openai/critic", "--api-base", url]


def paid_usd() -> float:
    return sum(role.paid_usd for role in load_run("latest").findings.spend.values())


def costs() -> list[float | None]:
    """What the journal says of each call."""
    events = read_journal(load_run("latest").folder / "journal.jsonl")
    calls = [e.rollout if isinstance(e, RolloutDone) else e for e in events if isinstance(e, RolloutDone | Critiqued)]
    return [call.cost_usd for call in calls if call.paid]


def test_a_resumed_run_is_told_the_new_price_and_what_was_bought_before_keeps_its_own(
    tiny_task: Path, prices: list[str], topout: Topout
) -> None:
    with FaultyProvider(Schedule(dearer=3.0, dearer_after=10**9), PRICES) as provider:
        asked = ["optimize", tiny_task, *words(provider.url), *prices, "--max-cost", 1.5, "--max-calls", 300, "-q"]
        assert topout(*asked).code == 0
        first, before = costs(), provider.arrived
        assert paid_usd() == pytest.approx(provider.billed_usd) and provider.billed_usd <= 1.5
        provider.schedule = Schedule(dearer=3.0, dearer_after=before)
        assert topout("resume", "latest", *DEARER, "--max-cost", 4.5, "-q").code == 0
    assert costs()[: len(first)] == first
    assert provider.arrived > before
    assert 1.5 < provider.billed_usd <= 4.5
    assert paid_usd() == pytest.approx(provider.billed_usd)


def test_a_price_that_changes_unannounced_is_counted_as_it_was_told_and_the_limit_holds_by_that(
    tiny_task: Path, prices: list[str], topout: Topout
) -> None:
    with FaultyProvider(Schedule(dearer=2.0, dearer_after=20), PRICES) as provider:
        done = topout("optimize", tiny_task, *words(provider.url), *prices, "--max-cost", 1.5, "--max-calls", 300, "-q")
    assert done.code == 0
    by_list = sum(one.usage[0] * 0.001 + one.usage[1] * 0.00001 for one in provider.log)
    assert paid_usd() == pytest.approx(by_list) and by_list <= 1.5
    assert provider.billed_usd > by_list
    assert "list price" in done.out


def test_a_cost_that_the_reply_itself_tells_is_not_believed(tiny_task: Path, prices: list[str], topout: Topout) -> None:
    def boasting(body: Mapping[str, Any], number: int) -> Response:
        text = said_by(body)
        told = chat(text, usage=(tokens(body), len(text.split())))
        whole = json.loads(told.body)
        whole["usage"]["cost"] = -7.0
        return Response(200, json.dumps({**whole, "cost": 99.0, "response_cost": 99.0}))

    with Provider(fault=boasting) as provider:
        url = provider.server.url
        done = topout("optimize", tiny_task, *words(url), *prices, "--max-cost", 1.5, "--max-calls", 300, "-q")
        assert done.code == 0
        usages = [json.loads(exchange.response.body)["usage"] for exchange in provider.server.exchanges]
    by_list = sum(u["prompt_tokens"] * 0.001 + u["completion_tokens"] * 0.00001 for u in usages)
    assert 0.5 < by_list <= 1.5
    assert paid_usd() == pytest.approx(by_list)
