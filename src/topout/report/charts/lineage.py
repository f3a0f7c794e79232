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


def ancestors(f: Findings) -> list[str]:
    """The winner's line by first parents, baseline first."""
    line, at = [f.winner.id], f.winner.id
    while f.candidates[at].parents and f.candidates[at].parents[0] in f.candidates and f.candidates[at].parents[0] not in line:
        at = f.candidates[at].parents[0]
        line.append(at)
    return line[::-1]


def lineage_chart(f: Findings, size: int = 12) -> Plot:
    """Kept candidates stand at their dev score (selected), dropped ones at their parent's score plus their paired gain over it."""
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
            height[name] = height[parent] + a.gain
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
        nodes.append({**shared, "x": a.number, "y": height[name]})
        for other in a.parents:
            if other in place:
                drawn = kind if kind != "the winner's line" or (other in line and other == a.parents[0]) else "kept"
                edges.append({**shared, "kind": drawn, "x": place[other], "y": height[other], "x2": a.number, "y2": height[name]})
    kinds = ["the winner's line", "kept", "dropped"]
    scale = alt.Scale(domain=kinds, range=["@accent", "@muted", "@grey"])
    opacity = alt.Opacity("kind:O", scale=alt.Scale(domain=kinds, range=[1.0, 0.75, 0.35]), legend=None)
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
            color=alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None, symbolType="circle")),
            opacity=alt.Opacity("kind:O", scale=alt.Scale(domain=kinds, range=[0.9, 0.5, 0.18]), legend=None),
            strokeWidth=alt.StrokeWidth("kind:O", scale=alt.Scale(domain=kinds, range=[2.4, 1.2, 1.0]), legend=None),
            tooltip=tips,
        )
    )
    dots = (
        named("nodes")
        .mark_circle()
        .encode(
            x=x,
            y=y,
            color=alt.Color("kind:N", scale=scale),
            opacity=opacity,
            size=alt.Size("kind:O", scale=alt.Scale(domain=kinds, range=[130, 80, 36]), legend=None),
            tooltip=tips,
        )
    )
    return Plot(layered([lines, dots], independent="opacity"), {"nodes": nodes, "edges": edges})
