"""The seam under the gateway: one request out, one outcome back.

Whatever can go wrong on the way is a value here, so that retries, limits and the ledger are tested without a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from topout.domain import FailureKind, Request, Usage

__all__ = ["Delivered", "Refused", "Sent", "Transport"]

_NOT_TOLD = Usage()


@dataclass(frozen=True, slots=True)
class Delivered:
    """An answer. `latency_s` is from sending to the last byte; tokens are None where the provider did not tell. `logprobs`: log
    probabilities came along."""

    text: str
    finish_reason: str = "stop"
    usage: Usage = _NOT_TOLD
    latency_s: float = 0.0
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No answer, and why. `message` is one line without secrets.

    `retryable`: the same request may work later. `retry_after_s` is what the provider asked for, `status` its HTTP status.
    `usage` is set when the call is billed all the same (a filtered or an empty reply). `lost`: the request left and no answer to it could be read
    (a time-out, a broken connection, garbage), so that nobody knows whether it is billed.
    """

    kind: FailureKind
    message: str
    retryable: bool = False
    retry_after_s: float | None = None
    status: int | None = None
    usage: Usage = _NOT_TOLD
    lost: bool = False


Sent = Delivered | Refused


class Transport(Protocol):
    """Carries requests. Raises nothing but cancellation; no retries, no cache, no limits of its own."""

    async def send(self, request: Request) -> Sent: ...

    async def aclose(self) -> None:
        """Close connections. The transport is not used afterwards."""
        ...
