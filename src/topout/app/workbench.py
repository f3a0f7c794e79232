"""The workbench of one session: cache, prices, ledger, gateway and the tape that events are written to, wired from the settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from topout import domain
from topout.config.settings import RunSettings
from topout.contracts import Journal
from topout.domain import Critiqued, Event, Rollout, RolloutDone, Usage, probe_of
from topout.engine import opening
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.caches import open_cache
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger, Purse
from topout.models.limits import Limits
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Prices, parse_price
from topout.report.live import Gauge
from topout.store.owed import Owed

__all__ = ["Tape", "Watch", "Workbench", "calls_of", "phase_of"]

Watch = Callable[[Event, Gauge], None]


class Workbench:
    """Checks prices at once; opens disk and network only in `open`. `exam_share` of the money is kept for the exam.

    `charged` are the request keys that the run's journal counts, once it is open; `elsewhere` the rows that are under way on a cluster, by model."""

    def __init__(self, settings: RunSettings, exam_share: float = 0.0) -> None:
        self.settings = settings
        if settings.critic == settings.model and settings.critic_api_base not in (None, settings.api_base):
            raise UserError(
                f"--critic-api-base: {settings.critic} is the task model and the critic, and one name has one address. "
                "Leave it out, or name another critic."
            )
        bases: dict[str, str | None] = {settings.critic: settings.critic_api_base, settings.model: settings.api_base}
        if settings.critic_api_base is None and settings.critic.partition("/")[0] == settings.model.partition("/")[0]:
            bases[settings.critic] = settings.api_base
        if settings.judge:
            bases |= judges_base(settings, bases)
        self.api_bases: Mapping[str, str] = {model: base for model, base in bases.items() if base}
        self._addresses = Addresses(self.api_bases, os.environ)
        self._prices = Prices(dict(parse_price(text) for text in settings.prices), self._addresses)
        self.ledger = Ledger(Budget(settings.max_cost, settings.max_time, settings.paid_only))
        self.ledger.set_aside(exam_share)
        self.gateway: Gateway | None = None
        self.charged: frozenset[str] = frozenset()
        self.elsewhere: dict[str, int] = {}
        self._stopped = False
        self._stopping: list[Callable[[], object]] = []
        if settings.max_cost is not None:
            for model in filter(None, (settings.model, settings.critic, settings.judge)):
                self._prices.require(model)

    @property
    def prices(self) -> Prices:
        """The list prices that this session counts by."""
        return self._prices

    def open(self, run: str, events: Iterable[Event] = (), probe: int | None = None, limits: Limits | None = None) -> Gateway:
        """The gateway for a run, with what its journal has spent already on the books: all of it, or what one of its probes did. `limits` are those that it
        shares with other processes.

        A reply that the journal counts is never taken for a new purchase, whatever it was for."""
        charged: set[str] = set()
        for event in events:
            if isinstance(event, RolloutDone | Critiqued) and probe is not None and probe_of(event.attempt) != probe:
                charged |= keys_of(event.rollout) if isinstance(event, RolloutDone) else {event.key}
                continue
            match event:
                case RolloutDone(_, call):
                    charged |= keys_of(call)
                    usage = Usage(call.prompt_tokens, call.output_tokens)
                    purse: Purse = "exam" if call.split in ("holdout", "shift") else "search"
                    self._restore_judged(call, purse)
                    if call.steps:
                        self._restore_steps(call, purse)
                    elif call.failure is None or usage != Usage() or call.judged:
                        self.ledger.restore(
                            usage,
                            call.cost_usd,
                            paid=call.paid,
                            purse=purse,
                            calls=call.calls,
                            cached=call.cached,
                            cached_usd=call.cached_usd,
                        )
                case Critiqued():
                    purse = "exam" if event.attempt == domain.ANALYSIS else "search"
                    usage = Usage(event.prompt_tokens, event.output_tokens)
                    if event.failure is None or usage != Usage():
                        self.ledger.restore(usage, event.cost_usd, paid=event.paid, purse=purse)
                    charged.add(event.key)
                case _:
                    pass
        self.charged = frozenset(charged - {""})
        self.gateway = Gateway(
            LitellmTransport(self._addresses, self.settings.timeout),
            open_cache(self.settings.cache_dir),
            self.ledger,
            self._prices,
            self._addresses,
            run=run,
            charged=self.charged,
            max_in_flight=self.settings.concurrency,
            limits=limits,
        )
        if self._stopped:
            self.gateway.stop()
        return self.gateway

    def _restore_steps(self, rollout: Rollout, purse: Purse) -> None:
        """The calls of a program's rollout, each by itself: one may have been bought and the next be in the cache."""
        for step in rollout.steps:
            if step.key:
                usage = Usage(step.prompt_tokens, step.output_tokens)
                self.ledger.restore(usage, step.cost_usd, paid=step.paid, purse=purse)

    def _restore_judged(self, rollout: Rollout, purse: Purse) -> None:
        """The calls of the judge of a rollout, each by itself."""
        for call in rollout.judged:
            usage = Usage(call.prompt_tokens, call.output_tokens)
            if call.key or usage != Usage():
                self.ledger.restore(usage, call.cost_usd, paid=call.paid, purse=purse)

    @contextmanager
    def owing(self, path: Path) -> Iterator[None]:
        """While a session runs, keep in this file what it may owe beside its journal, and begin with what earlier ones left there. Only a limit of money
        needs it. Raises StoreError when the disk refuses."""
        if not self.ledger.is_capped:
            yield
            return
        owed = Owed(path)
        try:
            self.ledger.carry(*owed.before, owed.keep)
            yield
        finally:
            owed.close()

    def metered_usd(self) -> float | None:
        """List price of all calls so far, None when no call of known price was made."""
        total = self.ledger.snapshot().total
        return total.cost_usd if total.unpriced_calls < total.calls else None

    def stop(self) -> None:
        """Ask for a clean end: no further call leaves, though the gateway may not be open yet."""
        self._stopped = True
        if self.gateway is not None:
            self.gateway.stop()
        for call in self._stopping:
            call()

    def on_stop(self, call: Callable[[], object]) -> None:
        """Call this too when the session is asked to end; at once when it was."""
        self._stopping.append(call)
        if self._stopped:
            call()


def keys_of(rollout: Rollout) -> set[str]:
    """The replies that a rollout is made of."""
    return {*rollout.key.split(), *(step.key for step in (*rollout.steps, *rollout.judged))}


def judges_base(settings: RunSettings, known: Mapping[str, str | None]) -> dict[str, str | None]:
    """Where the judge is asked: at its own address, else as whoever else has its name, else where the task model of the same provider is. Raises UserError
    for a second address of one name."""
    judge, own = settings.judge, settings.judge_api_base
    if judge in known and own not in (None, known[judge]):
        raise UserError(
            f"--judge-api-base: {judge} has another role too, and one name has one address. Leave it out, or name another judge."
        )
    same = judge.partition("/")[0] == settings.model.partition("/")[0]
    return {judge: own or known.get(judge) or (settings.api_base if same else None)}


class Tape:
    """A journal that keeps its rollouts in memory and tells a watcher of each event. `onto` is written to first, when given.

    `before` are the events of earlier sessions. A run is `under_way` once both models have answered (the critic's first call is journaled);
    `on_way` is called at that moment, on the loop: from there on there is a run to come back to.
    """

    def __init__(
        self,
        workbench: Workbench,
        total: int,
        watch: Watch | None,
        onto: Journal | None = None,
        before: Sequence[Event] = (),
        on_way: Callable[[], None] = lambda: None,
    ) -> None:
        self._workbench = workbench
        self._total = total
        self._watch = watch
        self._onto = onto
        self._done = sum(calls_of(event) for event in before)
        self._before = before
        self._on_way = on_way
        self.under_way = any(isinstance(event, Critiqued) for event in before)
        self.phase = "baseline"
        self.rollouts: list[Rollout] = []

    def append(self, event: Event) -> None:
        """Take one event."""
        if self._onto is not None:
            self._onto.append(event)
        match event:
            case RolloutDone():
                self._done += calls_of(event)
                self.phase = phase_of(event) if self._onto is not None else "measuring"
                if self._onto is None:
                    self.rollouts.append(event.rollout)
            case Critiqued():
                self._done += calls_of(event)
                if not self.under_way:
                    self.under_way = True
                    self._on_way()
            case _:
                pass
        if self._watch is not None:
            self._watch(event, self.gauge())

    def gauge(self) -> Gauge:
        """How far the session is."""
        gateway = self._workbench.gateway
        spend = self._workbench.ledger.snapshot().total
        priced = spend.unpriced_calls < spend.calls or not spend.calls
        return Gauge(
            calls_done=self._done,
            calls_total=self._total,
            in_flight=sum(gateway.in_flight.values()) + sum(self._workbench.elsewhere.values()) if gateway else 0,
            paid_usd=spend.paid_usd if priced else None,
            metered_usd=spend.cost_usd if priced else None,
            phase=self.phase,
            models=tuple((name, n, gateway.width(name)) for name, n in gateway.in_flight.items()) if gateway else (),
        )


def calls_of(event: Event) -> int:
    """The calls that an event tells of."""
    match event:
        case RolloutDone(_, rollout):
            return rollout.all_calls
        case Critiqued():
            return 1
        case _:
            return 0


def phase_of(done: RolloutDone) -> str:
    """What a rollout was for, in a word."""
    if probe_of(done.attempt):
        return "probe"
    match done.attempt:
        case opening.BASELINE:
            return "baseline"
        case domain.EXAM | domain.ALONE:
            return "exam"
        case _:
            return "search"
