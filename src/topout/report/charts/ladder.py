"""Score against price: every model with every prompt, with intervals."""

from __future__ import annotations

from typing import Literal

from topout.plateau.wording import dollars, quality
from topout.report.charts.comparison import COLOURS
from topout.report.charts.drawing import Plot, Spec, layered, named
from topout.report.ladder import Cell, Ladder
from topout.report.words import safe_text

__all__ = ["drawable_cells", "ladder_chart"]

SHAPES = {"baseline": "circle", "few-shot": "square", "optimized": "diamond", "transplanted": "triangle-up"}


def drawable_cells(found: Ladder) -> list[tuple[int, Cell]]:
    """The cells that have a score and a price."""
    return [(i, cell) for i, cell in enumerate(found.cells) if cell.score.n and cell.usd_per_1000 is not None]


def ladder_chart(found: Ladder, size: int = 12) -> Plot:
    """A point a cell: dollars per 1,000 answers (logarithmic where all cost something), held-out score with its simultaneous interval; a ring around the one to take."""
    import altair as alt

    cells = drawable_cells(found)
    values: list[Spec] = [
        {
            "model": safe_text(cell.model, 60),
            "prompt": cell.kinds[0],
            "prompts": " = ".join(cell.kinds),
            "x": cell.usd_per_1000,
            "y": cell.score.mean,
            "low": cell.score.low,
            "high": cell.score.high,
            "shown": quality(cell.score),
            "price": dollars(cell.usd_per_1000 or 0.0),
            "side": cell.rung.side,
        }
        for _, cell in cells
    ]
    taken = [value for value, (i, _) in zip(values, cells, strict=True) if i == found.named]
    models = list(dict.fromkeys(safe_text(cell.model, 60) for cell in found.cells))
    scale: Literal["log", "linear"] = "log" if all((cell.usd_per_1000 or 0.0) > 0 for _, cell in cells) else "linear"
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type=scale, nice=False, padding=40, zero=False),
        axis=alt.Axis(title="dollars per 1,000 calls, list price", format="$,.3~g", tickCount=6),
    )
    y_scale = alt.Scale(zero=False, padding=16)
    y_axis = alt.Axis(title="held-out score", format="~%", tickCount=6)
    y = alt.Y("y:Q", scale=y_scale, axis=y_axis)
    colour = alt.Color(
        "model:N",
        sort=models,
        scale=alt.Scale(domain=models, range=[COLOURS[i % len(COLOURS)] for i in range(len(models))]),
        legend=alt.Legend(title="model"),
    )
    shape = alt.Shape(
        "prompt:N",
        scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())),
        legend=alt.Legend(title="prompt", symbolFillColor="@grey"),
    )
    tips = [
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("prompts:N", title="prompt"),
        alt.Tooltip("shown:N", title="held out"),
        alt.Tooltip("price:N", title="per 1,000 calls"),
        alt.Tooltip("side:N", title="beside the best"),
    ]
    rows = named("rows")
    return Plot(
        layered(
            [
                rows.mark_rule(strokeWidth=1.6, opacity=0.7).encode(
                    x=x, y=alt.Y("low:Q", scale=y_scale, axis=y_axis), y2="high:Q", color=colour
                ),
                named("taken").mark_point(shape="circle", size=520, strokeWidth=2, color="@good").encode(x=x, y=y),
                rows.mark_point(filled=True, size=130, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips),
            ]
        ),
        {"rows": values, "taken": taken},
    )
