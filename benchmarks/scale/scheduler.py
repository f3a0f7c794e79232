"""The driver of a fleet, simulated event by event: attempts in lanes, heats cut into parcels, workers that die, one limiter for all, one driver that writes it all down.

What is simulated is the scheduling that topout does on Ray (parcels of rows, one gate for all calls, one driver that journals in order of arrival); no model is
asked. What a rollout costs the driver and a call costs the gate are measured figures, given as options. Every rollout has a number, and the simulated journal
refuses one that it holds already: that each stands in it once, whatever died, is checked and not assumed.
"""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from topout.search.racing import blocks

__all__ = ["Fleet", "Outcome", "simulate", "table"]


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is simulated. Times in seconds. `hands` is how many parcels a worker has under way at once, `rate` the calls a second that the provider bears.

    A worker is killed after `life_s` on average and replaced after 10 s; in a tenth of the cases it was only out of reach, and its result still comes, late. The
    driver is killed `driver_kills` times and is back after `restart_s` and the replay of its journal. `stays` is the share of attempts that pass a heat."""

    rollouts: int
    workers: int = 64
    hands: int = 4
    parcel: int = 16
    lanes: int = 32
    dev_rows: int = 5_000
    rate: float = 2_000.0
    latency_s: float = 0.8
    critic_s: float = 6.0
    driver_row_s: float = 80e-6
    driver_parcel_s: float = 0.3e-3
    gate_call_s: float = 0.3e-3
    replay_row_s: float = 40e-6
    life_s: float = 4 * 3600.0
    driver_kills: int = 2
    restart_s: float = 30.0
    stays: float = 0.6
    seed: int = 0


@dataclass(slots=True)
class Parcel:
    """Rows first to last (their numbers), those whose reply the cache has, and of which heat they are."""

    first: int
    last: int
    cached: int
    heat: Heat


@dataclass(slots=True)
class Heat:
    """Rows of an attempt that are under way; the attempt decides when none is left."""

    attempt: int
    stage: int
    left: int = 0


@dataclass(slots=True)
class Flight:
    """A parcel at a worker: when each of its calls got its place and when it is answered."""

    parcel: Parcel
    worker: int
    begun: np.ndarray
    answered: np.ndarray


@dataclass(slots=True)
class Outcome:
    """`again`: rows sent out again; `twice`: calls that were on their way when their worker died; `dropped`: results of rows that the journal held."""

    fleet: Fleet
    seconds: float = 0.0
    driver_s: float = 0.0
    gate_s: float = 0.0
    hand_s: float = 0.0
    attempts: int = 0
    again: int = 0
    twice: int = 0
    dropped: int = 0
    deaths: int = 0
    replay_s: float = 0.0
    took_s: float = 0.0
    journal: bytearray = field(default_factory=bytearray)


class Simulation:
    """One fleet, from the first attempt to the last rollout."""

    def __init__(self, fleet: Fleet) -> None:
        self.f, self.out, self.rng = fleet, Outcome(fleet), np.random.default_rng(fleet.seed)
        self.out.journal = bytearray(fleet.rollouts)
        self.heats = [block.stop - block.start for block in blocks(fleet.dev_rows, 20, 2.0)]
        self.events: list[tuple[float, int, str, object]] = []
        self.order = itertools.count()
        self.ready: deque[Parcel] = deque()
        self.room = [fleet.hands] * fleet.workers
        self.free = deque(worker for worker in range(fleet.workers) for _ in range(fleet.hands))
        self.flying: dict[int, Flight] = {}
        self.born = [0] * fleet.workers
        self.driver_free = self.gate_free = 0.0
        self.made = self.held = 0

    def at(self, when: float, what: str, whom: object) -> None:
        heapq.heappush(self.events, (when, next(self.order), what, whom))

    def run(self) -> Outcome:
        began, f = time.process_time(), self.f
        for lane in range(min(f.lanes, f.rollouts)):
            self.begin(lane * 0.01)
        for worker in range(f.workers):
            self.at(self.rng.exponential(f.life_s), "death", worker)
        ideal_s = f.rollouts / min(f.rate, 1 / f.gate_call_s)
        for kill in range(f.driver_kills):
            self.at(ideal_s * (kill + 1) / (f.driver_kills + 1), "crash", None)
        now = 0.0
        while self.held < f.rollouts:
            now, _, what, whom = heapq.heappop(self.events)
            if what == "result" and isinstance(whom, int):
                self.result(now, whom)
            elif what == "late" and isinstance(whom, Parcel):
                self.journaled(now, whom)
            elif what == "heat" and isinstance(whom, Heat):
                self.cut(whom)
            elif what == "death" and isinstance(whom, int):
                self.death(now, whom)
            elif what == "back" and isinstance(whom, tuple):
                self.back(*whom)
            elif what == "crash":
                self.crash(now)
            self.send(now)
        self.out.seconds, self.out.took_s = max(now, self.driver_free), time.process_time() - began
        assert sum(self.out.journal) == f.rollouts
        return self.out

    def begin(self, now: float) -> None:
        """The next attempt asks its critic, then its first heat begins."""
        self.at(now + self.f.critic_s, "heat", Heat(self.out.attempts, 0))
        self.out.attempts += 1

    def cut(self, heat: Heat) -> None:
        """Rows into parcels."""
        rows = min(self.heats[heat.stage], self.f.rollouts - self.made)
        heat.left = rows
        for first in range(self.made, self.made + rows, self.f.parcel):
            self.ready.append(Parcel(first, min(first + self.f.parcel, self.made + rows), 0, heat))
        self.made += rows

    def send(self, now: float) -> None:
        """Parcels to free hands, each for a piece of the driver's time."""
        while self.ready and self.free:
            worker = self.free.popleft()
            if not self.room[worker]:
                continue  # a place of a life before
            parcel = self.ready.popleft()
            self.driver_free = max(self.driver_free, now) + self.f.driver_parcel_s / 2
            self.out.driver_s += self.f.driver_parcel_s / 2
            asked = parcel.last - parcel.first - parcel.cached
            step = max(1 / self.f.rate, self.f.gate_call_s)
            start = max(self.gate_free, self.driver_free)
            self.gate_free = start + step * asked
            self.out.gate_s += self.f.gate_call_s * asked
            begun = start + step * np.arange(asked)
            answered = begun + self.f.latency_s * np.exp(0.5 * self.rng.standard_normal(asked))
            end = float(answered.max()) if asked else self.driver_free + 0.003 * parcel.cached
            number = next(self.order)
            self.flying[number] = Flight(parcel, worker, begun, answered)
            self.room[worker] -= 1
            self.out.hand_s += end - now
            self.at(end, "result", number)

    def result(self, now: float, number: int) -> None:
        flight = self.flying.pop(number, None)
        if flight is None:
            return  # its worker died before
        self.room[flight.worker] += 1
        self.free.append(flight.worker)
        self.journaled(now, flight.parcel)

    def journaled(self, now: float, parcel: Parcel) -> None:
        """The driver writes down what the journal does not hold yet, and decides when a heat is over."""
        f, rows = self.f, parcel.last - parcel.first
        cost = f.driver_parcel_s / 2 + f.driver_row_s * rows
        self.driver_free = max(self.driver_free, now) + cost
        self.out.driver_s += cost
        known = sum(self.out.journal[parcel.first : parcel.last])
        self.out.dropped += known
        if known:
            return
        self.out.journal[parcel.first : parcel.last] = b"\1" * rows
        self.held += rows
        heat = parcel.heat
        heat.left -= rows
        if heat.left or self.made >= f.rollouts:
            return
        if heat.stage + 1 < len(self.heats) and self.rng.random() < f.stays:
            self.at(self.driver_free, "heat", Heat(heat.attempt, heat.stage + 1))
        else:
            self.begin(self.driver_free)

    def lose(self, now: float, number: int) -> None:
        """A flight that will not be reported. What was answered is in the cache, what was on its way is asked again."""
        flight = self.flying.pop(number)
        parcel = flight.parcel
        answered = int((flight.answered <= now).sum())
        self.out.twice += int((flight.begun <= now).sum()) - answered
        self.out.again += parcel.last - parcel.first
        self.ready.appendleft(Parcel(parcel.first, parcel.last, parcel.cached + answered, parcel.heat))

    def back(self, worker: int, life: int) -> None:
        """A worker is there again, unless it died another time meanwhile."""
        if life == self.born[worker]:
            self.room[worker] = self.f.hands
            self.free.extend([worker] * self.f.hands)

    def gone(self, worker: int, until: float) -> None:
        """A worker has no room until then."""
        self.room[worker] = 0
        self.born[worker] += 1
        self.at(until, "back", (worker, self.born[worker]))

    def death(self, now: float, worker: int) -> None:
        self.out.deaths += 1
        reachable = self.rng.random() >= 0.1
        for number in [number for number, flight in self.flying.items() if flight.worker == worker]:
            if not reachable:
                flight = self.flying[number]
                ends = float(flight.answered.max()) if flight.answered.size else now
                self.at(max(now, ends) + 30.0, "late", flight.parcel)
            self.lose(now, number)
        self.gone(worker, now + 10.0)
        self.at(now + 10.0 + self.rng.exponential(self.f.life_s), "death", worker)

    def crash(self, now: float) -> None:
        """The driver dies, its workers with it; it comes back with the journal."""
        for number in list(self.flying):
            self.lose(now, number)
        replay_s = self.f.replay_row_s * self.held
        self.out.replay_s += replay_s
        self.driver_free = self.gate_free = now + self.f.restart_s + replay_s
        self.free.clear()
        for worker in range(self.f.workers):
            self.gone(worker, self.driver_free)


def simulate(fleet: Fleet) -> Outcome:
    """Run it."""
    return Simulation(fleet).run()


def table(outcomes: list[Outcome]) -> str:
    """A row a fleet."""
    heads = (
        "rollouts",
        "workers",
        "lanes",
        "calls/s",
        "of the limit",
        "driver",
        "gate",
        "hands",
        "deaths",
        "sent again",
        "asked twice",
        "dropped",
    )
    lines = ["| " + " | ".join(heads) + " |", "|" + "---:|" * len(heads)]
    for o in outcomes:
        f = o.fleet
        limit = min(f.rate, 1 / f.gate_call_s)
        cells = (
            f"{f.rollouts:,}",
            f"{f.workers:,}",
            f"{f.lanes:,}",
            f"{f.rollouts / o.seconds:,.0f}",
            f"{f.rollouts / o.seconds / limit:.0%}",
            f"{o.driver_s / o.seconds:.0%}",
            f"{o.gate_s / o.seconds:.0%}",
            f"{o.hand_s / o.seconds / f.workers / f.hands:.0%}",
            f"{o.deaths:,}",
            f"{o.again / f.rollouts:.3%}",
            f"{o.twice:,}",
            f"{o.dropped:,}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def hours(seconds: float) -> str:
    """`2.8 h`."""
    return f"{seconds / 3600:.1f} h" if math.isfinite(seconds) else "never"
