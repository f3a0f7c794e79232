"""Which failures are tried again, and when."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from topout.models.retries import Retries
from topout.models.transport import Refused

OUTAGE = Refused("outage", "busy", retryable=True)


def test_final_failures_are_never_repeated() -> None:
    assert Retries().delay_s(Refused("auth", "wrong key"), 1, random.Random(0)) is None


def test_an_outage_gets_six_tries_and_a_missing_server_three() -> None:
    rng = random.Random(0)
    unreachable = Refused("unreachable", "gone", retryable=True)
    assert [Retries().delay_s(OUTAGE, tried, rng) is not None for tried in range(1, 8)] == [True] * 5 + [False] * 2
    assert [Retries().delay_s(unreachable, tried, rng) is not None for tried in range(1, 5)] == [True, True, False, False]


@given(tried=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_back_off_is_jittered_between_zero_and_a_doubling_bound(tried: int, seed: int) -> None:
    delay = Retries().delay_s(OUTAGE, tried, random.Random(seed))
    assert delay is not None
    assert 0.0 <= delay <= {1: 1.0, 2: 2.0, 3: 4.0, 4: 8.0, 5: 16.0}[tried]


@given(asked=st.floats(allow_nan=False), seed=st.integers(0, 10**6))
def test_retry_after_is_honoured_up_to_a_minute(asked: float, seed: int) -> None:
    delay = Retries().delay_s(Refused("outage", "busy", retryable=True, retry_after_s=asked), 1, random.Random(seed))
    assert delay is not None
    assert min(max(asked, 0.0), 60.0) <= delay <= 60.5
