"""What was tried, by kind of change: every trial's paired dev gain over its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topout.domain import LeverRecord
from topout.plateau.wording import gain, points
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.findings import Findings
from topout.report.words import safe_text

if TYPE_CHECKING:
    pass

__all__ = ["alone_chart", "levers_chart", "measured_levers", "operators"]

WHOLE = "the whole prompt"


def operators(f: Findings) -> tuple[str, ...]:
    """The operators that had a trial, in order of their first."""
    return tuple(dict.fromkeys(d.attempt.operator for d in f.attempts if d.attempt.gain is not None))


def levers_chart(f: Findings, size: int = 12) -> Plot:
    """A dot a trial: full when it was kept. Right of the line it did better than its parent, on the rows that it was tried on."""
    import altair as alt

    values: list[Spec] = []
    seen: dict[str, int] = {}
    for d in f.attempts:
        a = d.attempt
        if a.gain is None:
            continue
        seen[a.operator] = seen.get(a.operator, -1) + 1
        values.append(
            {
                "operator": a.operator,
                "gain": 100 * a.gain,
                "kept": "kept" if a.outcome == "kept" else "not kept",
                "lane": 0.5 + 0.62 * ((seen[a.operator] * 0.6180339887) % 1.0 - 0.5),
                "attempt": a.number,
                "shown": f"{points(a.gain, True)} points (se {100 * (a.gain_se or 0.0):.1f}), n = {a.rows} dev rows",
                "reason": safe_text(a.reason, 120),
            }
        )
    chart = named("rows")
    tips = [
        alt.Tooltip("attempt:Q", title="attempt"),
        alt.Tooltip("operator:N", title="operator"),
        alt.Tooltip("kept:N", title="outcome"),
        alt.Tooltip("shown:N", title="dev gain over its parent"),
        alt.Tooltip("reason:N", title="why"),
    ]
    y = alt.Y("operator:N", sort=list(operators(f)), axis=alt.Axis(title=None, labelFontSize=size + 1, labelColor="@ink"))
    dots = chart.mark_point(filled=True, size=70, stroke="@accent", strokeWidth=1.4, opacity=0.85).encode(
        x=alt.X(
            "gain:Q",
            scale=alt.Scale(nice=False, padding=16),
            axis=alt.Axis(title="dev gain over the parent, points", tickCount=7),
        ),
        y=y,
        yOffset=alt.YOffset("lane:Q", scale=alt.Scale(domain=[0, 1])),
        fill=alt.Fill(
            "kept:N",
            scale=alt.Scale(domain=["kept", "not kept"], range=["@accent", "@paper"]),
            legend=alt.Legend(title=None, symbolStrokeColor="@accent"),
        ),
        tooltip=tips,
    )
    zero = named("zero").mark_rule(color="@muted", strokeDash=[2, 4]).encode(x="zero:Q")
    return Plot(layered([zero, dots]), {"rows": values, "zero": [{"zero": 0}]})


def measured_levers(f: Findings) -> tuple[LeverRecord, ...]:
    """The levers whose gain alone was measured on holdout."""
    return tuple(one for one in f.levers if one.gain is not None and one.gain.estimate.n)


def alone_chart(f: Findings, size: int = 12) -> Plot:
    """Held-out gain of each lever alone over the baseline with its interval, and that of the whole prompt for comparison."""
    import altair as alt

    known = [(one.lever, one.gain.estimate) for one in measured_levers(f) if one.gain]
    if f.holdout.gain is not None and f.holdout.gain.estimate.n:
        known.append((WHOLE, f.holdout.gain.estimate))
    values: list[Spec] = [
        {"lever": name, "gain": 100 * e.mean, "low": 100 * e.low, "high": 100 * e.high, "shown": gain(e)} for name, e in known
    ]
    x = alt.X(
        "gain:Q",
        scale=alt.Scale(nice=False, padding=16),
        axis=alt.Axis(title="held-out gain over the baseline, points", tickCount=7),
    )
    y = alt.Y("lever:N", sort=[name for name, _ in known], axis=alt.Axis(title=None, labelFontSize=size + 1, labelColor="@ink"))
    tips = [alt.Tooltip("lever:N", title="lever"), alt.Tooltip("shown:N", title="held-out gain")]
    zero = named("zero").mark_rule(color="@muted", strokeDash=[2, 4]).encode(x="zero:Q")
    lines = named("rows").mark_rule(color="@accent", strokeWidth=2).encode(x=alt.X("low:Q"), x2="high:Q", y=y, tooltip=tips)
    dots = named("rows").mark_point(filled=True, size=110, opacity=1, color="@accent").encode(x=x, y=y, tooltip=tips)
    return Plot(layered([zero, lines, dots]), {"rows": values, "zero": [{"zero": 0}]})
