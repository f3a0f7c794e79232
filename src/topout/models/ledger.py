"""The budget: money is reserved before a call is sent, so that no concurrency can overshoot it.

What limits is the *metered* cost: the list price of every call, whether it was paid now or came from the cache. A run therefore
ends at the same place whether it is the first of its kind or served from the cache. (Rounds that begin with the replies of the one before are limited
by what is paid: `Budget.paid_only`.) Sums are kept in whole pico-dollars: prices
per token are multiples of that, and a comparison of integers knows no rounding.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from topout.domain import Failure, Usage

__all__ = ["Budget", "Ledger", "Purse", "Reservation", "Spend", "Tally"]

Purse = Literal["search", "exam"]
_PICO = 10**12
_TIME_IS_UP = Failure("budget", "time")


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a run; None is no limit. With `paid_only`, replies from the cache that this run did not buy cost nothing of `max_cost_usd`."""

    max_cost_usd: float | None = None
    max_time_s: float | None = None
    paid_only: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call in flight. Give it back through `settle` or `release`, once."""

    purse: Purse
    pico: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over calls that were answered. `cost_usd` is metered (cached replies at list price), `paid_usd` what this run paid itself. Calls without a
    known price are in `unpriced_calls`: they add nothing to the dollars, nor tokens that the provider did not tell to theirs."""

    calls: int = 0
    paid_calls: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    paid_usd: float = 0.0
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class Spend:
    """The ledger at one moment, for reports. `promised_usd` is reserved for calls in flight; `left_usd` is what the whole run may
    still spend (None without a limit). `unsure_usd` is what may have been billed without anybody telling a figure, at its dearest."""

    total: Tally
    promised_usd: float
    left_usd: float | None
    elapsed_s: float
    unsure_usd: float = 0.0


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    paid_calls: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    paid: int = 0
    unpriced: int = 0

    def tally(self) -> Tally:
        return Tally(
            self.calls,
            self.paid_calls,
            self.prompt_tokens,
            self.output_tokens,
            self.cost / _PICO,
            self.paid / _PICO,
            self.unpriced,
        )


@dataclass(slots=True)
class _Account:
    """One purse, in pico-dollars: what is gone, what is promised, and how much of what is gone is not known but taken at its dearest."""

    spent: int = 0
    promised: int = 0
    unsure: int = 0


@dataclass(slots=True)
class _Accounts:
    search: _Account = field(default_factory=_Account)
    exam: _Account = field(default_factory=_Account)

    def of(self, purse: Purse) -> _Account:
        return self.search if purse == "search" else self.exam


class Ledger:
    """Counts what is spent and refuses what could be too much. Used from one event loop. `clock` is monotonic, in seconds; time
    counts from construction."""

    def __init__(self, budget: Budget | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._budget = budget or Budget()
        self._clock = clock
        self._started = clock()
        self._cap = None if self._budget.max_cost_usd is None else int(self._budget.max_cost_usd * _PICO)
        self._aside = 0
        self._aside_s = 0.0
        self._accounts = _Accounts()
        self._in_flight = 0
        self._sums = _Sums()
        self._waiting: list[asyncio.Future[None]] = []
        self._keep: Callable[[int, int], None] | None = None

    def carry(self, search: int, exam: int, keep: Callable[[int, int], None]) -> None:
        """Take over what earlier sessions may owe by purse, in pico-dollars, and tell `keep` before each call what this one may owe.

        That is the dearest price of calls in flight (a killed session cannot tell what became of them) and of those that got lost or came back without
        a figure: the journal has none of it, and a limit that forgot it would be overshot by every kill. Only a limit of money needs it."""
        if self._cap is None:
            return
        for account, owed in ((self._accounts.search, search), (self._accounts.exam, exam)):
            account.spent += owed
            account.unsure += owed
        self._keep = keep
        self._note()

    @property
    def is_capped(self) -> bool:
        """Is there a limit of money (so that every call needs a known price)?"""
        return self._cap is not None

    def set_aside(self, exam_share: float) -> None:
        """Keep this share [0, 1] of the money and of the time for the exam. The search may not touch it; the exam may use all that is left."""
        if not 0 <= exam_share <= 1:
            raise ValueError(f"exam_share: {exam_share}, expected a share from 0 to 1")
        self._aside = int((self._cap or 0) * exam_share)
        self._aside_s = (self._budget.max_time_s or 0.0) * exam_share

    def allow(self, more_usd: float) -> None:
        """Move a limit of money by so much, down with a negative figure: for a process that spends what another one has set aside for it."""
        if self._cap is not None:
            self._cap += _pico(more_usd)
            self.wake()

    def room_usd(self, purse: Purse) -> float | None:
        """The most that one reservation could be if nothing else were in flight; None without a limit."""
        if self._cap is None:
            return None
        search, exam = self._accounts.search, self._accounts.exam
        room = self._cap - search.spent - exam.spent
        return max(0, min(room, self._cap - self._aside - search.spent) if purse == "search" else room) / _PICO

    def owe(self, usd: float, purse: Purse) -> None:
        """Count so much as spent that may have been billed elsewhere, and nobody can tell."""
        account = self._accounts.of(purse)
        account.spent += _pico(usd)
        account.unsure += _pico(usd)
        self._note()

    def time_left_s(self, purse: Purse = "exam") -> float | None:
        """Seconds to the deadline, negative after it; None without one. The search may begin nothing once its own share is over."""
        limit = self._budget.max_time_s
        if limit is None:
            return None
        return limit - (self._aside_s if purse == "search" else 0.0) - (self._clock() - self._started)

    def reserve(self, bound_usd: float, purse: Purse = "search") -> Reservation | Failure | None:
        """Set money aside for a call that costs at most `bound_usd` dollars.

        A Failure when it would not fit even if nothing else were in flight, or when time is up; its message begins with 'money' or
        is 'time'. None when it fits as soon as calls in flight turn out cheaper than their bounds: await `changed` and ask again.
        """
        left_s = self.time_left_s(purse)
        if left_s is not None and left_s <= 0:
            return _TIME_IS_UP
        if self._cap is None:
            self._in_flight += 1
            return Reservation(purse, 0)
        bound = -int(-bound_usd * _PICO // 1)
        search, exam = self._accounts.search, self._accounts.exam
        room = self._cap - search.spent - exam.spent
        promised = search.promised + exam.promised
        room_now = room - promised
        if purse == "search":
            own = self._cap - self._aside - search.spent
            room_now = min(room_now, own - search.promised)
            room = min(room, own)
        if bound <= room_now:
            self._in_flight += 1
            self._accounts.of(purse).promised += bound
            self._note()
            return Reservation(purse, bound)
        if bound <= room:
            return None
        kept = f", {_dollars(self._aside)} of it kept for the exam" if purse == "search" and self._aside else ""
        unsure = search.unsure + exam.unsure
        kept += (
            f", {_dollars(unsure)} for replies that were lost or came without a count of tokens, at their dearest" if unsure else ""
        )
        return Failure(
            "budget",
            f"money: {_dollars(search.spent + exam.spent)} of {_dollars(self._cap)} spent{kept}; "
            f"the next call may cost up to {_dollars(bound)}",
        )

    async def changed(self) -> None:
        """Wait until a reservation has been given back. Returns at once when there is none."""
        if self._in_flight == 0:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def wake(self) -> None:
        """Let all who await `changed` look again."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def settle(self, reservation: Reservation, usage: Usage, cost_usd: float | None, *, paid: bool) -> None:
        """Replace a reservation by what the call really cost. With an unknown cost the whole reservation counts against the limit
        (and nothing is added to the sums: unknown is not a figure)."""
        self._give_back(reservation)
        account = self._accounts.of(reservation.purse)
        if paid or not self._budget.paid_only:
            account.spent += reservation.pico if cost_usd is None else _pico(cost_usd)
            account.unsure += reservation.pico if cost_usd is None else 0
        self._note()
        self._count(usage, cost_usd, paid)

    def release(self, reservation: Reservation) -> None:
        """The call was not sent, or not billed."""
        self._give_back(reservation)
        self._note()

    def lose(self, reservation: Reservation) -> None:
        """The call was sent, and nobody will tell what came of it: all that was set aside counts as spent."""
        self._give_back(reservation)
        account = self._accounts.of(reservation.purse)
        account.spent += reservation.pico
        account.unsure += reservation.pico
        self._note()

    def restore(
        self,
        usage: Usage,
        cost_usd: float | None,
        *,
        paid: bool,
        purse: Purse = "search",
        calls: int = 1,
        cached: int = 0,
        cached_usd: float = 0.0,
    ) -> None:
        """Count an answer, of one call or more, that an earlier session of this run has journaled. Never refuses: it has happened. Of a paid one, `cached` calls at `cached_usd` came from the cache.

        A call of unknown cost adds nothing here: what was set aside for it comes through `carry`."""
        if paid or not self._budget.paid_only:
            free = cached_usd if self._budget.paid_only else 0.0
            self._accounts.of(purse).spent += _pico((cost_usd or 0.0) - free)
        self._count(usage, cost_usd, paid, calls, cached, cached_usd)

    def snapshot(self) -> Spend:
        """Totals at this moment."""
        search, exam = self._accounts.search, self._accounts.exam
        promised = search.promised + exam.promised
        return Spend(
            self._sums.tally(),
            promised / _PICO,
            None if self._cap is None else max(0, self._cap - search.spent - exam.spent) / _PICO,
            self._clock() - self._started,
            (search.unsure + exam.unsure) / _PICO,
        )

    def _note(self) -> None:
        if self._keep is not None:
            search, exam = self._accounts.search, self._accounts.exam
            self._keep(search.unsure + search.promised, exam.unsure + exam.promised)

    def _count(
        self, usage: Usage, cost_usd: float | None, paid: bool, calls: int = 1, cached: int = 0, cached_usd: float = 0.0
    ) -> None:
        sums = self._sums
        cost = 0 if cost_usd is None else _pico(cost_usd)
        sums.calls += calls
        sums.cost += cost
        sums.unpriced += calls if cost_usd is None else 0
        sums.prompt_tokens += usage.prompt_tokens or 0
        sums.output_tokens += usage.output_tokens or 0
        if paid:
            sums.paid_calls += calls - cached
            sums.paid += cost - _pico(cached_usd)

    def _give_back(self, reservation: Reservation) -> None:
        self._in_flight -= 1
        self._accounts.of(reservation.purse).promised -= reservation.pico
        if self._waiting:
            self.wake()


def _pico(usd: float) -> int:
    return round(usd * _PICO)


def _dollars(pico: int) -> str:
    usd = f"{pico / _PICO:.4g}"
    return f"${usd}" if "e-" not in usd else f"${pico / _PICO:.12f}".rstrip("0")
