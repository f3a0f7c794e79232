"""Which failure is tried again, and after how long. Pure.

Exponential back-off with full jitter (Brooker 2015, "Exponential Backoff And Jitter", AWS Architecture Blog): the delay is uniform
over [0, min(cap, base * 2^tries)], so that callers that failed together do not come back together.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from topout.models.transport import Refused

__all__ = ["Retries"]


@dataclass(frozen=True, slots=True)
class Retries:
    """`tries` counts the first one. `unreachable_tries` is smaller: a server that is not there seldom appears within a minute.
    Delays in seconds; a provider's Retry-After is honoured up to `retry_after_cap_s`."""

    tries: int = 6
    unreachable_tries: int = 3
    base_s: float = 0.5
    cap_s: float = 30.0
    retry_after_cap_s: float = 60.0

    def delay_s(self, refused: Refused, tried: int, rng: random.Random) -> float | None:
        """Seconds to wait after `tried` tries; None when the failure is final."""
        if not refused.retryable or tried >= (self.unreachable_tries if refused.kind == "unreachable" else self.tries):
            return None
        jitter = rng.random()
        if refused.retry_after_s is not None:
            return self.bounded(refused.retry_after_s) + jitter * self.base_s
        return jitter * min(self.cap_s, self.base_s * 2.0**tried)

    def bounded(self, retry_after_s: float) -> float:
        """A provider's Retry-After within [0, retry_after_cap_s]."""
        return min(max(retry_after_s, 0.0), self.retry_after_cap_s)
