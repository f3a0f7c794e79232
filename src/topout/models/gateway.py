"""The model gateway: every call of every role goes through `Gateway.complete`, and nothing else reaches a model.

In this order: stopped? → an equal call in flight → the cache → circuit breaker → money reserved → a place in the model's limiter →
the transport, with retries → money settled → cache → reply. A call that has left is never thrown away: when its caller goes away or
the run is stopped, its reply still lands in the cache with this run's id, and whoever asks next has it as paid for.

    addresses = Addresses(api_base, os.environ)
    ledger = Ledger(Budget(max_cost_usd=5.0))
    gateway = Gateway(LitellmTransport(addresses), ReplyCache.open(folder), ledger, Prices(given, addresses), addresses, run="r1")
    reply = await gateway.complete(Request("openai/gpt-4.1-mini", messages))
    await gateway.aclose()
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from topout.contracts import Model
from topout.domain import Failure, Reply, Request, Usage
from topout.models.addresses import Addresses, is_embedded
from topout.models.cache import Entry, Replies
from topout.models.estimate import Bounds
from topout.models.fingerprint import embedded_version, request_key
from topout.models.ledger import Ledger, Purse, Reservation
from topout.models.limits import Breaking, Limiting, Limits, OwnLimits
from topout.models.prices import Prices
from topout.models.retries import Retries
from topout.models.transport import Delivered, Refused, Sent, Transport

__all__ = ["Gateway"]

_STOPPED = Failure("stopped", "the run was asked to stop")
_TIME_IS_UP = Failure("budget", "time")


@dataclass(slots=True)
class _Provider:
    """What is known of one model's provider."""

    limiter: Limiting
    breaker: Breaking


@dataclass(slots=True, eq=False)
class _Flight:
    """One call that several callers may be waiting for."""

    outcome: asyncio.Future[Entry | Failure]
    waiting: int = 0
    sending: bool = False
    bill_told: bool = False
    reservation: Reservation | None = None


class Gateway:
    """Implements `topout.contracts.Model`. One event loop, one instance a run.

    `run` is this run's id: replies bought now carry it. `charged` are the request keys that this run's journal already counts; a
    reply that this run bought and never journaled (it was killed in between) comes back with `paid` True, once. `cache` None keeps
    nothing. `max_in_flight` is where each model's limiter starts and what it never exceeds; at 1 all models share one place, so that replies come in
    one order whatever the speed of each. `limits` replaces these limiters by ones that other processes share, and then no two of them ask the same request
    at once. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        transport: Transport,
        cache: Replies | None,
        ledger: Ledger,
        prices: Prices,
        addresses: Addresses,
        *,
        run: str,
        charged: Set[str] = frozenset(),
        max_in_flight: int = 32,
        retries: Retries | None = None,
        trip_after: int = 8,
        limits: Limits | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._cache = cache
        self._lanes = ThreadPoolExecutor(cache.lanes, "cache") if cache is not None and cache.lanes else None
        self._ledger = ledger
        self._prices = prices
        self._addresses = addresses
        self._run = run
        self._charged = set(charged)
        self._limits: Limits = limits or OwnLimits(max_in_flight, trip_after, clock, sleep)
        self._shared = limits is not None
        self._retries = retries or Retries()
        self._rng = rng or random.Random()
        self._sleep = sleep
        self._bounds = Bounds()
        self._providers: dict[str, _Provider] = {}
        self._address_of: dict[str, str] = {}
        self._flights: dict[str, _Flight] = {}
        self._tasks: dict[asyncio.Task[Entry | Failure], _Flight] = {}
        self._unclaimed: set[str] = set()  # settled in the ledger, given to nobody yet
        self._in_flight: dict[str, int] = {}
        self._stopped = False

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    @property
    def in_flight(self) -> Mapping[str, int]:
        """Calls that are at a provider at this moment, by model."""
        return self._in_flight

    def width(self, model: str) -> int:
        """How many calls of this model the provider tolerates at present."""
        return self._provider(model).limiter.width

    def purse(self, purse: Purse) -> Model:
        """This gateway, paying from that purse. `complete` itself pays from 'search'."""
        return _PurseView(self, purse)

    async def complete(self, request: Request) -> Reply | Failure:
        """The answer of `request.model`, from memory or anew. Raises UserError for an unknown price under a money limit, and
        StoreError when the cache's disk gives out; everything else comes back as a Failure."""
        return await self.complete_from(request, "search")

    async def complete_from(self, request: Request, purse: Purse) -> Reply | Failure:
        """`complete`, paid from `purse`."""
        if self._stopped:
            return _STOPPED
        address = self._address_of.get(request.model)
        if address is None:
            address = embedded_version() if is_embedded(request.model) else self._addresses.of(request.model)
            self._address_of[request.model] = address
        key = request_key(request, address)
        flight = self._flights.get(key)
        if flight is None:
            entry = self._cache.get(key) if self._cache is not None and self._lanes is None else None
            if entry is not None:
                return await self._claim(request, purse, key, entry)
            flight = self._take_off(request, purse, key)
        outcome = await self._wait(flight)
        if isinstance(outcome, Entry):
            return await self._claim(request, purse, key, outcome)
        if flight.bill_told and outcome.cost_usd is not None:
            return Failure(outcome.kind, outcome.message)
        flight.bill_told = True
        return outcome

    def stop(self) -> None:
        """All callers get Failure('stopped') from now on, those waiting too. Calls at a provider are left to finish for the cache
        (see `aclose`); those that have not left are dropped."""
        self._stopped = True
        for task, flight in self._tasks.items():
            if not flight.outcome.done():
                flight.outcome.set_result(_STOPPED)
            if not flight.sending:
                task.cancel()
        self._ledger.wake()

    async def aclose(self, grace_s: float = 5.0) -> None:
        """Stop, give calls at a provider `grace_s` seconds for their replies to reach the cache, then close everything."""
        self.stop()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=grace_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._lanes is not None and self._cache is not None:
            self._cache.hurry()
            await asyncio.to_thread(self._lanes.shutdown)
        if self._cache is not None:
            self._cache.close()
        await self._transport.aclose()

    def _provider(self, model: str) -> _Provider:
        provider = self._providers.get(model)
        if provider is None:
            provider = self._providers[model] = _Provider(self._limits.limiter(model), self._limits.breaker(model))
        return provider

    def _take_off(self, request: Request, purse: Purse, key: str) -> _Flight:
        """A task of its own for the call, so that no caller's cancellation is another's."""
        loop = asyncio.get_running_loop()
        flight = self._flights[key] = _Flight(loop.create_future())
        task = loop.create_task(self._fly(flight, request, purse, key))
        self._tasks[task] = flight

        def landed(done: asyncio.Task[Entry | Failure]) -> None:
            del self._tasks[done]
            if self._flights.get(key) is flight:
                del self._flights[key]
            problem = None if done.cancelled() else done.exception()
            if flight.outcome.done() or flight.waiting == 0:
                return
            if done.cancelled():
                flight.outcome.cancel()
            elif problem is not None:
                flight.outcome.set_exception(problem)
            else:
                flight.outcome.set_result(done.result())

        task.add_done_callback(landed)
        return flight

    async def _wait(self, flight: _Flight) -> Entry | Failure:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.outcome)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.outcome.done() and not flight.sending:
                self._abandon(flight)

    def _abandon(self, flight: _Flight) -> None:
        """Nobody waits any more and nothing was sent."""
        for task, its_flight in self._tasks.items():
            if its_flight is flight:
                task.cancel()
        for key in [key for key, its_flight in self._flights.items() if its_flight is flight]:
            del self._flights[key]

    async def _claim(self, request: Request, purse: Purse, key: str, entry: Entry) -> Reply | Failure:
        """Hand a reply to one caller. The first one after the call has it as paid; for all others it is a metered cache hit."""
        model, cost = request.model, entry.cost_usd
        bought = entry.run == self._run and key not in self._charged
        if cost is None or (self._prices.is_given(model) and not bought):  # what this run bought keeps the price of that day
            cost = self._prices.cost(model, entry.usage)
        if key in self._unclaimed:
            self._unclaimed.discard(key)
            paid = True
        else:
            reservation = await self._reserve(request, purse)
            if isinstance(reservation, Failure):
                return reservation
            paid = bought
            self._settle(reservation, request, entry.usage, cost, paid=paid)
        self._charged.add(key)
        return Reply(entry.text, entry.finish_reason, entry.usage, cost, entry.latency_s, paid, key)

    async def _reserve(self, request: Request, purse: Purse) -> Reservation | Failure:
        bound_usd = 0.0
        if self._ledger.is_capped:
            bound_usd = self._prices.require(request.model).cost(*self._bounds.of(request))
        while (reservation := self._ledger.reserve(bound_usd, purse)) is None:
            await self._ledger.changed()
            if self._stopped:
                return _STOPPED
        return reservation

    def _settle(self, reservation: Reservation, request: Request, usage: Usage, cost_usd: float | None, *, paid: bool) -> None:
        self._ledger.settle(reservation, usage, cost_usd, paid=paid)
        if self._ledger.is_capped:
            self._bounds.learn(request, usage)

    async def _fly(self, flight: _Flight, request: Request, purse: Purse, key: str) -> Entry | Failure:
        if self._lanes is not None and (known := await self._look_up(key)) is not None:
            return known
        if not self._shared:
            return await self._ask(flight, request, purse, key)
        alone = await self._limits.take(key, request.model)
        try:
            known = None if alone else await self._look_up(key)
            return known or await self._ask(flight, request, purse, key)
        finally:
            self._limits.done(key, request.model)

    async def _look_up(self, key: str) -> Entry | None:
        """What the cache has by now."""
        if self._cache is None:
            return None
        if self._lanes is None:
            return self._cache.get(key)
        return await asyncio.get_running_loop().run_in_executor(self._lanes, self._cache.get, key)

    async def _ask(self, flight: _Flight, request: Request, purse: Purse, key: str) -> Entry | Failure:
        provider = self._provider(request.model)
        if provider.breaker.message is not None:
            return Failure("circuit", provider.breaker.message)
        reservation = await self._reserve(request, purse)
        if isinstance(reservation, Failure):
            return reservation
        flight.reservation = reservation
        try:
            sent = await self._send(flight, provider, request, purse)
            return await self._received(flight, request, key, sent)
        finally:  # what was set aside for a call must not stay promised, whatever ended it
            if flight.reservation is not None:
                self._ledger.release(flight.reservation)
                flight.reservation = None

    async def _received(self, flight: _Flight, request: Request, key: str, sent: Sent | Failure) -> Entry | Failure:
        """Put what came back on the books. A reply goes to the disk before the money that was set aside for it is let go, so that a kill in between
        forgets neither."""
        model = request.model
        match sent:
            case Delivered(text, finish_reason, usage, latency_s):
                cost = self._prices.cost(model, usage)
                entry = Entry(text, finish_reason, usage, cost, latency_s, model, self._run)
                try:
                    if self._cache is not None and self._lanes is None:
                        self._cache.put(key, entry)
                    elif self._cache is not None and self._lanes is not None:
                        flight.sending = True  # what was bought is kept, whoever goes away meanwhile
                        keeping = asyncio.get_running_loop().run_in_executor(self._lanes, self._cache.put, key, entry)
                        await asyncio.shield(keeping)
                finally:
                    flight.sending = False
                    self._pay(flight, request, usage, cost)
                    self._unclaimed.add(key)
                return entry
            case Refused(kind, message, usage=usage) if usage.prompt_tokens is not None:
                cost = self._prices.cost(model, usage)
                self._pay(flight, request, usage, cost)
                return Failure(kind, message, usage, cost)
            case Refused(kind, message, status=status):
                if status == 200:  # an answer that is none, and that does not say what it took
                    self._lose(flight)
                return Failure(kind, message)
            case Failure():
                return sent

    def _pay(self, flight: _Flight, request: Request, usage: Usage, cost_usd: float | None) -> None:
        if flight.reservation is not None:
            self._settle(flight.reservation, request, usage, cost_usd, paid=True)
            flight.reservation = None

    def _lose(self, flight: _Flight) -> None:
        if flight.reservation is not None:
            self._ledger.lose(flight.reservation)
            flight.reservation = None

    async def _send(self, flight: _Flight, provider: _Provider, request: Request, purse: Purse) -> Sent | Failure:
        """Try until it is answered or final. The place in the limiter is given back during back-off. What has left when the time of its purse
        is over is waited for, until the time of the run is. A try that got lost may be billed: the next one needs money of its own."""
        tried = 0
        while True:
            try:
                async with asyncio.timeout(self._ledger.time_left_s(purse)):
                    ticket = await provider.limiter.acquire()
            except TimeoutError:
                return _TIME_IS_UP
            left_s, to_begin_s = self._ledger.time_left_s(), self._ledger.time_left_s(purse)
            if provider.breaker.message is not None or self._stopped or (to_begin_s is not None and to_begin_s <= 0):
                provider.limiter.release()
                if self._stopped:
                    return _STOPPED
                return _TIME_IS_UP if provider.breaker.message is None else Failure("circuit", provider.breaker.message)
            flight.sending = True
            self._in_flight[request.model] = self._in_flight.get(request.model, 0) + 1
            try:
                async with asyncio.timeout(left_s):
                    sent = await self._transport.send(request)
            except TimeoutError:
                self._lose(flight)
                return _TIME_IS_UP
            except BaseException:
                self._lose(flight)
                raise
            finally:
                flight.sending = False
                self._in_flight[request.model] -= 1
                provider.limiter.release()
            tried += 1
            if isinstance(sent, Delivered):
                provider.limiter.succeeded()
                provider.breaker.answered()
                return sent
            if sent.lost:
                self._lose(flight)
            delay_s = self._note_refusal(provider, sent, ticket, tried)
            if delay_s is None:
                return sent
            left_s = self._ledger.time_left_s(purse)
            if left_s is not None and delay_s >= left_s:
                return _TIME_IS_UP
            if flight.waiting == 0 or self._stopped:
                return _STOPPED
            await self._sleep(delay_s)
            if flight.reservation is None:
                reservation = await self._reserve(request, purse)
                if isinstance(reservation, Failure):
                    return reservation
                flight.reservation = reservation

    def _note_refusal(self, provider: _Provider, refused: Refused, ticket: int, tried: int) -> float | None:
        """Tell limiter and breaker; the delay before the next try in seconds, None when there is none."""
        if refused.status == 429 and refused.retryable:
            provider.limiter.throttled(ticket)
        if refused.retry_after_s is not None and refused.retryable:
            provider.limiter.pause(self._retries.bounded(refused.retry_after_s))
        delay_s = self._retries.delay_s(refused, tried, self._rng)
        if delay_s is None:
            provider.breaker.failed(refused.kind, refused.message)
        return delay_s


@dataclass(frozen=True, slots=True)
class _PurseView:
    gateway: Gateway
    purse: Purse

    async def complete(self, request: Request) -> Reply | Failure:
        return await self.gateway.complete_from(request, self.purse)
