"""What was gained and by which lever, and what was tried."""

from __future__ import annotations

from topout.domain import AttemptDone, LeverRecord
from topout.plateau.wording import listed
from topout.report.charts.drawing import specification
from topout.report.charts.levers import alone_chart, levers_chart, measured_levers, operators
from topout.report.findings import Findings
from topout.report.page.figures import change, counted
from topout.report.page.markup import Markup, html, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section

__all__ = ["gains"]


def gains(f: Findings) -> Section | None:
    """Each lever's held-out gain alone, and every trial's dev gain by operator."""
    if not operators(f) and not f.levers:
        return None
    parts = [by_lever(f)] if f.levers else []
    if operators(f):
        label = "Dev gain of every trial over its parent, by operator; full dots were kept."
        height = 70 + 74 * len(operators(f))
        trials = plot("levers", label, {"all": specification(levers_chart(f), height=height)}, by_operator(f))
        lead = "Dev gain of each trial over its parent, on the rows that it was tried on: candidates are selected by these figures."
        parts.append(html('<h3>Trials</h3><p class="lead">{l}</p>{t}', l=lead, t=trials))
    return Section("gains", "What was gained, and by which lever", Markup().join(parts))


def by_lever(f: Findings) -> Markup:
    """Levers that had their turn, with what each gained alone on holdout; the others in a line."""
    pulled = [(i, one) for i, one in enumerate(f.levers) if one.in_scope or one.tried]
    heads = ("lever", "tried", "kept", "task calls", "held-out gain of this alone")
    body = table("Levers", heads, [row(f"levers.{i}", one) for i, one in pulled], right=(1, 2, 3, 4))
    chart = Markup()
    if measured_levers(f):
        label = "Held-out gain of each lever alone over the baseline, with its interval."
        spec = specification(alone_chart(f), height=84 + 44 * len(measured_levers(f)))
        chart = plot("alone", label, {"all": spec}, body)
    ways = dict.fromkeys(one.how for _, one in pulled)
    notes = Markup().join(
        html("<li>{n}: {h}</li>", n=listed([one.lever for _, one in pulled if one.how == how]), h=how) for how in ways if how
    )
    levels = {one.gain.estimate.level for _, one in pulled if one.gain}
    together = html("<li>{l} % intervals, which hold together at 95 %</li>", l=f"{100 * max(levels):g}") if levels else Markup()
    others = [one.lever for one in f.levers if not one.in_scope and not one.tried]
    rest = html("<li>Not tried, as the recipe does not pull them: {o}</li>", o=listed(others)) if others else Markup()
    return html('{b}<ul class="small">{n}{t}{r}</ul>', b=chart or body, n=notes, t=together, r=rest)


def row(path: str, one: LeverRecord) -> tuple[Markup | str, ...]:
    gained = change(f"{path}.gain", one.gain.estimate if one.gain else None)
    return (
        one.lever,
        counted(f"{path}.tried", one.tried),
        counted(f"{path}.kept", one.kept),
        counted(f"{path}.calls", one.calls),
        gained,
    )


def by_operator(f: Findings) -> Markup:
    """Tried, kept, dropped, rejected and failed by operator, and how many champions it made."""
    champions = {d.champion for d in f.attempts}

    def row(name: str, done: list[AttemptDone]) -> tuple[str | Markup, ...]:
        outcomes = [d.attempt.outcome for d in done]
        kept = [d.attempt.candidate.id for d in done if d.attempt.outcome == "kept" and d.attempt.candidate]
        numbers = (
            len(done),
            *(outcomes.count(o) for o in ("kept", "dropped", "rejected", "failed", "cut")),
            len(champions & {*kept}),
        )
        return (name, *(f"{n:,}" for n in numbers))

    groups: dict[str, list[AttemptDone]] = {}
    for d in f.attempts:
        if d.attempt.number >= 0:
            groups.setdefault(d.attempt.operator, []).append(d)
    heads = ("operator", "attempts", "kept", "dropped", "rejected", "failed", "cut", "champions")
    return table("Attempts by operator", heads, [row(name, done) for name, done in groups.items()], right=range(1, 8))
