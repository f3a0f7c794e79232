import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rich.console import Console

from topout.domain import ALONE, EXAM, AttemptDone, Event, RolloutDone, RunStarted, Scored
from topout.report.live import Gauge, JsonScreen, LiveView, PlainScreen, RichScreen, Status, drawing
from topout.store.codec import encode
from topout.testing.runs import PretendedRun


@dataclass(slots=True)
class Clock:
    """Time that passes when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Sketch:
    """A screen that keeps what it was shown."""

    every_s: float = 1.0
    drawn: list[Status] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    closed: int = 0

    def event(self, event: Event) -> None:
        self.events.append(event)

    def draw(self, status: Status) -> None:
        self.drawn.append(status)

    def line(self, text: str) -> None:
        self.lines.append(text)

    def close(self) -> None:
        self.closed += 1


def gauge(done: int, phase: str = "search") -> Gauge:
    return Gauge(done, 3000, 24, 0.12, 0.4, phase)


def fed(every_s: float = 1.0, step_s: float = 0.1) -> Sketch:
    """A run of 20 s seen to its end."""
    sketch, clock = Sketch(every_s), Clock()
    events = PretendedRun().events()
    with LiveView(sketch, clock) as view:
        for i, event in enumerate(events[:200]):
            view(event, gauge(i, "exam" if i % 2 else "search"))
            clock.now += step_s
    return sketch


def test_it_draws_no_more_often_than_the_screen_allows_whatever_the_phase() -> None:
    assert len(fed(every_s=1.0).drawn) in (20, 21, 22)
    assert len(fed().events) == 200


def test_the_last_state_is_drawn_and_the_screen_closed_once() -> None:
    sketch = fed(every_s=1000.0)
    assert [status.gauge.calls_done for status in sketch.drawn] == [0, 199]
    assert sketch.closed == 1


def test_the_time_left_follows_the_pace_and_is_unknown_before_there_is_one() -> None:
    drawn = fed().drawn
    assert drawn[0].left_s is None
    assert drawn[10].left_s is not None and abs(drawn[10].left_s - 290.0) < 2


def test_champion_on_dev_and_held_out_scores_come_from_the_events() -> None:
    sketch, clock = Sketch(), Clock()
    view = LiveView(sketch, clock)
    for event in PretendedRun().events():
        clock.now += 1
        view(event, gauge(1))
    last = sketch.drawn[-1]
    assert last.dev is not None and last.dev.n == 120
    assert last.baseline is not None and last.held_out is not None
    assert last.baseline.n == 240 and last.held_out.n == 240
    assert last.held_out.mean > last.baseline.mean + 0.1


def test_neither_a_lever_alone_nor_a_second_answer_is_taken_for_a_champion_s_score() -> None:
    sketch = Sketch(0.0)
    view = LiveView(sketch, Clock())
    events = PretendedRun().events()
    for event in events:
        view(event, gauge(1))
    before = sketch.drawn[-1]
    rows = [e.rollout for e in events if isinstance(e, RolloutDone) and e.rollout.split == "holdout"]
    for rollout in rows[:240]:
        view(RolloutDone(ALONE, replace(rollout, candidate="instructions alone", score=Scored(0.0))), gauge(2))
        view(RolloutDone(EXAM, replace(rollout, sample=1, score=Scored(0.0))), gauge(3))
    after = sketch.drawn[-1]
    assert before.held_out is not None and before.baseline is not None
    assert (after.held_out, after.baseline, after.curve) == (before.held_out, before.baseline, before.curve)


def test_events_after_the_end_are_ignored() -> None:
    sketch = Sketch()
    view = LiveView(sketch, Clock())
    view.close()
    view(PretendedRun().events()[0], gauge(1))
    assert (sketch.drawn, sketch.events) == ([], [])


def test_a_note_is_shown_at_once() -> None:
    sketch = Sketch()
    LiveView(sketch, Clock()).note("stopping")
    assert sketch.drawn[0].note == "stopping"


def test_plain_lines_tell_calls_time_money_and_scores() -> None:
    lines: list[str] = []
    clock = Clock()
    with LiveView(PlainScreen(lines.append), clock) as view:
        for i, event in enumerate(PretendedRun().events()[:400]):
            clock.now += 0.1
            view(event, gauge(1000 + i))
    start = "search: 1,399/3,000 calls, 24 in flight; 40 s, about 2:40 min left; paid $0.12 (list price $0.40); best on dev "
    assert lines[-1].startswith(start)
    assert "(selected on these rows); held out baseline " in lines[-1]
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert len(lines) in (8, 9, 10)


def test_json_lines_hold_every_event_and_the_progress() -> None:
    lines: list[str] = []
    events = PretendedRun().events()[:20]
    with LiveView(JsonScreen(lines.append, lambda event: json.dumps({"event": type(event).__name__})), Clock()) as view:
        for event in events:
            view(event, gauge(7))
    known = [json.loads(line) for line in lines]
    assert [k["event"] for k in known if k["event"] != "Progress"] == [type(e).__name__ for e in events]
    progress = next(k for k in known if k["event"] == "Progress")
    assert (progress["calls_done"], progress["calls_total"], progress["left_s"]) == (7, 3000, None)


def test_the_live_lines_fit_80_columns() -> None:
    status = fed().drawn[-1]
    console = Console(width=80, highlight=False)
    with console.capture() as out:
        console.print(drawing(status))
    assert max(len(line) for line in out.get().splitlines()) <= 80
    assert "199/3,000 calls, 24 in flight" in out.get()


def test_the_terminal_is_left_with_its_cursor_even_when_the_run_raises() -> None:
    console = Console(force_terminal=True, width=80)
    with console.capture() as out:
        try:
            with LiveView(RichScreen(console), Clock()) as view:
                view(PretendedRun().events()[0], gauge(1))
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
    assert "\x1b[?25l" in out.get()
    assert out.get().rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in out.get().split("\x1b[?25l")[-1]


def test_an_event_between_two_drawings_costs_microseconds() -> None:
    events = [e for e in PretendedRun().events() if isinstance(e, RolloutDone | AttemptDone | RunStarted)]
    view = LiveView(Sketch(every_s=1e9), time.monotonic)
    state = gauge(1)
    best = min(timed(view, events, state) for _ in range(5))
    assert best / len(events) < 20e-6


def timed(view: LiveView, events: Sequence[Event], state: Gauge) -> float:
    start = time.process_time()
    for event in events:
        view(event, state)
    return time.process_time() - start


def test_models_have_a_gauge_each_and_the_curve_of_the_champions_grows() -> None:
    sketch, clock = Sketch(), Clock()
    view = LiveView(sketch, clock)
    models = (("openai/gpt-4.1-mini", 16, 32), ("openai/\x1b[2Jcritic", 1, 32))
    for event in PretendedRun(qualities=(0.4, 0.5, 0.6, 0.7)).events():
        clock.now += 1
        view(event, Gauge(1000, 3000, 17, 0.1, 0.1, "search", models))
    last = sketch.drawn[-1]
    assert len(last.curve) == 4 and list(last.curve) == sorted(last.curve)
    console = Console(width=80, record=True)
    console.print(drawing(last))
    shown = console.export_text()
    assert "▮▮▮▮▮▮▮▮▯▯▯▯▯▯▯▯  16 of 32 in flight" in shown and "▮▯▯▯▯▯▯▯▯▯▯▯▯▯▯▯  1 of 32 in flight" in shown
    assert "\x1b" not in shown and "critic" in shown
    assert f"{100 * last.curve[0]:.1f} % -> {100 * last.curve[-1]:.1f} %, champions so far" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_line_is_said_once_and_the_next_run_is_drawn_without_the_scores_of_the_last() -> None:
    sketch, clock = Sketch(0.0), Clock()
    with LiveView(sketch, clock) as view:
        for event in PretendedRun().events():
            view(event, gauge(1))
        assert sketch.drawn[-1].dev is not None
        view.line("Round 1, search: can't tell yet")
        view(PretendedRun().events()[0], gauge(0))
    assert sketch.lines == ["Round 1, search: can't tell yet"]
    assert sketch.drawn[-1].dev is None and sketch.drawn[-1].curve == ()


def test_plain_and_json_screens_say_a_line_in_their_own_way() -> None:
    written: list[str] = []
    PlainScreen(written.append).line("Round 1\x1b[2J")
    JsonScreen(written.append, encode).line("Round 1")
    assert written == ["Round 1␛[2J\n", '{"event": "Said", "text": "Round 1"}\n']
