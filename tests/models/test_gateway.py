"""The gateway over a scripted transport: what callers get, and how often a model is really asked."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from topout.domain import Failure, Message, Reply, Request, Usage
from topout.errors import StoreError
from topout.models.addresses import Addresses
from topout.models.cache import ReplyCache
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger
from topout.models.prices import Price, Prices
from topout.models.transport import Delivered, Refused, Sent
from topout.testing.models import InstantTime, ScriptedTransport

T = TypeVar("T")
MODEL = "fake/model"
OUTAGE = Refused("outage", "fake/model (HTTP 503): busy", retryable=True, status=503)


def ask(text: str, model: str = MODEL, **more: Any) -> Request:
    return Request(model, (Message("user", text),), **more)


def build(
    transport: ScriptedTransport,
    cache: ReplyCache | None = None,
    *,
    run: str = "run-1",
    charged: frozenset[str] = frozenset(),
    ledger: Ledger | None = None,
    time: InstantTime | None = None,
    max_in_flight: int = 32,
    trip_after: int = 8,
) -> Gateway:
    time = time or InstantTime()
    return Gateway(
        transport,
        cache,
        ledger or Ledger(Budget(), time.clock),
        Prices({MODEL: Price(1e-6, 2e-6)}),
        Addresses(),
        run=run,
        charged=charged,
        max_in_flight=max_in_flight,
        trip_after=trip_after,
        rng=random.Random(1),
        clock=time.clock,
        sleep=time.sleep,
    )


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(main, 20))


@pytest.fixture
def cache(tmp_path: Path) -> ReplyCache:
    return ReplyCache.open(tmp_path / "cache")


def test_an_answer_carries_its_tokens_price_and_key() -> None:
    reply = run(build(ScriptedTransport()).complete(ask("hello")))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.finish_reason, reply.usage, reply.paid) == ("ok", "stop", Usage(10, 5), True)
    assert reply.cost_usd == pytest.approx(20e-6)
    assert len(reply.key) == 64


def test_a_second_equal_request_is_served_from_the_cache_and_not_paid(cache: ReplyCache) -> None:
    transport = ScriptedTransport()
    gateway = build(transport, cache)

    async def main() -> list[Reply | Failure]:
        return [await gateway.complete(ask("hello")), await gateway.complete(ask("hello", role="judge"))]

    first, second = run(main())
    assert isinstance(first, Reply) and isinstance(second, Reply)
    assert (first.paid, second.paid, second.cost_usd) == (True, False, first.cost_usd)
    assert len(transport.requests) == 1
    total = gateway.ledger.snapshot().total
    assert (total.calls, total.paid_calls) == (2, 1)
    assert (total.cost_usd, total.paid_usd) == pytest.approx((40e-6, 20e-6))


def test_the_sample_index_asks_anew(cache: ReplyCache) -> None:
    transport = ScriptedTransport()
    gateway = build(transport, cache)

    async def main() -> None:
        for sample in (0, 1, 2, 1):
            await gateway.complete(ask("hello", sample=sample))

    run(main())
    assert len(transport.requests) == 3


def test_equal_requests_in_flight_share_one_call(cache: ReplyCache) -> None:
    transport = ScriptedTransport(delay_s=0.01)
    gateway = build(transport, cache)

    async def main() -> list[Reply | Failure]:
        return await asyncio.gather(*(gateway.complete(ask("hello")) for _ in range(5)))

    replies = run(main())
    assert len(transport.requests) == 1
    assert [reply.paid for reply in replies if isinstance(reply, Reply)] == [True, False, False, False, False]


def test_cancelling_the_first_caller_does_not_kill_the_call_for_the_others() -> None:
    transport = ScriptedTransport(delay_s=0.02)
    gateway = build(transport)

    async def main() -> Reply | Failure:
        first = asyncio.create_task(gateway.complete(ask("hello")))
        second = asyncio.create_task(gateway.complete(ask("hello")))
        await asyncio.sleep(0.005)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    reply = run(main())
    assert isinstance(reply, Reply) and reply.paid
    assert len(transport.requests) == 1


def test_a_reply_whose_callers_have_all_gone_is_kept_and_claimed_as_paid_once(cache: ReplyCache) -> None:
    transport = ScriptedTransport(delay_s=0.01)
    gateway = build(transport, cache)

    async def main() -> list[Reply | Failure]:
        only = asyncio.create_task(gateway.complete(ask("hello")))
        await asyncio.sleep(0.005)
        only.cancel()
        await asyncio.sleep(0.03)
        return [await gateway.complete(ask("hello")) for _ in range(2)]

    replies = run(main())
    assert [reply.paid for reply in replies if isinstance(reply, Reply)] == [True, False]
    assert len(transport.requests) == 1
    total = gateway.ledger.snapshot().total
    assert (total.calls, total.paid_calls) == (2, 1)


def test_a_reply_bought_before_a_crash_and_never_journaled_is_paid_in_the_resumed_run(tmp_path: Path) -> None:
    async def session(name: str, charged: frozenset[str]) -> Reply | Failure:
        gateway = build(ScriptedTransport(), ReplyCache.open(tmp_path), run=name, charged=charged)
        reply = await gateway.complete(ask("hello"))
        assert gateway.ledger.snapshot().total.paid_calls == (1 if isinstance(reply, Reply) and reply.paid else 0)
        await gateway.aclose()
        return reply

    first = run(session("run-1", frozenset()))
    assert isinstance(first, Reply) and first.paid
    lost = run(session("run-1", frozenset()))
    assert isinstance(lost, Reply) and lost.paid
    journaled = run(session("run-1", frozenset({first.key})))
    assert isinstance(journaled, Reply) and not journaled.paid
    other = run(session("run-2", frozenset()))
    assert isinstance(other, Reply) and not other.paid


def test_a_burst_of_outages_is_retried_until_the_answer_comes() -> None:
    time = InstantTime()
    transport = ScriptedTransport(script=[OUTAGE, OUTAGE, OUTAGE, "at last"])
    reply = run(build(transport, time=time).complete(ask("hello")))
    assert isinstance(reply, Reply) and reply.text == "at last"
    assert len(time.slept) == 3
    assert all(seconds <= limit for seconds, limit in zip(time.slept, (1.0, 2.0, 4.0), strict=True))


def test_an_outage_that_outlasts_six_tries_is_a_failure_and_never_cached(cache: ReplyCache) -> None:
    transport = ScriptedTransport(lambda request: OUTAGE)
    gateway = build(transport, cache)
    failure = run(gateway.complete(ask("hello")))
    assert failure == Failure("outage", "fake/model (HTTP 503): busy")
    assert len(transport.requests) == 6
    assert gateway.ledger.snapshot().total.calls == 0


def test_a_filtered_reply_is_billed_and_its_bill_is_told_once() -> None:
    filtered = Refused("filtered", "withheld", usage=Usage(1, 0), status=200)
    transport = ScriptedTransport(lambda request: filtered, delay_s=0.01)
    gateway = build(transport)

    async def main() -> list[Reply | Failure]:
        return list(await asyncio.gather(gateway.complete(ask("hello")), gateway.complete(ask("hello"))))

    first, second = run(main())
    assert first == Failure("filtered", "withheld", Usage(1, 0), 1e-6)
    assert second == Failure("filtered", "withheld")
    assert gateway.ledger.snapshot().total.paid_usd == pytest.approx(1e-6)


def test_a_retry_after_pauses_the_whole_model_for_a_minute_at_most() -> None:
    time = InstantTime()
    slow_down = Refused("outage", "slow down", retryable=True, retry_after_s=3600.0, status=429)
    gateway = build(ScriptedTransport(script=[slow_down]), time=time, max_in_flight=8)
    reply = run(gateway.complete(ask("hello")))
    assert isinstance(reply, Reply)
    assert 60.0 <= sum(time.slept) <= 60.5
    assert gateway.width(MODEL) == 4


class SlowTime(InstantTime):
    """Lets others go on before it moves."""

    async def sleep(self, seconds: float) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await super().sleep(seconds)


def test_a_retry_after_holds_back_calls_that_have_not_left_yet() -> None:
    time = SlowTime()
    slow_down = Refused("outage", "slow down", retryable=True, retry_after_s=30.0, status=429)
    gateway = build(ScriptedTransport(script=[slow_down]), time=time, max_in_flight=1)

    async def main() -> None:
        await asyncio.gather(gateway.complete(ask("first")), gateway.complete(ask("second")))

    run(main())
    assert len([one for one in time.slept if one >= 30.0]) == 2


def test_a_refused_call_that_nobody_waits_for_any_more_is_not_tried_again() -> None:
    transport = ScriptedTransport(lambda request: OUTAGE, delay_s=0.02)
    gateway = build(transport)

    async def main() -> None:
        only = asyncio.create_task(gateway.complete(ask("hello")))
        await asyncio.sleep(0.001)
        only.cancel()
        await asyncio.gather(only, return_exceptions=True)
        await asyncio.sleep(0.2)  # back-off takes no time here: all tries would be made

    run(main())
    assert len(transport.requests) == 1


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    transport = ScriptedTransport(delay_s=0.001)
    gateway = build(transport, max_in_flight=4)

    async def main() -> None:
        await asyncio.gather(*(gateway.complete(ask(str(i))) for i in range(40)))
        assert sum(gateway.in_flight.values()) == 0

    run(main())
    assert transport.most_in_flight == 4


def test_the_circuit_opens_after_eight_failed_calls_in_a_row_and_says_why() -> None:
    refused = Refused("auth", "fake/model (HTTP 401): wrong key", status=401)
    transport = ScriptedTransport(lambda request: refused)
    gateway = build(transport)

    async def main() -> list[Reply | Failure]:
        return [await gateway.complete(ask(str(i))) for i in range(10)]

    outcomes = run(main())
    assert [one.kind for one in outcomes if isinstance(one, Failure)] == ["auth"] * 8 + ["circuit"] * 2
    assert len(transport.requests) == 8
    said = "fake/model: 8 calls in a row failed (auth), the last one with: fake/model (HTTP 401): wrong key"
    assert outcomes[-1] == Failure("circuit", said)


def test_refusals_of_single_requests_do_not_open_the_circuit() -> None:
    transport = ScriptedTransport(lambda request: Refused("context", "too long", status=400))
    gateway = build(transport)

    async def main() -> None:
        for i in range(20):
            await gateway.complete(ask(str(i)))

    run(main())
    assert len(transport.requests) == 20


def test_an_open_circuit_of_one_model_leaves_the_others_alone() -> None:
    def answer(request: Request) -> str | Sent:
        return Refused("quota", "no money", status=429) if request.model == MODEL else "fine"

    gateway = build(ScriptedTransport(answer), trip_after=2)

    async def main() -> list[Reply | Failure]:
        return [await gateway.complete(ask(str(i), model)) for model in (MODEL, "fake/other") for i in range(3)]

    kinds = [one.kind if isinstance(one, Failure) else one.text for one in run(main())]
    assert kinds == ["quota", "quota", "circuit", "fine", "fine", "fine"]


def test_stopping_answers_all_callers_at_once_and_keeps_what_has_left(cache: ReplyCache) -> None:
    transport = ScriptedTransport(delay_s=1.0)
    gateway = build(transport, cache, max_in_flight=2)

    async def main() -> list[Reply | Failure]:
        waiting = [asyncio.create_task(gateway.complete(ask(str(i)))) for i in range(6)]
        await asyncio.sleep(0.01)
        started = asyncio.get_running_loop().time()
        gateway.stop()
        outcomes = await asyncio.gather(*waiting, gateway.complete(ask("later")))
        assert asyncio.get_running_loop().time() - started < 0.5
        await gateway.aclose()
        return outcomes

    outcomes = run(main())
    assert outcomes == [Failure("stopped", "the run was asked to stop")] * 7
    assert len(transport.requests) == 2
    assert transport.closed
    again = build(ScriptedTransport(lambda request: "bought anew"), cache)
    replies = [run(again.complete(ask(str(i)))) for i in range(3)]
    assert [one.text for one in replies if isinstance(one, Reply)] == ["ok", "ok", "bought anew"]


def test_a_call_that_never_ends_is_given_up_when_the_gateway_closes() -> None:
    gateway = build(ScriptedTransport(delay_s=3600.0))

    async def main() -> Reply | Failure:
        waiting = asyncio.create_task(gateway.complete(ask("hello")))
        await asyncio.sleep(0.005)
        await gateway.aclose(grace_s=0.01)
        return await waiting

    assert run(main()) == Failure("stopped", "the run was asked to stop")
    assert gateway.ledger.snapshot().promised_usd == 0.0


def test_a_fault_in_the_transport_reaches_every_caller_and_leaves_nothing_reserved() -> None:
    def broken(request: Request) -> str:
        raise ZeroDivisionError("a bug")

    ledger = Ledger(Budget(max_cost_usd=1.0))
    gateway = build(ScriptedTransport(broken, delay_s=0.001), ledger=ledger)

    async def main() -> list[Any]:
        calls: list[Awaitable[Any]] = [gateway.complete(ask("hello")), gateway.complete(ask("hello"))]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [type(one) for one in run(main())] == [ZeroDivisionError, ZeroDivisionError]
    assert ledger.snapshot().promised_usd == 0.0


@pytest.mark.parametrize("refusal", [OUTAGE, Refused("rejected", "no", status=400), Refused("auth", "no", status=401)])
def test_a_refusal_that_is_not_billed_gives_all_the_money_back(refusal: Refused) -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0))
    failure = run(build(ScriptedTransport(lambda request: refusal), ledger=ledger).complete(ask("hello")))
    assert isinstance(failure, Failure)
    assert (ledger.snapshot().promised_usd, ledger.snapshot().left_usd) == (0.0, 1.0)


def test_a_disk_that_gives_out_is_an_error_and_what_was_paid_is_counted(cache: ReplyCache) -> None:
    gateway = build(ScriptedTransport(), cache)
    cache._cache._sql("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match="cannot use the reply cache"):
        run(gateway.complete(ask("hello")))
    assert gateway.ledger.snapshot().total.paid_calls == 1


def test_a_run_served_from_memory_ends_its_money_at_the_same_call(tmp_path: Path) -> None:
    async def session(name: str) -> tuple[list[str], int]:
        transport = ScriptedTransport(lambda request: Delivered("x", "stop", Usage(5, len(request.messages[0].content)), 0.0))
        ledger = Ledger(Budget(max_cost_usd=0.01))
        gateway = build(transport, ReplyCache.open(tmp_path), run=name, ledger=ledger)
        outcomes = [await gateway.complete(ask("a" * (i % 40) + str(i), max_output_tokens=500)) for i in range(300)]
        await gateway.aclose()
        return [type(one).__name__ for one in outcomes], len(transport.requests)

    first, asked = run(session("run-1"))
    again, asked_again = run(session("run-2"))
    assert again == first
    assert (asked, asked_again) == (first.count("Reply"), 0)
    assert 100 < asked < 300


def test_stopping_reaches_callers_who_wait_for_money() -> None:
    ledger = Ledger(Budget(max_cost_usd=0.0011))
    gateway = build(ScriptedTransport(delay_s=3600.0), ledger=ledger)

    async def main() -> list[Reply | Failure]:
        waiting = [asyncio.create_task(gateway.complete(ask(str(i), max_output_tokens=500))) for i in range(3)]
        await asyncio.sleep(0.005)
        assert sum(gateway.in_flight.values()) == 1
        gateway.stop()
        outcomes = await asyncio.gather(*waiting)
        await gateway.aclose(grace_s=0.0)
        return outcomes

    assert run(main()) == [Failure("stopped", "the run was asked to stop")] * 3


def test_unknown_tokens_stay_unknown(cache: ReplyCache) -> None:
    transport = ScriptedTransport(lambda request: Delivered("hi", "length", Usage(), 0.5))
    gateway = build(transport, cache)
    replies = [run(gateway.complete(ask("hello"))) for _ in range(2)]
    assert all(isinstance(one, Reply) and one.usage == Usage(None, None) and one.cost_usd is None for one in replies)
    total = gateway.ledger.snapshot().total
    assert (total.calls, total.unpriced_calls, total.prompt_tokens) == (2, 2, 0)


def test_the_reply_is_the_same_whatever_way_it_was_served(cache: ReplyCache) -> None:
    answer: Callable[[Request], Sent] = lambda request: Delivered("half a smile \ud83d", "length", Usage(7, 3), 0.25)  # noqa: E731
    gateway = build(ScriptedTransport(answer), cache)
    first, second = (run(gateway.complete(ask("hello"))) for _ in range(2))
    assert isinstance(first, Reply) and isinstance(second, Reply)
    assert (first.text, first.finish_reason, first.usage, first.latency_s, first.key) == (
        second.text,
        second.finish_reason,
        second.usage,
        second.latency_s,
        second.key,
    )


def test_a_run_from_the_cache_never_imports_litellm(tmp_path: Path) -> None:
    async def fill() -> None:
        gateway = build(ScriptedTransport(), ReplyCache.open(tmp_path))
        await gateway.complete(ask("hello"))
        await gateway.aclose()

    run(fill())
    program = f"""
import asyncio, sys
from pathlib import Path
from topout.domain import Message, Request
from topout.errors import StoreError
from topout.models.addresses import Addresses
from topout.models.cache import ReplyCache
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Price, Prices

async def main():
    gateway = Gateway(LitellmTransport(), ReplyCache.open(Path({str(tmp_path)!r})), Ledger(Budget(max_cost_usd=1.0)),
                      Prices({{"fake/model": Price(1e-6, 2e-6)}}), Addresses(), run="run-2")
    reply = await gateway.complete(Request("fake/model", (Message("user", "hello"),)))
    print(reply.text, Prices().of("openai/gpt-4.1-mini") is not None)
    await gateway.aclose()

asyncio.run(main())
print(sorted({{"litellm", "openai", "dspy", "pandas"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["ok True", "[]"]


@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (2, 4)])
def test_one_call_at_a_time_is_one_of_all_models_together(at_once: int, most: int) -> None:
    transport = ScriptedTransport(delay_s=0.005)
    gateway = build(transport, max_in_flight=at_once)

    async def main() -> None:
        await asyncio.gather(*(gateway.complete(ask(str(n), model)) for n in range(4) for model in (MODEL, "fake/critic")))

    run(main())
    assert transport.most_in_flight == most
    assert len(transport.requests) == 8
