"""Money and time: never overshot, whatever the concurrency."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topout.domain import Failure, Message, Reply, Request, Usage
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger, Reservation
from topout.models.prices import Price, Prices
from topout.models.transport import Delivered, Sent
from topout.testing.models import InstantTime, ScriptedTransport

MODEL = "fake/model"


def reserved(outcome: Reservation | Failure | None) -> Reservation:
    assert isinstance(outcome, Reservation)
    return outcome


@settings(max_examples=40, deadline=None)
@given(
    cap=st.floats(0.0, 0.02),
    calls=st.lists(st.tuples(st.integers(0, 600), st.integers(1, 60), st.floats(0.0, 1.0), st.booleans()), max_size=64),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 9999),
)
def test_metered_cost_never_exceeds_the_cap_with_64_calls_at_once(
    cap: float, calls: list[tuple[int, int, float, bool]], share: float, seed: int
) -> None:
    rng = random.Random(seed)

    def answer(request: Request) -> Sent:
        size = len(request.messages[0].content)
        output = int(request.max_output_tokens * float(request.messages[1].content))
        return Delivered("x", "stop", Usage(rng.randint(0, size // 3), output), 0.0)

    async def pause(seconds: float) -> None:
        for _ in range(rng.randint(0, 5)):
            await asyncio.sleep(0)

    ledger = Ledger(Budget(max_cost_usd=cap))
    ledger.set_aside(share)
    transport = ScriptedTransport(answer, delay_s=1.0, sleep=pause)
    prices = Prices({MODEL: Price(2e-6, 8e-6)})
    gateway = Gateway(transport, None, ledger, prices, Addresses(), run="r", max_in_flight=64)

    async def main() -> None:
        async def one(number: int, size: int, output: int, part: float, exam: bool) -> None:
            messages = (Message("user", "a" * size), Message("user", str(part)), Message("user", str(number)))
            await gateway.purse("exam" if exam else "search").complete(Request(MODEL, messages, max_output_tokens=output))
            spend = ledger.snapshot()
            assert spend.total.cost_usd <= cap
            assert spend.total.cost_usd + spend.promised_usd <= cap + 1e-12

        await asyncio.gather(*(one(i, *call) for i, call in enumerate(calls)))

    asyncio.run(main())
    assert ledger.snapshot().total.cost_usd <= cap
    assert ledger.snapshot().promised_usd == 0.0


def test_a_call_that_could_overshoot_is_refused_and_not_sent() -> None:
    ledger = Ledger(Budget(max_cost_usd=0.001))
    transport = ScriptedTransport()
    gateway = Gateway(transport, None, ledger, Prices({MODEL: Price(0.0, 1e-5)}), Addresses(), run="r")
    outcome = asyncio.run(gateway.complete(Request(MODEL, (Message("user", "hi"),), max_output_tokens=101)))
    assert outcome == Failure("budget", "money: $0 of $0.001 spent; the next call may cost up to $0.00101")
    assert transport.requests == []


def test_calls_wait_for_money_promised_to_others_before_they_are_refused() -> None:
    """Bounds are far above what calls cost: refusing at once would end a run with most of its money unspent."""
    ledger = Ledger(Budget(max_cost_usd=0.0012))
    transport = ScriptedTransport(delay_s=0.001)  # 5 output tokens a call
    gateway = Gateway(transport, None, ledger, Prices({MODEL: Price(0.0, 1e-5)}), Addresses(), run="r", max_in_flight=64)

    async def main() -> list[Reply | Failure]:
        requests = [Request(MODEL, (Message("user", str(i)),), max_output_tokens=100) for i in range(10)]
        return list(await asyncio.gather(*(gateway.complete(request) for request in requests)))

    outcomes = asyncio.run(main())
    assert [type(one) for one in outcomes] == [Reply] * 5 + [Failure] * 5
    assert transport.most_in_flight == 1


def test_the_search_may_not_touch_what_is_kept_for_the_exam_and_the_exam_may_use_all() -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0))
    ledger.set_aside(0.25)
    refused = ledger.reserve(0.76)
    assert refused == Failure("budget", "money: $0 of $1 spent, $0.25 of it kept for the exam; the next call may cost up to $0.76")
    search = reserved(ledger.reserve(0.75))
    assert ledger.reserve(0.01) is None
    exam = reserved(ledger.reserve(0.25, "exam"))
    ledger.settle(search, Usage(1, 1), 0.5, paid=True)
    ledger.settle(exam, Usage(1, 1), 0.25, paid=True)
    assert isinstance(ledger.reserve(0.26), Failure)
    assert isinstance(ledger.reserve(0.25, "exam"), Reservation)


def test_the_search_begins_nothing_in_the_time_that_is_kept_for_the_exam() -> None:
    time = InstantTime()
    ledger = Ledger(Budget(max_time_s=10.0), time.clock)
    ledger.set_aside(0.4)
    assert (ledger.time_left_s("search"), ledger.time_left_s("exam"), ledger.time_left_s()) == (6.0, 10.0, 10.0)
    time.now += 6.0
    assert ledger.reserve(0.0) == Failure("budget", "time")
    assert isinstance(ledger.reserve(0.0, "exam"), Reservation)
    time.now += 4.0
    assert ledger.reserve(0.0, "exam") == Failure("budget", "time")


def test_calls_of_the_search_that_wait_for_a_place_are_not_sent_in_the_time_of_the_exam() -> None:
    time = InstantTime()
    ledger = Ledger(Budget(max_time_s=10.0), time.clock)
    ledger.set_aside(0.4)
    transport = ScriptedTransport(delay_s=1.0, sleep=time.sleep)
    gateway = Gateway(transport, None, ledger, Prices(), Addresses(), run="r", max_in_flight=1, clock=time.clock, sleep=time.sleep)

    async def main() -> list[Reply | Failure]:
        asked = [gateway.complete(Request("embedded/reader", (Message("user", str(i)),))) for i in range(9)]
        return await asyncio.gather(*asked)

    outcomes = asyncio.run(main())
    assert len(transport.requests) == 6
    assert outcomes[6:] == [Failure("budget", "time")] * 3


def test_an_unknown_cost_uses_up_its_whole_reservation() -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0))
    ledger.settle(reserved(ledger.reserve(0.6)), Usage(), None, paid=True)
    assert isinstance(ledger.reserve(0.5), Failure)
    assert ledger.snapshot().total.cost_usd == 0.0
    assert ledger.snapshot().left_usd == pytest.approx(0.4)


def test_a_money_limit_needs_a_price_and_says_how_to_give_one() -> None:
    gateway = Gateway(ScriptedTransport(), None, Ledger(Budget(max_cost_usd=1.0)), Prices(), Addresses(), run="r")
    with pytest.raises(UserError, match=r"no price known for 'fake/model': pass --price 'fake/model=IN,OUT' \(dollars per million"):
        asyncio.run(gateway.complete(Request(MODEL, (Message("user", "hi"),))))


def test_a_limit_of_a_fraction_of_a_cent_is_told_in_plain_figures() -> None:
    ledger = Ledger(Budget(max_cost_usd=0.0001))
    ledger.set_aside(0.4)
    assert ledger.reserve(0.00105) == Failure(
        "budget", "money: $0 of $0.0001 spent, $0.00004 of it kept for the exam; the next call may cost up to $0.00105"
    )


def test_past_the_deadline_nothing_is_sent() -> None:
    time = InstantTime()
    ledger = Ledger(Budget(max_time_s=10.0), time.clock)
    transport = ScriptedTransport()
    gateway = Gateway(transport, None, ledger, Prices(), Addresses(), run="r", clock=time.clock, sleep=time.sleep)
    time.now += 10.0
    outcome = asyncio.run(gateway.complete(Request(MODEL, (Message("user", "hi"),))))
    assert outcome == Failure("budget", "time")
    assert transport.requests == []


def test_a_call_in_flight_ends_at_the_deadline() -> None:
    gateway = Gateway(ScriptedTransport(delay_s=60.0), None, Ledger(Budget(max_time_s=0.05)), Prices(), Addresses(), run="r")
    outcome = asyncio.run(asyncio.wait_for(gateway.complete(Request(MODEL, (Message("user", "hi"),))), 5))
    assert outcome == Failure("budget", "time")


def test_sums_tell_paid_calls_from_cached_ones_and_what_has_no_price() -> None:
    ledger = Ledger()
    ledger.settle(reserved(ledger.reserve(0.0)), Usage(100, 10), 0.5, paid=True)
    ledger.settle(reserved(ledger.reserve(0.0)), Usage(100, 10), 0.5, paid=False)
    ledger.settle(reserved(ledger.reserve(0.0)), Usage(1000, None), None, paid=True)
    spend = ledger.snapshot()
    assert (spend.total.calls, spend.total.paid_calls, spend.total.unpriced_calls) == (3, 2, 1)
    assert (spend.total.prompt_tokens, spend.total.output_tokens) == (1200, 20)
    assert (spend.total.cost_usd, spend.total.paid_usd) == (1.0, 0.5)
    assert spend.left_usd is None


def test_a_restored_call_counts_against_the_limit() -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0))
    ledger.restore(Usage(10, 5), 0.9, paid=True)
    assert isinstance(ledger.reserve(0.2), Failure)
    assert ledger.snapshot().total.paid_usd == 0.9
    assert ledger.snapshot().left_usd == pytest.approx(0.1)


def test_what_was_restored_from_the_cache_is_free_where_only_payments_count() -> None:
    ledger = Ledger(Budget(max_cost_usd=1.0, paid_only=True))
    ledger.restore(Usage(30, 15), 0.9, paid=True, calls=3, cached=2, cached_usd=0.6)
    ledger.restore(Usage(10, 5), 0.4, paid=False)
    assert ledger.snapshot().left_usd == pytest.approx(0.7)


def test_a_bound_below_the_smallest_unit_is_rounded_up() -> None:
    ledger = Ledger(Budget(max_cost_usd=1e-12))
    assert isinstance(ledger.reserve(1.5e-12), Failure)
    assert isinstance(ledger.reserve(1e-12), Reservation)


def test_a_tenth_of_a_dollar_buys_exactly_ten_calls_of_a_cent() -> None:
    ledger = Ledger(Budget(max_cost_usd=0.1))
    for _ in range(10):
        ledger.settle(reserved(ledger.reserve(0.01)), Usage(), 0.01, paid=True)
    assert isinstance(ledger.reserve(0.000001), Failure)
    assert ledger.snapshot().total.cost_usd == 0.1


def test_a_model_that_uses_more_tokens_than_estimated_raises_its_own_bounds() -> None:
    """16 tokens a character: the first call overshoots its estimate, the second is already reserved in full."""
    ledger = Ledger(Budget(max_cost_usd=1.0))
    usage = Usage(1600, 10)
    transport = ScriptedTransport(lambda request: Delivered("x", "stop", usage, 0.0))
    gateway = Gateway(transport, None, ledger, Prices({MODEL: Price(1e-4, 0.0)}), Addresses(), run="r")

    async def main() -> list[Reply | Failure]:
        return [await gateway.complete(Request(MODEL, (Message("user", f"{i}" * 100),), max_output_tokens=10)) for i in range(8)]

    outcomes = asyncio.run(main())
    assert [type(one) for one in outcomes] == [Reply] * 6 + [Failure] * 2
    assert ledger.snapshot().total.cost_usd == pytest.approx(0.96)
