"""What a person sees while a run goes on: a live line, plain lines, or JSON lines. Fed by events; it has no clock or thread of its own."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from topout.domain import ALONE, AttemptDone, Estimate, Event, RolloutDone, RunStarted, Scored, probe_of
from topout.plateau.intervals import mean_interval
from topout.report.layout import grid
from topout.report.terminal import sparkline
from topout.report.words import amount, duration, quality, safe_text

__all__ = ["Gauge", "JsonScreen", "LiveView", "PlainScreen", "RichScreen", "Screen", "Seen", "Status", "estimate", "so_far"]


GAUGE = 16
"""Cells of a gauge of calls in flight."""


TELLING = 30
"""Held-out rows from which on the score of a champion that is being examined is told."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where a run stands: calls answered of those it may make, calls in flight, dollars paid and metered at list price (None: unknown), and
    the phase in a word (`baseline`, `search`, `exam`, `probe`). `models` are the calls in flight by model, each with how many its provider takes at
    present."""

    calls_done: int
    calls_total: int
    in_flight: int
    paid_usd: float | None
    metered_usd: float | None
    phase: str
    models: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What is drawn. `dev` is the champion's score on the rows it was selected on; `baseline` and `held_out` are holdout scores of the
    baseline and of the last examined champion so far, `curve` those of the champions in the order in which they took the lead. `left_s` is None until there is a pace to tell it from. `note` is said beside."""

    gauge: Gauge
    elapsed_s: float
    left_s: float | None
    dev: Estimate | None
    baseline: Estimate | None
    held_out: Estimate | None
    note: str = ""
    curve: tuple[float, ...] = ()


class Screen(Protocol):
    """Where progress goes; `every_s` is the least time between two drawings."""

    @property
    def every_s(self) -> float: ...
    def event(self, event: Event) -> None: ...
    def draw(self, status: Status) -> None: ...
    def line(self, text: str) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Seen:
    """The little that the view remembers of the events: dev and holdout scores by candidate, who leads, who was examined last. Neither what each lever does
    alone nor second answers to a row are in it: they are no champion's score."""

    dev: dict[str, dict[str, float]] = field(default_factory=dict)
    holdout: dict[str, dict[str, float]] = field(default_factory=dict)
    baseline: str = ""
    champion: str = ""
    leaders: dict[str, None] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.dev, self.holdout, self.baseline, self.champion, self.leaders = {}, {}, "", "", {}
            case RolloutDone(attempt, rollout) if attempt == ALONE or probe_of(attempt) or rollout.sample:
                pass
            case RolloutDone(_, rollout) if isinstance(rollout.score, Scored):
                if rollout.split == "dev":
                    self.dev.setdefault(rollout.candidate, {})[rollout.example] = rollout.score.value
                elif rollout.split == "holdout":
                    self.holdout.setdefault(rollout.candidate, {})[rollout.example] = rollout.score.value
            case AttemptDone():
                self.champion = event.champion
                self.leaders[event.champion] = None
                self.baseline = self.baseline or event.champion
            case _:
                pass

    def curve(self) -> tuple[float, ...]:
        """Held-out means of the champions whose exam is half done or more, as measured by the baseline's rows."""
        rows = len(self.holdout.get(self.baseline, ()))
        exams = [self.holdout.get(c, {}) for c in self.leaders]
        return tuple(sum(s.values()) / len(s) for s in exams if s and 2 * len(s) >= rows)

    def last_examined(self) -> str:
        """The candidate that began its exam last."""
        return next(reversed(self.holdout), "")


class LiveView:
    """Call it with every event; use it in a `with` block, so that the terminal is left as it was.

    Between drawings an event costs a few microseconds; drawings happen on events alone, at most once in the screen's `every_s`: search and
    exam go on side by side, so the phase of the gauge changes often and is no reason to draw.
    """

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._started = clock()
        self._due = self._started
        self._seen = Seen()
        self._pace: deque[tuple[float, int]] = deque(maxlen=64)
        self._last: Gauge | None = None
        self._drawn: Gauge | None = None
        self._note = ""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __call__(self, event: Event, gauge: Gauge) -> None:
        if self._closed:
            return
        self._seen.take(event)
        self._screen.event(event)
        self._last = gauge
        now = self._clock()
        if now >= self._due:
            self._due = now + self._screen.every_s
            self._draw(now, gauge)

    def recall(self, events: Iterable[Event]) -> None:
        """Take what earlier sessions of a run found, without drawing or passing it on."""
        for event in events:
            self._seen.take(event)

    def note(self, text: str) -> None:
        """Say something from now on, beside the progress, and draw it at once."""
        self._note = text
        self._draw(self._clock(), self._last or Gauge(0, 0, 0, None, None, "start"))

    def line(self, text: str) -> None:
        """Say something once, that stays."""
        self._pace.clear()
        self._screen.line(text)

    def close(self) -> None:
        """Draw the last state, if it was not, and let the terminal go. Events that come later are ignored."""
        if self._closed:
            return
        if self._last is not None and self._last != self._drawn:
            self._draw(self._clock(), self._last)
        self._closed = True
        self._screen.close()

    def _draw(self, now: float, gauge: Gauge) -> None:
        self._drawn = gauge
        self._pace.append((now, gauge.calls_done))
        champion = self._seen.dev.get(self._seen.champion)
        examined = self._seen.last_examined()
        self._screen.draw(
            Status(
                gauge,
                now - self._started,
                self._left(now, gauge),
                estimate(champion),
                estimate(self._seen.holdout.get(self._seen.baseline)),
                estimate(self._seen.holdout.get(examined)) if examined != self._seen.baseline else None,
                self._note,
                self._seen.curve(),
            )
        )

    def _left(self, now: float, gauge: Gauge) -> float | None:
        """Seconds left at the pace of the last drawings (64 of them: 8 s of a live line)."""
        then, done = self._pace[0]
        if now - then < 2.0 or gauge.calls_done < done + 10:
            return None
        return max(0.0, (gauge.calls_total - gauge.calls_done) * (now - then) / (gauge.calls_done - done))


def estimate(scores: Mapping[str, float] | None) -> Estimate | None:
    """The mean so far with its interval, None without a row."""
    return mean_interval(list(scores.values())) if scores else None


def so_far(status: Status) -> list[tuple[str, str]]:
    """The scores in words."""
    parts = []
    if status.dev is not None:
        parts.append(("best on dev", f"{quality(status.dev)} (selected on these rows)"))
    if status.baseline is not None and status.held_out is not None and status.held_out.n >= min(TELLING, status.baseline.n):
        parts.append(("held out", f"{100 * status.baseline.mean:.1f} % -> {quality(status.held_out)} so far"))
    elif status.baseline is not None:
        parts.append(("held out", f"baseline {quality(status.baseline)} so far"))
    return parts


def curve_line(values: Sequence[float]) -> str:
    """The held-out curve as it grows, the latest 40 champions, with its ends: `▁▃▃▆  46.1 % -> 59.0 %`; '' for a single point."""
    if len(values) < 2:
        return ""
    shown = list(values[-40:])
    middle = (min(shown) + max(shown)) / 2
    line = sparkline(shown, min(*shown, middle - 0.025), max(*shown, middle + 0.025))
    return f"{line}  {100 * shown[0]:.1f} % -> {100 * shown[-1]:.1f} %, champions so far"


def gauges(g: Gauge) -> list[tuple[str, str]]:
    """A model a line: `openai/gpt-4.1-mini  ▮▮▮▮▯▯▯▯  16 of 32 in flight`; models that were not asked yet are left out."""
    lines = []
    for name, n, width in g.models:
        cells = min(GAUGE, -(-GAUGE * n // max(1, width)))
        lines.append((safe_text(name, 30), f"{'▮' * cells}{'▯' * (GAUGE - cells)}  {n} of {width} in flight"))
    return lines


def money(gauge: Gauge) -> str:
    """`; paid $0.12 (list price $0.40)`; nothing before the first call."""
    if not gauge.calls_done:
        return ""
    if gauge.paid_usd is None:
        return "; price unknown"
    whole = f" (list price {amount(gauge.metered_usd)})" if gauge.metered_usd != gauge.paid_usd else ""
    return f"; paid {amount(gauge.paid_usd)}{whole}"


def times(status: Status) -> str:
    """`12 s, about 18 s left`."""
    left = "" if status.left_s is None else f", about {duration(status.left_s)} left"
    return f"{duration(status.elapsed_s)}{left}"


class RichScreen:
    """A few lines that redraw themselves in place, gone when the run is over."""

    every_s = 1 / 8

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._begun = False

    def event(self, event: Event) -> None:
        """Nothing: events are summed up in the drawings."""

    def draw(self, status: Status) -> None:
        if not self._begun:
            self._live.start()
            self._begun = True
        self._live.update(drawing(status), refresh=True)

    def line(self, text: str) -> None:
        self._live.console.print(Text(safe_text(text)))

    def close(self) -> None:
        if self._begun:
            self._live.stop()


def drawing(status: Status) -> RenderableType:
    """The live lines."""
    g = status.gauge
    bar = ProgressBar(total=max(1, g.calls_total), completed=min(g.calls_done, g.calls_total), width=24)
    calls = f"{g.calls_done:,}/{g.calls_total:,} calls, {g.in_flight} in flight"
    top = grid([(Text(safe_text(g.phase, 12), style="bold"), bar, Text(calls))])
    known = [*gauges(g), *so_far(status), *([("curve", curve_line(status.curve))] if len(status.curve) > 1 else [])]
    rest = [(Text(name, style="dim"), Text(words)) for name, words in known]
    note = [Text(status.note, style="yellow")] if status.note else []
    return Group(*note, top, grid([*rest, (Text("so far", style="dim"), Text(f"{times(status)}{money(g)}"))]))


class PlainScreen:
    """A line every few seconds, for logs and pipes."""

    every_s = 5.0

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def event(self, event: Event) -> None:
        """Nothing: events are summed up in the drawings."""

    def draw(self, status: Status) -> None:
        g = status.gauge
        scores = "".join(f"; {name} {words}" for name, words in so_far(status))
        note = f"; {status.note}" if status.note else ""
        calls = f"{g.calls_done:,}/{g.calls_total:,} calls, {g.in_flight} in flight"
        self._write(f"{safe_text(g.phase, 12)}: {calls}; {times(status)}{money(g)}{scores}{note}\n")

    def line(self, text: str) -> None:
        self._write(f"{safe_text(text)}\n")

    def close(self) -> None:
        """Nothing to let go."""


class JsonScreen:
    """Every event as a line of JSON, with a line `{"event": "Progress", ...}` once a second between them."""

    every_s = 1.0

    def __init__(self, write: Callable[[str], object], encode: Callable[[Event], str]) -> None:
        self._write = write
        self._encode = encode

    def event(self, event: Event) -> None:
        self._write(self._encode(event) + "\n")

    def draw(self, status: Status) -> None:
        g = status.gauge
        known = {
            "event": "Progress",
            "phase": g.phase,
            "calls_done": g.calls_done,
            "calls_total": g.calls_total,
            "in_flight": g.in_flight,
            "models": [{"model": name, "in_flight": n, "width": width} for name, n, width in g.models],
            "paid_usd": g.paid_usd,
            "metered_usd": g.metered_usd,
            "elapsed_s": round(status.elapsed_s, 3),
            "note": status.note,
            "left_s": None if status.left_s is None or not math.isfinite(status.left_s) else round(status.left_s, 3),
        }
        self._write(json.dumps(known) + "\n")

    def line(self, text: str) -> None:
        self._write(json.dumps({"event": "Said", "text": text}) + "\n")

    def close(self) -> None:
        """Nothing to let go."""
