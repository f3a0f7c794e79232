"""What was gained, and what kinds of change had their turn."""

from __future__ import annotations

from topout.domain import AttemptDone
from topout.plateau.wording import listed
from topout.report.charts.drawing import specification
from topout.report.charts.levers import levers_chart, operators
from topout.report.findings import Findings
from topout.report.page.markup import Markup, html, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section

__all__ = ["gains"]


def gains(f: Findings) -> Section | None:
    """Trials by operator. Dev gains are selected and each on its own rows: the held-out gain of the run as a whole stands at the top."""
    if not operators(f):
        return None
    height = 70 + 74 * len(operators(f))
    label = "Dev gain of every trial over its parent, by operator; full dots were kept."
    body = plot("levers", label, {"all": specification(levers_chart(f), height=height)}, by_operator(f))
    tried, untried = f.verdict.levers_tried, f.verdict.levers_untried
    said = f"Levers that had their turn: {listed(tried) or 'none'}." + (f" Not tried: {listed(untried)}." if untried else "")
    return Section("gains", "What was tried, and what it gained", body, said)


def by_operator(f: Findings) -> Markup:
    """Tried, kept, dropped, rejected and failed by operator, and how many champions it made."""
    champions = {d.champion for d in f.attempts}

    def row(name: str, done: list[AttemptDone]) -> tuple[str | Markup, ...]:
        outcomes = [d.attempt.outcome for d in done]
        led = sum(
            d.attempt.candidate is not None and d.attempt.candidate.id in champions for d in done if d.attempt.outcome == "kept"
        )
        return (
            name,
            *(
                html("{n}", n=f"{n:,}")
                for n in (len(done), *(outcomes.count(o) for o in ("kept", "dropped", "rejected", "failed", "cut")), led)
            ),
        )

    groups: dict[str, list[AttemptDone]] = {}
    for d in f.attempts:
        if d.attempt.number >= 0:
            groups.setdefault(d.attempt.operator, []).append(d)
    heads = ("operator", "attempts", "kept", "dropped", "rejected", "failed", "cut", "champions")
    return table("Attempts by operator", heads, [row(name, done) for name, done in groups.items()], right=range(1, 8))
