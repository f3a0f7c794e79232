"""A worker: task, scorer, program and gateway are built once from a setup, then parcels of rows are answered. Nothing here knows how it is reached."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from topout.cluster.gate import Door, SharedLimits
from topout.cluster.parcels import Bill, Parcel, Returned, Setup
from topout.contracts import Answered, Judge, Model, SlowScorer
from topout.domain import Failure, Reply, Request
from topout.engine.halt import halting
from topout.engine.judging import Judging
from topout.engine.local import LocalExecutor
from topout.engine.seats import Seat
from topout.errors import TopoutError, UserError
from topout.models.addresses import Addresses
from topout.models.caches import open_cache
from topout.models.embedded.fitness import Fitness
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger, Purse
from topout.models.limits import OwnLimits
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Prices, parse_price
from topout.plugins.tasks import TaskFolder, load_task

__all__ = ["Worker"]

EMBEDDED_AT_ONCE = 32


class Worker:
    """Answers parcels. `holder` is its name at the gate. Building reads the task folder and opens the cache: raises UserError when it cannot be the same run here
    as where the run was started."""

    def __init__(self, setup: Setup, holder: str, door: Door) -> None:
        self._setup = setup
        self._folder = self._read()
        addresses = Addresses(dict(setup.api_bases), os.environ)
        left_s, exam_s = setup.time_left_s, setup.exam_time_s
        self._ledger = Ledger(Budget(0.0 if setup.capped else None, left_s, setup.paid_only))
        if left_s is not None:
            self._ledger.set_aside(min(1.0, max(0.0, exam_s / left_s)) if left_s > 0 else 1.0)
        self._gateway = Gateway(
            LitellmTransport(addresses, setup.timeout_s),
            open_cache(setup.cache),
            self._ledger,
            Prices(dict(parse_price(text) for text in setup.prices), addresses),
            addresses,
            run=setup.run,
            limits=SharedLimits(door, holder, OwnLimits(EMBEDDED_AT_ONCE)),
        )
        self._unsure_told = 0.0
        self._executor = self._local(Recorder(self._gateway))

    async def answer(self, parcel: Parcel) -> Returned:
        """What became of the rows, when all are known."""
        self._ledger.allow(parcel.grant_usd)
        rows: list[tuple[Answered, tuple[Bill, ...]]] = []
        error: tuple[str, str] | None = None
        work = [self._row(row, parcel) for row in self._executor.answer(parcel.block)]
        for one in await asyncio.gather(*work, return_exceptions=True):
            match one:
                case TopoutError():
                    error = error or (type(one).__name__, str(one))
                case BaseException():
                    raise one
                case answered:
                    rows.append(answered)
        every = [bill for _, bills in rows for bill in bills if bill.paid or not self._setup.paid_only]
        spent = sum(bill.cost_usd or 0.0 for bill in every)
        unsure = self._ledger.snapshot().unsure_usd
        fresh, self._unsure_told = unsure - self._unsure_told, unsure
        self._ledger.allow(spent + fresh - parcel.grant_usd)
        return Returned(() if error else tuple(rows), fresh, error)

    def stop(self) -> None:
        """No further call leaves; rows come back as stopped."""
        self._gateway.stop()

    async def close(self, grace_s: float) -> float:
        """Stop, wait for replies on their way so that the cache has them, and tell what got lost in dollars."""
        await self._gateway.aclose(grace_s)
        return self._ledger.snapshot().unsure_usd - self._unsure_told

    async def _row(self, row: Awaitable[Answered], parcel: Parcel) -> tuple[Answered, tuple[Bill, ...]]:
        here = Row(parcel.purse, parcel.first)
        ROW.set(here)  # gather gave this row a context of its own
        answered = await row
        return answered, tuple(here.bills)

    def _local(self, model: Model) -> LocalExecutor:
        """What answers here. A slow scorer has a thread to itself: there are as many workers as processors."""
        scorer, seat = self._folder.scorer, Seat(model, self._setup.model)
        judge = None
        if isinstance(scorer, Judge):
            asked = Seat(model, self._setup.judge)
            judge = Judging(scorer, asked, asked)
        if isinstance(scorer, SlowScorer):
            scorer = SlowScorer(scorer.score, 1)
        return LocalExecutor(self._folder.task, scorer, seat, seat, self._folder.program, judge)

    def _read(self) -> TaskFolder:
        folder = Path(self._setup.folder)
        try:
            found = load_task(folder)
        except UserError as error:
            raise UserError(
                f"{error} (read by a worker: the task folder has to be at the same path, with the same files, on all machines.)"
            ) from None
        if found.task.fingerprint != self._setup.fingerprint:
            raise UserError(
                f"{folder}: a worker finds another task there than the run was started with. Put the same files at this path on all machines."
            )
        return found


@dataclass(slots=True)
class Row:
    """A row under way: which purse it is paid from, and what was asked for it so far."""

    purse: Purse
    first: bool
    bills: list[Bill] = field(default_factory=list)


ROW: ContextVar[Row] = ContextVar("topout row")
"""Programs ask from tasks and threads of their own, which inherit it."""


class Recorder:
    """The worker's model: asks the gateway from the row's purse, and writes the bill down."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def complete(self, request: Request) -> Reply | Failure:
        row = ROW.get()
        model = self._gateway.purse(row.purse)
        outcome = await (Fitness(model) if row.first else model).complete(request)
        match outcome:
            case Reply():
                row.bills.append(Bill(request.role, outcome.key, outcome.usage, outcome.cost_usd, outcome.paid))
            case Failure() if halting(outcome) is None:
                row.bills.append(Bill(request.role, "", outcome.usage, outcome.cost_usd, True))
            case _:
                pass
        return outcome
