"""Where the calls went: by role, sent and from the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.findings import Findings
from topout.report.terminal import ROLES
from topout.report.words import amount

if TYPE_CHECKING:
    pass

__all__ = ["cost_chart", "in_dollars"]


def in_dollars(f: Findings) -> bool:
    """Whether every call has a price and one of them is above 0; else calls are counted."""
    return all(not s.unpriced for s in f.spend.values()) and any(s.cost_usd for s in f.spend.values())


def cost_chart(f: Findings, size: int = 12) -> Plot:
    """A bar a role: dollars at list price where they are known, else calls; what the cache served is pale."""
    import altair as alt

    money = in_dollars(f)
    values: list[Spec] = []
    for role, used in f.spend.items():
        if not used.calls:
            continue
        sent, cached = (used.paid_usd, used.cost_usd - used.paid_usd) if money else (used.paid_calls, used.calls - used.paid_calls)
        shared: Spec = {
            "role": ROLES.get(role, role),
            "calls": f"{used.calls:,} ({used.paid_calls:,} sent)",
            "dollars": amount(used.cost_usd) if not used.unpriced else "unknown",
        }
        values += [
            {**shared, "kind": "sent", "value": max(0.0, sent)},
            {**shared, "kind": "from the cache", "value": max(0.0, cached)},
        ]
    order = list(dict.fromkeys(str(v["role"]) for v in values))
    title = "dollars at list price" if money else "calls (no price is known, or all are free)"
    bars = (
        named("rows")
        .mark_bar(cornerRadiusEnd=2, height={"band": 0.62})
        .encode(
            x=alt.X("value:Q", stack="zero", axis=alt.Axis(title=title, format="$,.2~f" if money else ",d", tickCount=6)),
            y=alt.Y("role:N", sort=order, axis=alt.Axis(title=None, labelFontSize=size + 1, labelColor="@ink", labelLimit=220)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=["sent", "from the cache"], range=["@accent", "@soft"]),
                legend=alt.Legend(title=None),
            ),
            order=alt.Order("kind:N", sort="descending"),
            tooltip=[
                alt.Tooltip("role:N", title="role"),
                alt.Tooltip("kind:N", title="which"),
                alt.Tooltip("value:Q", title="dollars" if money else "calls", format=",.4~f"),
                alt.Tooltip("calls:N", title="calls of this role"),
                alt.Tooltip("dollars:N", title="list price of this role"),
            ],
        )
    )
    return Plot(layered([bars]), {"rows": values})
