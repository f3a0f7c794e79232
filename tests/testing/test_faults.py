"""The faulty provider: what each fault is to the client, and what the provider's own books say."""

from __future__ import annotations

import asyncio

import pytest

from topout.domain import Message, Request
from topout.models.addresses import Addresses
from topout.models.litellm_transport import LitellmTransport
from topout.models.transport import Delivered, Refused, Sent
from topout.testing.faults import ANSWERS, LASTING, TRANSIENT, FaultyProvider, Schedule

ASKED = Request("openai/reader", (Message("system", "plum means fruit"), Message("user", "a plum today")))

RETRIED = ("outage", True)
SEEN: dict[str, tuple[str, bool] | str] = {
    **dict.fromkeys(TRANSIENT, RETRIED),
    "slow first token": "fruit",
    "empty choices": ("empty", False),
    "no content": ("empty", False),
    "content filter": ("filtered", False),
    "truncated": "fr",
    "context overflow": ("context", False),
    "missing usage": "fruit",
    "refused": ("rejected", False),
    "401": ("auth", False),
    "quota": ("quota", False),
    "down": RETRIED,
    "gone": ("not_found", False),
    "closed": RETRIED,
}


def asked(provider: FaultyProvider, times: int = 1) -> list[Sent]:
    async def ask() -> list[Sent]:
        transport = LitellmTransport(Addresses(provider.url), timeout_s=1.0)
        try:
            return [await transport.send(ASKED) for _ in range(times)]
        finally:
            await transport.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize("fault", [*TRANSIENT, *ANSWERS, *LASTING])
def test_each_fault_is_to_the_client_what_it_should_be(fault: str) -> None:
    if fault in TRANSIENT:
        schedule = Schedule(transient=(fault,), share=1.0, most=1)
    elif fault in ANSWERS:
        schedule = Schedule(answers=(fault,), answer_share=1.0)
    else:
        schedule = Schedule(lasting=fault)
    with FaultyProvider(schedule) as provider:
        first, second = asked(provider, 2)
    seen = SEEN[fault]
    if isinstance(seen, str):
        assert isinstance(first, Delivered) and first.text == seen
    else:
        assert isinstance(first, Refused) and (first.kind, first.retryable) == seen
    if fault in TRANSIENT:
        assert isinstance(second, Delivered) and second.text == "fruit"


def test_the_books_tell_what_arrived_from_what_was_only_worked_out() -> None:
    schedule = Schedule(transient=("half a reply",), share=1.0, most=1)
    with FaultyProvider(schedule, prices={"reader": (0.5, 0.25)}) as provider:
        asked(provider, 3)
        assert provider.arrived == 3
        assert list(provider.delivered().values()) == [2]
        assert provider.log[0].usage == (14, 1)
        assert provider.delivered_usd == 2 * (14 * 0.5 + 0.25)
        assert provider.billed_usd == 3 * (14 * 0.5 + 0.25)


def test_the_same_seed_faults_the_same_requests_whatever_came_before() -> None:
    schedule = Schedule(seed=3, transient=("503", "drop"), share=0.5)
    bodies = [{"model": "reader", "messages": [{"role": "user", "content": f"question {n}"}]} for n in range(40)]
    faults = []
    for order in (bodies, bodies[::-1]):
        provider = FaultyProvider(schedule)
        for body in order:
            provider.answer(body)
        faults.append({one.key: one.fault for one in provider.log})
    assert faults[0] == faults[1]
    assert 8 <= sum(fault != "" for fault in faults[0].values()) <= 32


def test_a_healed_provider_answers() -> None:
    with FaultyProvider(Schedule(lasting="401")) as provider:
        (first,) = asked(provider)
        provider.heal()
        (second,) = asked(provider)
    assert isinstance(first, Refused) and isinstance(second, Delivered)
