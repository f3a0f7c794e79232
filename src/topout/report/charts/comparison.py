"""Several runs in one picture: their held-out curves over each other, and the differences of their winners with intervals."""

from __future__ import annotations

from topout.plateau.wording import quality
from topout.report.charts.curve import place
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.comparison import Comparison, Difference
from topout.report.words import difference

__all__ = ["curves_chart", "differences_chart", "drawn_curves", "measured"]

COLOURS = ["@accent", "@bad", "@good", "@grey", "@ink"]
DASHES = [[1, 0], [6, 3], [2, 3], [8, 3, 2, 3]]
"""Runs are told apart by line as well, for whoever does not see the colours, and beyond the fifth."""


def drawn_curves(c: Comparison) -> bool:
    """Whether any run has a champion that was examined."""
    return any(p.holdout is not None and p.holdout.n for one in c.contenders for p in one.curve)


def curves_chart(c: Comparison, size: int = 12) -> Plot:
    """Held-out score of each run's champions over task calls; no bands, as they would hide each other: the intervals stand at the points when one
    points at them, and in the table."""
    import altair as alt

    values: list[Spec] = [
        {
            "run": one.label,
            "x": place(p, "calls"),
            "y": p.holdout.mean,
            "calls": f"{p.calls:,}",
            "shown": quality(p.holdout),
            "candidate": p.candidate[:12],
        }
        for one in c.contenders
        for p in one.curve
        if p.holdout is not None and p.holdout.n
    ]
    last = {str(v["run"]): v for v in values}
    names = [one.label for one in c.contenders]
    title = "task calls of the search so far"
    x = alt.X("x:Q", scale=alt.Scale(type="log", nice=False, padding=24), axis=alt.Axis(title=title, format=",d", tickCount=6))
    y = alt.Y("y:Q", scale=alt.Scale(zero=False, padding=16), axis=alt.Axis(title="held-out score", format="~%", tickCount=6))
    colour = alt.Color(
        "run:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[COLOURS[i % len(COLOURS)] for i in range(len(names))]),
        legend=alt.Legend(title="run", symbolType="stroke", symbolStrokeWidth=3),
    )
    dash = alt.StrokeDash(
        "run:N",
        sort=names,
        scale=alt.Scale(domain=names, range=[DASHES[i % len(DASHES)] for i in range(len(names))]),
        legend=alt.Legend(title="run"),
    )
    tips = [
        alt.Tooltip("run:N", title="run"),
        alt.Tooltip("shown:N", title="held out"),
        alt.Tooltip("calls:N", title="task calls"),
        alt.Tooltip("candidate:N", title="champion"),
    ]
    chart = named("rows")
    layers = [
        chart.mark_line(strokeWidth=2.4).encode(x=x, y=y, color=colour, strokeDash=dash),
        chart.mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=colour, tooltip=tips),
        named("ends")
        .mark_text(align="left", dx=9, fontWeight="bold", fontSize=size + 2)
        .encode(x=x, y=y, color=colour, text="run:N"),
    ]
    return Plot(layered(layers), {"rows": values, "ends": list(last.values())})


def measured(c: Comparison) -> tuple[Difference, ...]:
    """The differences that have a figure."""
    return tuple(d for d in c.differences if d.gain.estimate.n and d.result != "same prompt")


def differences_chart(c: Comparison, size: int = 12) -> Plot:
    """A line a pair: the difference of the winners and its corrected interval; one that crosses 0 is grey, no real difference."""
    import altair as alt

    values: list[Spec] = [
        {
            "pair": f"{d.other} - {d.one}",
            "mean": 100 * d.gain.estimate.mean,
            "low": 100 * d.gain.estimate.low,
            "high": 100 * d.gain.estimate.high,
            "kind": "no real difference" if d.result == "none" else "shown to differ",
            "shown": f"{difference(d.gain.estimate)}, n = {d.gain.estimate.n:,}",
        }
        for d in measured(c)
    ]
    order = [str(v["pair"]) for v in values]
    axis = alt.Axis(title="difference of the winners' held-out scores, points", tickCount=7)
    x_scale = alt.Scale(nice=False, padding=16)
    y = alt.Y("pair:N", sort=order, axis=alt.Axis(title=None, labelFontSize=size + 1, labelColor="@ink"))
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=["shown to differ", "no real difference"], range=["@accent", "@grey"]),
        legend=alt.Legend(title=None),
    )
    tips = [
        alt.Tooltip("pair:N", title="winners"),
        alt.Tooltip("shown:N", title="difference"),
        alt.Tooltip("kind:N", title="which is"),
    ]
    zero = named("zero").mark_rule(color="@muted", strokeDash=[2, 4]).encode(x=alt.X("zero:Q", scale=x_scale, axis=axis))
    rows = named("rows")
    lines = rows.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=x_scale, axis=axis), x2="high:Q", y=y, color=colour, tooltip=tips
    )
    dots = rows.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("mean:Q", scale=x_scale, axis=axis), y=y, color=colour, tooltip=tips
    )
    return Plot(layered([zero, lines, dots]), {"rows": values, "zero": [{"zero": 0}]})
