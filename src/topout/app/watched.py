"""A run as somebody else writes it: what its journal says so far, how it stands, and its page.

The journal is read from where the last look ended. A page takes much more work than a look (a second of a core at 20,000 rollouts), so it is made only when
somebody asks for it, once for everybody, and the next one not before ten times as long as this one took: watching stays below a tenth of a core.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from topout.app.facts import facts_now
from topout.app.workbench import calls_of, phase_of
from topout.domain import (
    AttemptDone,
    Critiqued,
    Event,
    ProbeEnded,
    ProbeResumed,
    ProbeStarted,
    RolloutDone,
    RunEnded,
    RunResumed,
    RunStarted,
    probe_of,
)
from topout.errors import JournalError
from topout.report.findings import Findings, find
from topout.report.live import Gauge, Seen, Status, estimate, so_far
from topout.report.page.live import Standing, State, live_frame, live_page, live_sections
from topout.report.page.shell import Section
from topout.report.words import safe_text
from topout.store.journal import Follower
from topout.store.layout import RunFolder

__all__ = ["WatchedRun"]

LOOK_EVERY_S = 0.9
SILENT_S = 3.0
"""After so long without an event it is looked up whether anybody still writes the run."""
SHARE = 0.1
"""Of a core, for pages."""


@dataclass(slots=True)
class Tally:
    """What a status line needs of the events. `calls` are those of the run, or of the probe that began last."""

    started: RunStarted | None = None
    seen: Seen = field(default_factory=Seen)
    measured: bool = False
    calls: int = 0
    total: int = 0
    phase: str = "baseline"
    last: Event | None = None

    def take(self, event: Event) -> None:
        self.seen.take(event)
        match event:
            case RunStarted():
                total = event.manifest.get("max_calls") or event.settings.get("max_calls")
                self.started, self.total = event, total if isinstance(total, int) else 0
                self.last = event
            case RolloutDone():
                self.calls += calls_of(event)
                self.phase = phase_of(event)
            case Critiqued():
                self.calls += 1
            case AttemptDone(attempt):
                self.measured = self.measured or not probe_of(attempt.number)
            case ProbeStarted():
                self.calls, self.total, self.phase = 0, event.task_calls + event.critic_calls, "probe"
                self.last = event
            case RunEnded() | RunResumed() | ProbeEnded() | ProbeResumed():
                self.last = event
            case _:
                pass


class WatchedRun:
    """A run's folder, read again and again; used by many threads at once. `path` is how a person types the folder. Raises JournalError when the journal
    is damaged already. `work` tells the seconds of a core that this thread has used."""

    def __init__(
        self,
        folder: RunFolder,
        path: str,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], float] = time.thread_time,
    ) -> None:
        self._folder = folder
        self._path = path
        self._clock = clock
        self._work = work
        self._follower = Follower(folder.journal)
        self._events: list[Event] = []
        self._tally = Tally()
        self._trouble = ""
        self._lock = threading.RLock()
        self._looked = self._grown = clock()
        self._held = folder.held()
        self._made: tuple[int, State, list[Section]] | None = None
        self._due = clock()
        self._take(self._follower.read())

    def status(self) -> str:
        """How the run stands, as one line of JSON. `version` is that of the page that `frame` would give now."""
        with self._lock:
            self._look()
            standing = self._standing()
            started = self._tally.started
            task = safe_text(str(started.manifest.get("task") or "run"), 80) if started else "run"
            percent = f" {100 * standing.done:.0f} %" if standing.done is not None and standing.state == "running" else ""
            return json.dumps(
                {
                    "run": self._folder.name,
                    "state": standing.state,
                    "title": standing.title,
                    "said": safe_text(standing.said, 400),
                    "done": standing.done,
                    "document": f"{standing.title}{percent}: {task}",
                    "version": self._version(standing.state),
                }
            )

    def page(self) -> str:
        """The whole page."""
        with self._lock:
            self._look()
            standing = self._standing()
            version, found = self._sections(standing.state)
            return live_page(self._tally.started, found, standing, version)

    def frame(self) -> tuple[int, str]:
        """The part of the page that changes, with its version."""
        with self._lock:
            self._look()
            version, found = self._sections(self._standing().state)
            return version, live_frame(self._tally.started, found)

    def stop(self) -> bool:
        """Ask the run to end cleanly; False when it is not running. Raises StoreError when the disk refuses."""
        with self._lock:
            self._look(now=True)
            if self._standing().state not in ("running", "stopping"):
                return False
            self._folder.ask_to_stop()
            return True

    def _look(self, now: bool = False) -> None:
        """Read on, unless that was done a moment ago."""
        time_now = self._clock()
        if not now and time_now - self._looked < LOOK_EVERY_S:
            return
        self._looked = time_now
        try:
            events = self._follower.read()
            self._trouble = ""
        except JournalError as error:
            self._trouble = str(error)
            return
        self._take(events)
        if events:
            self._grown, self._held = time_now, True
        if now or time_now - self._grown > SILENT_S:
            self._held = self._folder.held()

    def _take(self, events: list[Event]) -> None:
        self._events += events
        for event in events:
            self._tally.take(event)

    def _standing(self) -> Standing:
        """How the run stands, by its last event, by who holds it and by what is asked of it."""
        tally = self._tally
        if self._trouble:
            return Standing("unreadable", self._trouble, None)
        done = min(1.0, tally.calls / tally.total) if tally.total else None
        match tally.last:
            case RunEnded(ending, reason) | ProbeEnded(_, ending, reason):
                what = "The probe ended" if isinstance(tally.last, ProbeEnded) else "The run ended"
                more = "" if ending in ("budget", "finished") else f" {self._again()} goes on with it."
                return Standing("ended", f"{what} ({ending}): {reason}.{more}", done)
        if not self._held:
            return Standing(
                "interrupted", f"It has no ending, and no process here writes it: it was killed. {self._again()} goes on.", done
            )
        if self._folder.stop.exists():
            return Standing("stopping", f"Waiting for the calls in flight. {self._again()} goes on with it later.", done)
        return Standing("running", self._progress(), done)

    def _again(self) -> str:
        verb = "probe" if isinstance(self._tally.last, ProbeStarted | ProbeResumed | ProbeEnded) else "resume"
        return f"`topout {verb} {self._path}`"

    def _progress(self) -> str:
        """`1,204 of 7,500 calls, search; best on dev 61.0 % ...`."""
        tally = self._tally
        seen, gauge = tally.seen, Gauge(tally.calls, tally.total, 0, None, None, tally.phase)
        examined = seen.last_examined()
        status = Status(
            gauge,
            0.0,
            None,
            estimate(seen.dev.get(seen.champion)),
            estimate(seen.holdout.get(seen.baseline)),
            estimate(seen.holdout.get(examined)) if examined != seen.baseline else None,
        )
        scores = "".join(f"; {name} {words}" for name, words in so_far(status))
        of = f" of {tally.total:,}" if tally.total else ""
        return f"{tally.calls:,}{of} calls, {tally.phase}{scores}"

    def _version(self, state: State) -> int:
        """The number of events that the page shows, or would show if it were asked for now."""
        return len(self._events) if self._made is None or self._stale(state) else self._made[0]

    def _stale(self, state: State) -> bool:
        """Whether there is more to show and it is time to; how the run ended is shown at once."""
        if self._made is None:
            return True
        version, before, _ = self._made
        return version != len(self._events) and (state != before or self._clock() >= self._due)

    def _sections(self, state: State) -> tuple[int, list[Section]]:
        """What the page shows, and of how many events."""
        if self._made is None or self._stale(state):
            began = self._work()
            self._made = len(self._events), state, live_sections(self._found(), self._path)
            self._due = self._clock() + (self._work() - began) / SHARE
        return self._made[0], self._made[2]

    def _found(self) -> Findings | None:
        """None before the baseline is measured."""
        if not self._tally.measured:
            return None
        return find(self._events, facts_now(self._folder.path, self._events))
