"""What was tried, by kind of change: every trial's paired dev gain over its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topout.plateau.wording import points
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.findings import Findings
from topout.report.words import safe_text

if TYPE_CHECKING:
    pass

__all__ = ["levers_chart", "operators"]


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
