"""The driver's side: blocks become parcels, parcels go to workers with money of their own, and what comes back is put on the books once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from topout.cluster.parcels import Bill, Parcel, Returned
from topout.contracts import Answered, Block
from topout.domain import Candidate, Example, Failure, Prompt, Rollout, Split, Step, Unscored, Usage
from topout.errors import ModelError, ProgramError, ScorerError, StoreError, TopoutError, UserError
from topout.models.ledger import Ledger, Purse, Reservation

__all__ = ["ClusterExecutor", "Crew", "Hand", "LostError", "Price"]

ROWS_AT_MOST = 16
"""A parcel has no more rows: what a killed worker had under way is done again."""

DEATHS = 3
"""So often a parcel may take its worker with it; then its rows go one by one, and a single row that still does gets no score."""

GRACE_S = 5.0
"""So long replies on their way are waited for at the end."""

STOPPED = Failure("stopped", "the run was asked to stop")
ERRORS: dict[str, type[TopoutError]] = {
    kind.__name__: kind for kind in (UserError, ScorerError, ProgramError, StoreError, ModelError)
}

Price = Callable[[Prompt, Sequence[Example]], float]
"""The most that one answer of a prompt to one of these rows is likely to cost, in dollars."""


class LostError(Exception):
    """A worker is gone, and nobody knows what it had done of a parcel."""


class Hand(Protocol):
    """A worker as the driver reaches it."""

    async def answer(self, parcel: Parcel) -> Returned:
        """Raises LostError when the worker died."""
        ...


class Crew(Protocol):
    """The workers. `size` is how many there are."""

    @property
    def size(self) -> int: ...

    def hand(self, rows: int) -> AbstractAsyncContextManager[Hand]:
        """A worker that has room for so many rows, waited for if need be. Raises LostError once the workers were ended, ModelError or UserError when none can be had."""
        ...

    async def stop(self) -> None:
        """No further call leaves anywhere. Returns when the workers were told."""
        ...

    async def close(self, grace_s: float) -> float:
        """End the workers, replies on their way kept if they come within so many seconds. Dollars that may have been billed without a figure."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row, and who waits for it."""

    example: Example
    split: Split
    outcome: asyncio.Future[Answered]


class ClusterExecutor:
    """Implements `topout.contracts.Executor` over a crew.

    `calls` and `price` are what an answer takes at most, in calls and in dollars. `charged` are the request keys that the run's journal counts already. Each is
    counted as paid once, whichever worker says so. `out` is kept up to date: rows that are under way, by model.
    """

    def __init__(
        self,
        crew: Crew,
        ledger: Ledger,
        calls: Callable[[Prompt], int],
        price: Price,
        charged: Set[str],
        out: MutableMapping[str, int],
        model: str,
        one_purse: bool = False,
    ) -> None:
        self._crew = crew
        self._ledger = ledger
        self._calls = calls
        self._price = price
        self._charged = set(charged)
        self._unbooked: set[str] = set()
        self._out = out
        self._model = model
        self._one_purse = one_purse
        self._met = False
        self._stopped = False
        self._parcels: set[asyncio.Task[None]] = set()

    def calls(self, prompt: Prompt) -> int:
        return self._calls(prompt)

    def answer(self, block: Block) -> Sequence[Awaitable[Answered]]:
        loop = asyncio.get_running_loop()
        wanted = [Wanted(example, split, loop.create_future()) for example, split in block.rows]
        for one in wanted:
            one.outcome.add_done_callback(look)
        size = max(1, min(ROWS_AT_MOST, math.ceil(len(wanted) / (4 * max(1, self._crew.size)))))
        for purse in ("search", "exam"):
            mine = [one for one in wanted if self._purse(one.split) == purse]
            for begin in range(0, len(mine), size):
                self._ship(block.candidate, block.sample, purse, mine[begin : begin + size])
        return [one.outcome for one in wanted]

    def stop(self) -> None:
        """Ask for a clean end. On the loop."""
        self._stopped = True
        self._ledger.wake()
        self._start(self._crew.stop())

    async def close(self) -> None:
        self._stopped = True
        self._ledger.wake()
        await self._crew.stop()
        if self._parcels:
            await asyncio.wait(self._parcels, timeout=GRACE_S)
        lost_usd = await self._crew.close(GRACE_S)
        for task in self._parcels:
            task.cancel()
        await asyncio.gather(*self._parcels, return_exceptions=True)
        if lost_usd > 0:
            self._ledger.owe(lost_usd, "exam")

    def _purse(self, split: Split) -> Purse:
        return "exam" if split in ("holdout", "shift") and not self._one_purse else "search"

    def _ship(self, candidate: Candidate, sample: int, purse: Purse, wanted: Sequence[Wanted]) -> None:
        self._start(self._carry(candidate, sample, purse, list(wanted)))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._parcels.add(task)
        task.add_done_callback(self._parcels.discard)

    async def _carry(self, candidate: Candidate, sample: int, purse: Purse, wanted: list[Wanted]) -> None:
        try:
            await self._carried(candidate, sample, purse, wanted)
        except LostError:  # nobody is left to ask: the run is ending
            settle(wanted, STOPPED)
        except asyncio.CancelledError:
            for one in wanted:
                one.outcome.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits for a row is told, whatever it is
            for one in wanted:
                if not one.outcome.done():
                    one.outcome.set_exception(error)

    async def _carried(self, candidate: Candidate, sample: int, purse: Purse, wanted: list[Wanted]) -> None:
        """Send until each row has its outcome."""
        deaths, factor = 0, 1.0
        while wanted := [one for one in wanted if not one.outcome.done()]:
            async with self._crew.hand(len(wanted)) as hand:
                grant = await self._grant(candidate.prompt, purse, [one.example for one in wanted], factor)
                if isinstance(grant, Failure):
                    if len(wanted) == 1 or grant is STOPPED:
                        settle(wanted, grant)
                        return
                    for one in wanted:  # one may still fit
                        self._ship(candidate, sample, purse, [one])
                    return
                block = Block(candidate, tuple((one.example, one.split) for one in wanted), sample)
                parcel = Parcel(block, grant.reservation.pico / 1e12, purse, not self._met)
                self._out[self._model] = self._out.get(self._model, 0) + len(wanted)
                try:
                    returned = await hand.answer(parcel)
                except LostError as lost:
                    self._ledger.lose(grant.reservation)
                    deaths += 1
                    if deaths >= DEATHS:
                        if len(wanted) == 1:
                            settle_lost(wanted[0], candidate, sample, str(lost))
                            return
                        for one in wanted:
                            self._ship(candidate, sample, purse, [one])
                        return
                    continue
                except BaseException:
                    self._ledger.lose(grant.reservation)
                    raise
                finally:
                    self._out[self._model] -= len(wanted)
            self._take(returned, grant, wanted, purse)
            factor *= 2

    async def _grant(self, prompt: Prompt, purse: Purse, rows: Sequence[Example], factor: float) -> Grant | Failure:
        """Money for these rows. A single one for which its bound is too much gets what is left, since a worker knows better what its calls can take; the
        reason stands by for the case that it does not suffice. `STOPPED` when the run is."""
        bound = factor * len(rows) * self._price(prompt, rows) if self._ledger.is_capped else 0.0
        short: Failure | None = None
        while not self._stopped:
            found = self._ledger.reserve(bound, purse)
            if isinstance(found, Reservation):
                return Grant(found, short)
            if found is None:
                await self._ledger.changed()
                continue
            room = self._ledger.room_usd(purse)
            if len(rows) > 1 or not room or found.message == "time" or room >= bound:
                return short or found
            short, bound = short or found, room * (1 - 1e-9)
        return STOPPED

    def _take(self, returned: Returned, grant: Grant, wanted: Sequence[Wanted], purse: Purse) -> None:
        """Put what came back on the books, then hand the rows out. Money is let go last: a kill in between forgets none."""
        if returned.unsure_usd > 0:
            self._ledger.owe(returned.unsure_usd, purse)
        self._ledger.release(grant.reservation)
        if returned.error is not None:
            kind, message = returned.error
            raise ERRORS.get(kind, UserError)(message)
        for one, (answered, bills) in zip(wanted, returned.rows, strict=True):
            if answered.halted is not None and answered.halted.message.startswith("money"):
                self._book((bill for bill in bills if not bill.key), purse)
                self._unbooked.update(bill.key for bill in bills if bill.key and bill.paid)
                if grant.short is not None and not one.outcome.done():
                    one.outcome.set_result(Answered(None, grant.short))
                continue
            self._met = self._met or bool(bills)
            bought = self._book(bills, purse)
            if not one.outcome.done():
                rollout = answered.rollout
                one.outcome.set_result(
                    replace(answered, rollout=restated(rollout, bills, bought)) if rollout is not None else answered
                )

    def _book(self, bills: Iterable[Bill], purse: Purse) -> list[bool]:
        """Count the calls of a row; for each, whether this run pays for it here."""
        bought: list[bool] = []
        for bill in bills:
            if not bill.key and bill.usage == Usage():
                bought.append(True)
                continue
            paid = (bill.paid or bill.key in self._unbooked) and bill.key not in self._charged
            if bill.key:
                self._charged.add(bill.key)
                self._unbooked.discard(bill.key)
            self._ledger.restore(bill.usage, bill.cost_usd, paid=paid, purse=purse)
            bought.append(paid)
        return bought


@dataclass(frozen=True, slots=True)
class Grant:
    """Money for a parcel. `short` is set when that is all there is: what the user is told if it does not suffice."""

    reservation: Reservation
    short: Failure | None


def settle(wanted: Iterable[Wanted], failure: Failure) -> None:
    """No answer, and the end of the run."""
    for one in wanted:
        if not one.outcome.done():
            one.outcome.set_result(Answered(None, failure))


def settle_lost(one: Wanted, candidate: Candidate, sample: int, why: str) -> None:
    """A row that no worker survives: no score, and why."""
    reason = Unscored(f"outage: {DEATHS} workers died while they answered this row ({why})")
    if not one.outcome.done():
        one.outcome.set_result(Answered(Rollout(candidate.id, one.example.id, one.split, sample, "", reason, failure="outage")))


def restated(rollout: Rollout, bills: Sequence[Bill], bought: Sequence[bool]) -> Rollout:
    """The rollout with what this run really pays for: a worker cannot know what others have bought meanwhile."""
    keyed = [(bill, paid) for bill, paid in zip(bills, bought, strict=True) if bill.key]
    if all(bill.paid == paid for bill, paid in keyed):
        return rollout
    unpaid = {bill.key for bill, paid in keyed if not paid} - {bill.key for bill, paid in keyed if paid}

    def told(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(replace(step, paid=step.paid and step.key not in unpaid) for step in steps)

    asked = [(bill, paid) for bill, paid in keyed if bill.role == "task"]
    cached = [bill for bill, paid in asked if not paid]
    several = rollout.calls != 1
    return replace(
        rollout,
        steps=told(rollout.steps),
        judged=told(rollout.judged),
        paid=not cached or len(cached) < len(asked),
        cached=len(cached) if several else 0,
        cached_usd=math.fsum(bill.cost_usd or 0.0 for bill in cached) if several else 0.0,
    )


def look(outcome: asyncio.Future[Answered]) -> None:
    """An error that nobody waits for any more is not to be reported as lost."""
    if not outcome.cancelled():
        outcome.exception()
