"""Runs beside each other as one self-contained page, in the style of a run's page and from the same data as the table in the terminal.

Figures name their place in the document of `topout compare --json`.
"""

from __future__ import annotations

from topout.report.charts.comparison import curves_chart, differences_chart, drawn_curves, measured
from topout.report.charts.drawing import specification
from topout.report.comparison import Comparison, Contender, Difference
from topout.report.page.figures import change, counted, estimate, figure, gain_of, tokens, waited
from topout.report.page.markup import Markup, html, joined, plain, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section, document
from topout.report.terminal import money
from topout.report.words import EMBEDDED_NOTE, duration, quality, safe_text

__all__ = ["comparison_page", "comparison_sections"]


def comparison_page(c: Comparison) -> str:
    """The whole page as HTML."""
    return document(f"{safe_text(c.task, 80)}: {len(c.contenders)} runs compared", top(c), comparison_sections(c))


def comparison_sections(c: Comparison) -> list[Section]:
    """Differences first: they are what a choice rests on."""
    found = (differences(c), winners(c), curves(c), taken(c), runs(c))
    return [one for one in found if one is not None]


def top(c: Comparison) -> Markup:
    """Task, runs by letter, the switch between light and dark."""
    note = html('<p class="note">{n}.</p>', n=f"{EMBEDDED_NOTE[:1].upper()}{EMBEDDED_NOTE[1:]}")
    return html(
        '<header><div class="brand"><span>topout</span>'
        '<button type="button" id="theme" aria-label="Switch between light and dark">Dark</button></div>'
        '<h1>{t}</h1><p>{n} runs beside each other</p><dl class="facts">{r}</dl>{e}</header>',
        t=plain(c.task, 120),
        n=len(c.contenders),
        r=joined(html("<div><dt>{l}</dt><dd>{r}</dd></div>", l=one.label, r=plain(one.run, 120)) for one in c.contenders),
        e=note if any(one.embedded for one in c.contenders) else Markup(),
    )


def differences(c: Comparison) -> Section:
    """Every pair in a sentence and with its interval."""
    several = "" if len(c.differences) < 2 else f", corrected for {len(c.differences)} comparisons"
    lead = (
        f"Winners paired on the held-out rows that both have a score for; {100 * c.level:.0f} % intervals{several}. "
        "The run with the highest score of several was picked on these rows: trust the differences, not the ranking."
    )
    said = joined(html('<li data-result="{r}">{s}</li>', r=d.result, s=sentence(d)) for d in c.differences)
    mixed = (
        html('<p class="note">The models differ: these are differences of model and prompt together.</p>')
        if len({one.model for one in c.contenders}) > 1
        else Markup()
    )
    rows = [(i, d) for i, d in enumerate(c.differences) if d in measured(c)]
    figures = table(
        "Differences of the winners",
        ("pair", "difference", "smallest detectable", "which is better"),
        [
            (
                f"{d.other} - {d.one}",
                gain_of(f"differences.{i}.difference", d.gain),
                least(i, d),
                {"one": d.one, "other": d.other}.get(d.result, "no real difference"),
            )
            for i, d in rows
        ],
        right=(1, 2),
    )
    label = "Difference of the winners of each pair of runs, with its corrected interval."
    spec = {"all": specification(differences_chart(c), height=84 + 40 * len(rows))} if rows else {}
    chart = plot("differences", label, spec, figures) if rows else Markup()
    return Section("differences", "Is one better?", html("<ul>{s}</ul>{m}{c}", s=said, m=mixed, c=chart), lead)


def sentence(d: Difference) -> Markup:
    """The result in words; what is shown to differ stands out."""
    return html("<strong>{s}</strong>", s=d.sentence) if d.result in ("one", "other") else html("{s}", s=d.sentence)


def least(i: int, d: Difference) -> Markup:
    """The smallest difference that these rows can show."""
    value = d.gain.detectable
    if value != value or value == float("inf"):
        return Markup()
    return figure(f"differences.{i}.difference.smallest_detectable", value, f"{100 * value:.1f} points")


def winners(c: Comparison) -> Section:
    """Held-out score of each winner, and its gain over the run's own baseline."""

    def row(i: int, one: Contender) -> tuple[str | Markup, ...]:
        rise = (
            html("the baseline: no better prompt found")
            if one.is_baseline
            else change(f"runs.{i}.gain_over_baseline", one.gain.estimate if one.gain else None)
        )
        return one.label, estimate(f"runs.{i}.holdout", one.score), rise, html("<code>{w}</code>", w=one.winner[:12])

    heads = ("run", "held-out score", "gain over its baseline", "winner")
    body = table("Winners on the holdout", heads, [row(i, one) for i, one in enumerate(c.contenders)], right=(1, 2))
    return Section("winners", "Winners, held out", body, "95 % intervals, each for its score alone.")


def curves(c: Comparison) -> Section | None:
    """The held-out curves over each other; nothing where no champion was examined."""
    if not drawn_curves(c):
        return None
    figures = table(
        "Plateau curves in figures",
        ("run", "task calls", "champion", "held out"),
        [
            (
                one.label,
                html("{n}", n=f"{p.calls:,}"),
                html("<code>{c}</code>", c=p.candidate[:12]),
                quality(p.holdout) if p.holdout and p.holdout.n else "not measured",
            )
            for one in c.contenders
            for p in one.curve
        ],
        right=(1, 3),
    )
    label = "Held-out score of each run's champion after each number of task calls."
    lead = "Champions were chosen on dev and measured on holdout. Differences between lines are judged above, not by eye."
    return Section(
        "curves", "Plateau curves", plot("curves", label, {"all": specification(curves_chart(c), height=380)}, figures), lead
    )


def taken(c: Comparison) -> Section:
    """An answer of each winner, and what each run took."""
    calls = table(
        "One answer of the winner",
        ("run", "answers measured", "tokens in, mean", "tokens out, mean", "time, median (p50)"),
        [
            (
                one.label,
                counted(f"runs.{i}.per_call.n", one.card.n),
                tokens(f"runs.{i}.per_call.prompt_tokens", one.card.prompt_tokens),
                tokens(f"runs.{i}.per_call.output_tokens", one.card.output_tokens),
                waited(f"runs.{i}.per_call.latency_s", one.card.latency_s),
            )
            for i, one in enumerate(c.contenders)
        ],
        right=range(1, 5),
    )
    whole = table(
        "The whole runs",
        ("run", "calls", "sent", "paid", "list price", "took"),
        [
            (
                one.label,
                counted(f"runs.{i}.spend.calls", one.spend.calls),
                counted(f"runs.{i}.spend.paid_calls", one.spend.paid_calls),
                money(one.spend.paid_usd, one.spend),
                money(one.spend.cost_usd, one.spend),
                duration(one.seconds) if one.ending else "not ended",
            )
            for i, one in enumerate(c.contenders)
        ],
        right=range(1, 6),
    )
    return Section("cost", "Cost", html("<h3>One answer of the winner</h3>{c}<h3>The whole runs</h3>{w}", c=calls, w=whole))


def runs(c: Comparison) -> Section:
    """What each run was, how it ended and how it ruled."""
    heads = ("run", "folder", "model", "critic", "recipe, seed", "verdict", "ended by")
    rows = [
        (
            one.label,
            plain(one.run, 120),
            plain(one.model, 120),
            plain(one.critic, 120),
            html("{r}, {s}", r=plain(one.recipe, 80), s=plain(one.seed, 30)),
            one.ruling,
            one.ending or "not ended",
        )
        for one in c.contenders
    ]
    print_ = html('<p class="small">holdout fingerprint <code>{f}</code></p>', f=plain(c.holdout_fingerprint or "none", 80))
    return Section("runs", "The runs", html("{t}{p}", t=table("The runs", heads, rows), p=print_))
