"""The page of a run while it goes on: the sections of the report from the journal so far, below a bar that says how the run stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from topout.domain import RunStarted
from topout.report.findings import Findings, total
from topout.report.page import sections
from topout.report.page.figures import estimate
from topout.report.page.markup import Markup, html, plain
from topout.report.page.overview import card, header
from topout.report.page.shell import Section, document, frame, policy
from topout.report.terminal import money
from topout.report.words import safe_text

__all__ = ["Standing", "State", "live_frame", "live_page", "live_policy", "live_sections"]

State = Literal["running", "stopping", "ended", "interrupted", "unreadable"]
"""`interrupted`: it has no ending and nobody writes it. `unreadable`: its journal is gone or damaged."""

TITLES: dict[State, str] = {
    "running": "Running",
    "stopping": "Stopping",
    "ended": "Ended",
    "interrupted": "Not running",
    "unreadable": "Not readable",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands. `said` is a line for a person, from text that may be foreign; `done` the share of its calls, None when not known."""

    state: State
    said: str
    done: float | None

    @property
    def title(self) -> str:
        """The state in a word or two."""
        return TITLES[self.state]


def live_policy() -> str:
    """The page's policy as its server sends it: no other page may put it into a frame, where a click on its button could be stolen."""
    return f"{policy(live=True)}; frame-ancestors 'none'"


def live_page(started: RunStarted | None, found: Sequence[Section], standing: Standing, version: int) -> str:
    """The whole page. `version` numbers what is shown, for the script."""
    task = safe_text(str(started.manifest.get("task") or "run"), 80) if started else "run"
    return document(f"{standing.title}: {task}", top(started), found, bar(standing, version))


def live_frame(started: RunStarted | None, found: Sequence[Section]) -> str:
    """The part of the page that changes as the journal grows."""
    return str(frame(top(started), found))


def top(started: RunStarted | None) -> Markup:
    """The header; hardly anything before the first event is written."""
    if started is not None:
        return header(started)
    return html(
        '<header><div class="brand"><span>topout</span><button type="button" id="theme">Dark</button></div><h1>run</h1></header>'
    )


def live_sections(f: Findings | None, path: str) -> list[Section]:
    """The report's sections; before the baseline is measured (None) a word on what is waited for. While the run goes on there is no verdict and no
    advice: they would ask for rows that are just being measured."""
    if f is not None and f.ended is None:
        later = html("<p>The verdict and what to do next stand here when the run has ended.</p>")
        first = Section("verdict", "So far", html("{k}{s}", k=so_far(f), s=later))
        return [first, *(one for one in sections(f, path) if one.name not in ("verdict", "rung"))]
    if f is not None:
        return sections(f, path)
    said = "Scores, curve and verdict stand here once the baseline is measured."
    return [Section("waiting", "No figures yet", html("<p>{t}</p>", t=said))]


def so_far(f: Findings) -> Markup:
    """Held-out score of the champion that was examined last, dev score of the one that leads, and what was spent."""
    exams = [(i, p) for i, p in enumerate(f.curve) if p.holdout is not None and p.holdout.n]
    at, last = exams[-1] if exams else (0, f.curve[0])
    whose = (
        "the baseline; no champion was examined yet" if last.candidate == f.baseline.id else "the champion that was examined last"
    )
    held = card(
        "Held-out score",
        html(
            '<p class="from">from {b}</p><p class="big">{l}</p>',
            b=estimate("holdout.baseline", f.holdout.baseline, False),
            l=estimate(f"curve.{at}.holdout", last.holdout),
        ),
        f"{whose}, on rows that the search never saw",
    )
    dev = card(
        "Best on dev", html('<p class="big">{d}</p>', d=estimate("dev.winner", f.dev.winner)), "selected on these rows: optimistic"
    )
    used = total(list(f.spend.values()))
    spent = card(
        "Paid so far",
        html(
            '<p class="big"><strong>{p}</strong> <span class="n">n = {n} calls</span></p>',
            p=money(used.paid_usd, used),
            n=f"{used.calls:,}",
        ),
        f"{money(used.cost_usd, used)} at list price; {used.calls - used.paid_calls:,} calls came from the cache",
    )
    return html('<div class="cards">{h}{d}{s}</div>', h=held, d=dev, s=spent)


def bar(standing: Standing, version: int) -> Markup:
    """State, line, how far, and the button that stops the run. The script shows the button to whoever may press it."""
    return html(
        '<div id="live" data-state="{s}" data-version="{v}"><div class="row"><strong id="live-state" role="status">{t}</strong>'
        '<span id="live-said">{l}</span><button type="button" id="stop" hidden>Stop the run</button></div>'
        '<progress id="live-done" max="1" value="{d}" aria-label="Share of the calls that are made"></progress></div>\n',
        s=standing.state,
        v=version,
        t=standing.title,
        l=plain(standing.said, 400),
        d=f"{standing.done or 0:.3f}",
    )
