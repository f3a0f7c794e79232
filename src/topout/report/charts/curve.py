"""The plateau curve: dev-best against held-out, with the band that holds for all champions at once, and what the verdict says of the next doubling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from topout.domain import CurvePoint, Estimate, Verdict
from topout.plateau.wording import chance, points, quality
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.words import amount

if TYPE_CHECKING:
    import altair as alt

__all__ = ["AXES", "SCALES", "XAxis", "XScale", "axes_of", "curve_chart"]

XAxis = Literal["calls", "dollars"]
XScale = Literal["log", "linear"]
AXES: tuple[XAxis, ...] = ("calls", "dollars")
SCALES: tuple[XScale, ...] = ("log", "linear")

NARROW = "width < 520"
"""On a phone: the last score has no room beside its point."""
HELD, DEV, BAND = "held out (unseen by the search)", "dev (selected on these rows)", "band, all champions at once"


class Curved(Protocol):
    """What a curve is drawn from: a run's findings, or what another tool's log tells."""

    @property
    def curve(self) -> tuple[CurvePoint, ...]: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def ceiling(self) -> Estimate | None: ...


def axes_of(f: Curved) -> tuple[XAxis, ...]:
    """What the curve can be drawn over: dollars only where every point but the first has a price above 0."""
    costs = [p.cost_usd for p in f.curve]
    priced = len(costs) > 1 and all(cost for cost in costs)
    return AXES if priced else ("calls",)


def curve_chart(f: Curved, over: XAxis = "calls", scale: XScale = "log", size: int = 12) -> Plot:
    """Dev dashed and grey, holdout with its band, champions marked where they change. To the right of the last point the room of the next
    doubling of calls, where the verdict gives a chance for it: as high as the gain that it asks for."""
    import altair as alt

    first, last = place(f.curve[0], over), place(f.curve[-1], over)
    ahead = forecast(f, over) if over == "calls" else []
    exam = [p for p in f.curve if p.holdout is not None and p.holdout.n]
    values, bottom, top = points_of(f, over), *limits(f, bool(ahead))
    right = last * 2.06 if ahead else last * (1.12 if scale == "log" else 1.03)
    x_scale = alt.Scale(type=scale, domain=[first * 0.9 if scale == "log" else 0, right], nice=False)
    title = "task calls of the search so far" if over == "calls" else "cost of the search so far at list price, dollars"
    ticks = [place(p, over) for p in thinned(f.curve, over, scale)]
    axis = alt.Axis(
        title=title,
        values=ticks,
        format=",d" if over == "calls" else "$,.2~f" if last >= 1 else "$.2~g",
        labelFlush=False,
        labelOverlap="greedy",
    )
    x = alt.X("x:Q", scale=x_scale, axis=axis)
    y_scale = alt.Scale(domain=[bottom, top], nice=False, zero=False, clamp=True)
    y = alt.Y("y:Q", scale=y_scale, axis=alt.Axis(title="score", format="~%", tickCount=6))
    series = alt.Color(
        "series:N",
        scale=alt.Scale(domain=[HELD, DEV, BAND], range=["@accent", "@grey", "@soft"]),
        legend=alt.Legend(title=None, symbolType="stroke", symbolStrokeWidth=3, columns=alt.ExprRef(f"{NARROW} ? 1 : 3")),
    )
    tips = [alt.Tooltip(f"{name}:N", title=title) for name, title in TIPS]
    data: dict[str, list[Spec]] = {"rows": values, "ahead": ahead}
    chart = named("rows")
    held, dev = alt.datum["series"] == HELD, alt.datum["series"] == DEV
    if len(exam) > 1:
        area = (
            chart.transform_filter(held)
            .mark_area(opacity=0.14, color="@accent")
            .encode(x=x, y=alt.Y("low:Q", scale=y_scale), y2="high:Q")
        )
    else:
        area = chart.transform_filter(held).mark_rule(opacity=0).encode(x=x, y=y)
    layers: list[alt.Chart] = [
        area,
        chart.transform_filter(held)
        .mark_rule(opacity=0.45, strokeWidth=1.4, color="@accent")
        .encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
    ]
    if exam:
        data["guide"] = [{"y": exam[0].holdout.mean if exam[0].holdout else 0.0}]
        guide = named("guide")
        layers.append(guide.mark_rule(strokeDash=[2, 4], color="@grey").encode(y=alt.Y("y:Q", scale=y_scale)))
    if f.ceiling is not None and bottom <= f.ceiling.mean <= top:
        data["ceiling"] = [{"y": f.ceiling.mean, "t": "ceiling, if it saturates (a guide)"}]
        layers.append(
            named("ceiling")
            .mark_rule(strokeDash=[1, 3], color="@grey")
            .encode(y=alt.Y("y:Q", scale=y_scale), tooltip=alt.Tooltip("t:N", title="line"))
        )
    layers += [
        chart.transform_filter(dev).mark_line(strokeDash=[5, 4], strokeWidth=1.6).encode(x=x, y=y, color=series),
        chart.transform_filter(held).mark_line(strokeWidth=2.6).encode(x=x, y=y, color=series),
        chart.transform_filter(held)
        .mark_point(size=90, filled=True, opacity=1, stroke="@accent", strokeWidth=1.8)
        .encode(
            x=x,
            y=y,
            fill=alt.condition(alt.datum["fresh"], alt.value("@accent"), alt.value("@paper")),
            tooltip=tips,
        ),
        chart.transform_filter(dev).mark_point(size=36, filled=True, opacity=1, color="@grey").encode(x=x, y=y, tooltip=tips),
    ]
    data["labels"] = labels(exam, over)
    bold = {"fontWeight": "bold", "fontSize": size + 2, "color": "@accent"}
    beside = (alt.ExprRef(f"{NARROW} ? 'center' : 'left'"), alt.ExprRef(f"{NARROW} ? 0 : 7")) if ahead else ("right", -6)
    for end, align, dx in (("first", "left", 6), ("last", *beside)):
        one = named("labels").transform_filter(alt.datum["end"] == end)
        layers.append(one.mark_text(align=align, dx=dx, dy=20, **bold).encode(x=x, y=y, text="t:N"))  # type: ignore[arg-type]
    layers += verdict_layers(x, y, size) if ahead else []
    return Plot(layered(layers), data)


TIPS = (
    ("series", "score on"),
    ("shown", "score"),
    ("band", "band over all champions"),
    ("calls", "task calls"),
    ("cost", "cost so far"),
    ("candidate", "champion"),
    ("kind", "which is"),
)


def points_of(f: Curved, over: XAxis) -> list[Spec]:
    """A row a point and series. Fractions for the places, words for whoever points at one."""
    values: list[Spec] = []
    before = ""
    for p in f.curve:
        shared: Spec = {
            "x": place(p, over),
            "calls": f"{p.calls:,}",
            "cost": amount(p.cost_usd),
            "candidate": p.candidate[:12],
        }
        if p.dev.n:
            values.append(
                {
                    **shared,
                    "series": DEV,
                    "y": p.dev.mean,
                    "shown": quality(p.dev),
                    "band": "none: selected on",
                    "kind": "the champion",
                }
            )
        if p.holdout is not None and p.holdout.n:
            low, high = p.band_low, p.band_high
            fresh = p.candidate != before
            before = p.candidate
            band = f"[{100 * low:.1f}, {100 * high:.1f}]" if low is not None and high is not None else "none"
            values.append(
                {
                    **shared,
                    "series": HELD,
                    "y": p.holdout.mean,
                    "low": low,
                    "high": high,
                    "fresh": fresh,
                    "shown": quality(p.holdout),
                    "band": band,
                    "kind": "a new champion" if fresh else "the same champion as before",
                }
            )
    return values


def place(point: CurvePoint, over: XAxis) -> float:
    """Where a point stands on the axis; no calls at all stand at 1, so that a log axis has room for them."""
    return float(max(1, point.calls)) if over == "calls" else float(point.cost_usd or 0.0)


def labels(exam: list[CurvePoint], over: XAxis) -> list[Spec]:
    """The first and the last held-out score, to be written beside their points."""
    ends = (("first", exam[0]), ("last", exam[-1])) if len(exam) > 1 else (("last", exam[0]),) if exam else ()
    return [
        {"end": end, "x": place(p, over), "y": p.holdout.mean, "t": f"{100 * p.holdout.mean:.1f} %"} for end, p in ends if p.holdout
    ]


def thinned(curve: tuple[CurvePoint, ...], over: XAxis, scale: XScale) -> list[CurvePoint]:
    """The points whose labels do not collide, the last one always among them."""
    span = place(curve[-1], over) - place(curve[0], over)
    kept = [curve[-1]]
    for p in reversed(curve[:-1]):
        gap = place(kept[-1], over) - place(p, over)
        if (scale == "log" and place(kept[-1], over) / max(place(p, over), 1e-12) > 1.25) or (
            scale == "linear" and gap > 0.08 * span
        ):
            kept.append(p)
    return kept[::-1]


def limits(f: Curved, ahead: bool) -> tuple[float, float]:
    """The lowest and the highest score to show, with some air; at least 8 points apart."""
    shown = [p.dev.mean for p in f.curve if p.dev.n]
    for p in f.curve:
        if p.holdout is not None and p.holdout.n:
            shown += [p.holdout.mean, *(edge for edge in (p.band_low, p.band_high) if edge is not None)]
            if ahead:
                shown.append(p.holdout.mean + f.verdict.delta)
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    air = 0.06 * max(high - low, 0.04)
    middle = (low + high) / 2
    return max(0.0, min(low - air, middle - 0.04)), min(1.0, max(high + air, middle + 0.04))


def forecast(f: Curved, over: XAxis) -> list[Spec]:
    """The room of the next doubling of calls, as high as the gain asked for; nothing when the verdict gives no chance for it."""
    last = f.curve[-1]
    if f.verdict.probability is None or last.holdout is None or not last.holdout.n or last.calls < 1:
        return []
    said = f"{chance(f.verdict.probability)} chance of +{points(f.verdict.delta)} points or more"
    x, y = place(last, over), last.holdout.mean
    return [{"x": x, "x2": 2 * x, "y": y, "y2": y + f.verdict.delta, "t": said, "r": f.verdict.ruling, "calls": f"{last.calls:,}"}]


def verdict_layers(x: alt.X, y: alt.Y, size: int) -> list[alt.Chart]:
    """What the verdict says, drawn at the place that it speaks of."""
    import altair as alt

    chart = named("ahead")
    tips = [
        alt.Tooltip("r:N", title="verdict"),
        alt.Tooltip("t:N", title="next doubling"),
        alt.Tooltip("calls:N", title="more task calls"),
    ]
    room = chart.mark_rect(fill="@accent", fillOpacity=0.16, stroke="@accent", strokeDash=[3, 3], strokeWidth=1)
    words = {"align": "right", "baseline": "bottom", "fontSize": size}
    return [
        room.encode(x=x, x2="x2:Q", y=y, y2="y2:Q", tooltip=tips),
        chart.mark_text(dy=-20, fontWeight="bold", color="@ink", **words).encode(x=alt.X("x2:Q"), y=alt.Y("y2:Q"), text="r:N"),  # type: ignore[arg-type]
        chart.mark_text(dy=-5, color="@muted", **words).encode(x=alt.X("x2:Q"), y=alt.Y("y2:Q"), text="t:N"),  # type: ignore[arg-type]
    ]
