"""What goes to a worker and what comes back: frozen values, no keys, no passwords."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from topout.contracts import Answered, Block
from topout.domain import ModelRole, Usage
from topout.models.ledger import Purse

__all__ = ["Bill", "Parcel", "Returned", "Setup"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker needs to build task, scorer, program and gateway: paths, names and limits. Keys come from the worker's own environment.

    `fingerprint` is the task's, as the driver read it: a worker that reads another task refuses. `cache` is the place of the reply cache as a run records it.
    `time_left_s` is to the run's deadline at the moment of sending, `exam_time_s` what of that the search leaves to the exam (None, 0: no deadline).
    """

    folder: str
    fingerprint: str
    run: str
    model: str
    judge: str
    api_bases: Mapping[str, str]
    prices: tuple[str, ...]
    timeout_s: float
    cache: str
    capped: bool
    paid_only: bool
    time_left_s: float | None
    exam_time_s: float


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows for a worker, `grant_usd` to spend on them at most, and the purse that it comes from. With `first`, an embedded model's answer is looked at:
    whether it can do anything with such a prompt."""

    block: Block
    grant_usd: float
    purse: Purse
    first: bool = False


@dataclass(frozen=True, slots=True)
class Bill:
    """A call that was made for a row. `key` names the reply ('' for a failure), `paid` says that this run bought it (now or before)."""

    role: ModelRole
    key: str
    usage: Usage
    cost_usd: float | None
    paid: bool


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of a parcel: each row with its bills, in order. `unsure_usd` may have been billed since the last return without a figure.

    `error` is what the user has to be told instead: the kind of a topout error and its message."""

    rows: tuple[tuple[Answered, tuple[Bill, ...]], ...]
    unsure_usd: float = 0.0
    error: tuple[str, str] | None = None
