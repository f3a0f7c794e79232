"""Which candidate came from which: every one a dot at the attempt that made it, a line to its parent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topout.plateau.wording import points
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.findings import Findings
from topout.report.measures import split_means
from topout.report.words import safe_text

if TYPE_CHECKING:
    pass

__all__ = ["ancestors", "lineage_chart"]

DOTS = {"the winner's line": (1.0, 130), "kept": (0.75, 80), "dropped": (0.35, 36)}
"""Opacity and area of a candidate's dot, by what became of it."""

LINES = {"the winner's line": (0.9, 2.4), "kept": (0.5, 1.2), "dropped": (0.18, 1.0)}
"""Opacity and width of the line to its parent."""


def ancestors(f: Findings) -> list[str]:
    """The winner's line by first parents, baseline first."""
    line, at = [f.winner.id], f.winner.id
    while f.candidates[at].parents and f.candidates[at].parents[0] in f.candidates and f.candidates[at].parents[0] not in line:
        at = f.candidates[at].parents[0]
        line.append(at)
    return line[::-1]


def lineage_chart(f: Findings, size: int = 12) -> Plot:
    """Kept candidates stand at their dev score (selected), dropped ones at their parent's score plus their paired gain over it, which is no score of their own: a
    loss on few rows would take some of them below 0, where no score is."""
    import altair as alt

    means = split_means(f, "dev")
    line = set(ancestors(f))
    height: dict[str, float] = {}
    place: dict[str, int] = {}
    nodes: list[Spec] = []
    edges: list[Spec] = []
    for d in f.attempts:
        a = d.attempt
        if a.candidate is None or a.candidate.id in place:
            continue
        name, parent = a.candidate.id, next((p for p in a.parents if p in height), None)
        if a.outcome == "kept" or parent is None or a.gain is None:
            height[name] = means[name][0] if name in means else 0.0
        else:
            height[name] = min(1.0, max(0.0, height[parent] + a.gain))
        place[name] = a.number
        kind = "the winner's line" if name in line else "kept" if a.outcome == "kept" else "dropped"
        shared: Spec = {
            "kind": kind,
            "id": name[:12],
            "operator": a.operator,
            "outcome": a.outcome,
            "gain": "none"
            if a.gain is None
            else f"{points(a.gain, True)} points (se {100 * (a.gain_se or 0.0):.1f}), n = {a.rows}",
            "why": safe_text(a.candidate.rationale or a.reason, 160),
        }
        opacity, area = DOTS[kind]
        nodes.append({**shared, "opacity": opacity, "area": area, "x": a.number, "y": height[name]})
        for other in a.parents:
            if other in place:
                drawn = kind if kind != "the winner's line" or (other in line and other == a.parents[0]) else "kept"
                faint, width = LINES[drawn]
                ends: Spec = {"x": place[other], "y": height[other], "x2": a.number, "y2": height[name]}
                edges.append({**shared, **ends, "kind": drawn, "opacity": faint, "width": width})
    scale = alt.Scale(domain=list(DOTS), range=["@accent", "@muted", "@grey"])
    color = alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None, symbolType="circle"))
    tips = [
        alt.Tooltip("id:N", title="candidate"),
        alt.Tooltip("operator:N", title="operator"),
        alt.Tooltip("outcome:N", title="outcome"),
        alt.Tooltip("gain:N", title="dev gain over its parent"),
        alt.Tooltip("why:N", title="why"),
    ]
    x = alt.X("x:Q", axis=alt.Axis(title="attempt", tickMinStep=1, format="d"), scale=alt.Scale(nice=False, padding=12))
    y = alt.Y("y:Q", axis=alt.Axis(title="dev score (selected)", format="~%", tickCount=6), scale=alt.Scale(zero=False))
    lines = (
        named("edges")
        .mark_rule()
        .encode(
            x=x,
            y=y,
            x2="x2:Q",
            y2="y2:Q",
            color=color,
            opacity=alt.Opacity("opacity:Q", scale=None),
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            tooltip=tips,
        )
    )
    dots = (
        named("nodes")
        .mark_circle()
        .encode(
            x=x,
            y=y,
            color=color,
            opacity=alt.Opacity("opacity:Q", scale=None),
            size=alt.Size("area:Q", scale=None),
            tooltip=tips,
        )
    )
    return Plot(layered([lines, dots]), {"nodes": nodes, "edges": edges})
