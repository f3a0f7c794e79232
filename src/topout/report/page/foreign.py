"""Another optimizer's run as one self-contained page, in the style of a run's page and from the same data as the verdict in the terminal.

Figures name their place in the document of `topout verdict --json`.
"""

from __future__ import annotations

from topout.domain import CurvePoint
from topout.report.charts.curve import SCALES, curve_chart
from topout.report.charts.drawing import specification
from topout.report.foreign import OPTIMISM, TOOLS, Foreign, more
from topout.report.page.figures import change, counted, estimate, figure, gain_of
from topout.report.page.markup import Markup, html, joined, plain, table
from topout.report.page.overview import after_ruling, card, items
from topout.report.page.plots import plot
from topout.report.page.shell import Section, document
from topout.report.words import safe_text

__all__ = ["foreign_page", "foreign_sections"]


def foreign_page(found: Foreign) -> str:
    """The whole page as HTML."""
    name = f"{TOOLS[found.run.tool]} run: {found.verdict.ruling}"
    return document(safe_text(name, 120), top(found), foreign_sections(found))


def foreign_sections(found: Foreign) -> list[Section]:
    """The verdict first, then what it rests on, then how to know more."""
    return [verdict(found), curve(found), *missing(found), advice(found)]


def top(found: Foreign) -> Markup:
    """Whose log it is, and how many evaluations stand in it."""
    run = found.run
    return html(
        '<header><div class="brand"><span>topout</span>'
        '<button type="button" id="theme" aria-label="Switch between light and dark">Dark</button></div>'
        '<h1>A run, read from {t}</h1><p>Nothing in the log was executed and no model was asked.</p><dl class="facts">'
        "<div><dt>log</dt><dd>{s}</dd></div><div><dt>evaluations</dt><dd>{c}</dd></div><div><dt>steps</dt><dd>{n}</dd></div></dl></header>",
        t={"gepa": "GEPA's folder", "dspy": "DSPy's log"}.get(run.tool, "a CSV"),
        s=plain(run.source, 200),
        c=counted("calls", run.trials[-1].calls),
        n=f"{len(run.trials):,}",
    )


def verdict(found: Foreign) -> Section:
    """The ruling, its evidence, and the two figures."""
    v = found.verdict
    needs = html("<h3>What would help to decide</h3><ul>{n}</ul>", n=items(v.needs)) if v.needs else Markup()
    seen = card(
        "Validation score",
        html(
            '<p class="from">from {b}</p><p class="big">{a}</p>',
            b=estimate("validation.baseline", found.dev_baseline, False),
            a=estimate("validation.winner", found.dev_winner),
        ),
        f"{OPTIMISM[:1].upper()}{OPTIMISM[1:]}",
    )
    gain = found.holdout_gain
    held = card(
        "Held-out gain",
        html('<p class="big">{g}</p>', g=change("holdout_gain", gain.estimate if gain else None)),
        "best against baseline, row by row"
        if found.run.by_row
        else "from means only: as wide as for different rows"
        if gain
        else "the log has no held-out score",
    )
    body = html(
        '<div class="verdict" data-ruling="{r}"><p class="ruling">{r}</p><p class="sentence">{s}</p></div><div class="cards">{a}{b}</div>'
        '<div class="columns"><div><h3>What it rests on</h3><ul>{e}</ul></div><div>{n}<h3>Next step</h3><p>{x}</p></div></div>',
        r=v.ruling,
        s=after_ruling(v),
        a=seen,
        b=held,
        e=items(v.evidence),
        n=needs,
        x=v.next_step or "See below how to know more.",
    )
    return Section("verdict", f"Has prompting topped out, for a gain of {100 * v.delta:g} points?", body)


def curve(found: Foreign) -> Section:
    """The champions, drawn and as a table."""

    def row(i: int, p: CurvePoint) -> tuple[Markup, ...]:
        return (
            figure(f"curve.{i}.calls", p.calls, f"{p.calls:,}"),
            html("<code>{c}</code>", c=plain(p.candidate, 24)),
            estimate(f"curve.{i}.dev_selected", p.dev, False),
            estimate(f"curve.{i}.holdout", p.holdout),
        )

    heads = ("calls", "champion", "validation (selected on)", "held out")
    figures = table("Champions of the log", heads, [row(i, p) for i, p in enumerate(found.curve)], right=(0, 2, 3))
    drawn = [p for p in found.curve if p.dev.n or (p.holdout is not None and p.holdout.n)]
    chart = (
        plot(
            "curve",
            "Score of each champion over the evaluations so far: on validation rows, which it was selected on, and on held-out rows where the log has any.",
            {scale: specification(curve_chart(found, scale=scale)) for scale in SCALES[:1]},
            figures,
        )
        if drawn
        else figures
    )
    held = (
        html("<p>Held-out gain of the best: {g}</p>", g=gain_of("holdout_gain", found.holdout_gain))
        if found.holdout_gain and found.run.by_row
        else Markup()
    )
    return Section("curve", "The curve", html("{c}{h}", c=chart, h=held), "Champions in the order of their calls.")


def missing(found: Foreign) -> list[Section]:
    """What the log does not tell."""
    lines = joined(html("<li>{t}</li>", t=line) for line in found.run.missing)
    return [Section("missing", "What the log does not tell", html("<ul>{l}</ul>", l=lines))] if found.run.missing else []


def advice(found: Foreign) -> Section:
    """How to get from a log to an answer."""
    return Section("advice", "To know more", html("<ul>{l}</ul>", l=items(tuple(more(found)))))
