"""Replies that were paid for, perhaps, and never arrived: a limit of money has to hold all the same; and deadlines nobody may sleep through."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from topout.domain import Failure, Message, Reply, Request, Usage
from topout.models.addresses import Addresses
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Price, Prices
from topout.models.transport import Delivered, Refused
from topout.testing.faults import FaultyProvider, Schedule, answered, told
from topout.testing.models import InstantTime, ScriptedTransport
from topout.testing.server import OpenAIServer

MODEL = "fake/model"
ASKED = Request(MODEL, (Message("user", "1234"),), max_output_tokens=10)
DEAREST = (4 + 16 + 16) * 0.01 + 10 * 0.02
"""A token a byte, 16 for the message, 16 for the request; ten tokens out."""

LOST = Refused("outage", "fake/model: no whole answer", retryable=True, lost=True)
BUSY = Refused("outage", "fake/model (HTTP 503): busy", retryable=True, status=503)


def gateway(transport: ScriptedTransport, cap: float | None, owed: list[tuple[int, int]] | None = None) -> Gateway:
    clock = InstantTime()
    ledger = Ledger(Budget(cap), clock.clock)
    if owed is not None:
        ledger.carry(0, 0, lambda search, exam: owed.append((search, exam)))
    return Gateway(
        transport,
        None,
        ledger,
        Prices({MODEL: Price(0.01, 0.02)}),
        Addresses(),
        run="r",
        rng=random.Random(1),
        clock=clock.clock,
        sleep=clock.sleep,
    )


def test_a_lost_reply_counts_at_its_dearest_and_the_next_try_needs_money_of_its_own() -> None:
    one = gateway(ScriptedTransport(script=[LOST, LOST]), 3.5 * DEAREST)
    reply = asyncio.run(one.complete(ASKED))
    assert isinstance(reply, Reply)
    spend = one.ledger.snapshot()
    assert spend.unsure_usd == pytest.approx(2 * DEAREST)
    assert spend.left_usd == pytest.approx(1.5 * DEAREST - (10 * 0.01 + 5 * 0.02))
    assert spend.total.paid_usd == pytest.approx(0.2)


def test_tries_end_when_the_money_for_another_lost_one_is_not_there() -> None:
    transport = ScriptedTransport(script=[LOST] * 6)
    outcome = asyncio.run(gateway(transport, 2.5 * DEAREST).complete(ASKED))
    assert isinstance(outcome, Failure) and outcome.kind == "budget"
    assert "for replies that were lost or came without a count of tokens, at their dearest" in outcome.message
    assert len(transport.requests) == 2


def test_a_refusal_with_a_status_costs_nothing() -> None:
    one = gateway(ScriptedTransport(script=[BUSY] * 5), 1.5 * DEAREST)
    assert isinstance(asyncio.run(one.complete(ASKED)), Reply)
    assert one.ledger.snapshot().unsure_usd == 0.0


def test_an_answer_that_is_none_and_tells_no_tokens_counts_at_its_dearest() -> None:
    one = gateway(ScriptedTransport(script=[Refused("empty", "no choices", status=200)]), 2 * DEAREST)
    assert isinstance(asyncio.run(one.complete(ASKED)), Failure)
    assert one.ledger.snapshot().unsure_usd == pytest.approx(DEAREST)


def test_what_is_in_flight_is_noted_before_it_leaves_and_taken_back_when_it_is_known() -> None:
    owed: list[tuple[int, int]] = []
    one = gateway(ScriptedTransport(script=[Delivered("x", "stop", Usage(1, 1), 0.1)]), 10.0, owed)
    asyncio.run(one.complete(ASKED))
    dearest = round(DEAREST * 1e12)
    assert owed[0] == (0, 0) and owed[1][0] in (dearest, dearest + 1) and owed[-1] == (0, 0)


def test_what_an_earlier_session_may_owe_is_spent() -> None:
    ledger = Ledger(Budget(1.0))
    ledger.carry(300 * 10**9, 200 * 10**9, lambda search, exam: None)
    assert ledger.snapshot().left_usd == pytest.approx(0.5)
    assert isinstance(ledger.reserve(0.51), Failure)


@pytest.mark.parametrize(
    ("fault", "lost"), [("hang", True), ("drop", True), ("half a reply", True), ("not JSON", True), ("503", False)]
)
def test_the_transport_tells_what_got_lost_from_what_was_refused(fault: str, lost: bool) -> None:
    async def ask(url: str) -> Delivered | Refused:
        transport = LitellmTransport(Addresses(url), 0.5)
        try:
            return await transport.send(Request("openai/reader", (Message("user", "hi"),)))
        finally:
            await transport.aclose()

    with FaultyProvider(Schedule(transient=(fault,), share=1.0)) as provider:
        sent = asyncio.run(ask(provider.url))
    assert isinstance(sent, Refused) and sent.lost is lost


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topout.models.litellm_transport.EXTRA_S", 0.0)

    async def ask(url: str) -> tuple[Delivered | Refused, float]:
        transport = LitellmTransport(Addresses(url), 1.0)
        request = Request("openai/reader", (Message("user", "hi"),))
        try:
            await transport.send(request)
            began = time.monotonic()
            return await transport.send(request), time.monotonic() - began
        finally:
            await transport.aclose()

    with OpenAIServer(lambda body: told(answered(body), drip_s=0.2)) as server:
        sent, took = asyncio.run(ask(server.url))
    assert isinstance(sent, Refused) and sent.lost and "no whole answer within 1 s" in sent.message
    assert took < 10


def test_nobody_waits_for_a_retry_after_that_ends_beyond_the_deadline() -> None:
    transport = ScriptedTransport(lambda request: Refused("outage", "slow down", True, 60.0, 429), delay_s=0.01)
    ledger = Ledger(Budget(max_time_s=0.5))
    one = Gateway(transport, None, ledger, Prices(), Addresses(), run="r", max_in_flight=2)

    async def ask() -> list[Reply | Failure]:
        requests = [Request(MODEL, (Message("user", str(n)),)) for n in range(20)]
        return await asyncio.gather(*map(one.complete, requests))

    began = time.monotonic()
    outcomes = asyncio.run(ask())
    assert time.monotonic() - began < 20
    assert outcomes == [Failure("budget", "time")] * 20
