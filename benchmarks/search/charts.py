"""Pictures of what was measured: true quality by calls, one panel a ground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.search.measuring import Measured
from benchmarks.search.tables import mean_and_half

__all__ = ["write_charts"]


def write_charts(found: Sequence[Measured], folder: Path) -> Path:
    """`quality.svg` in that folder: means over seeds with 95 % intervals. The path of the file."""
    import altair as alt
    import pandas as pd

    rows = []
    for ground in dict.fromkeys(m.job.ground for m in found):
        for name in dict.fromkeys(m.job.optimizer for m in found):
            own = [m for m in found if (m.job.ground, m.job.optimizer) == (ground, name)]
            for i, budget in enumerate(found[0].job.budgets):
                mean, half = mean_and_half([m.quality[i] for m in own])
                rows.append((ground, name, budget, 100 * mean, 100 * (mean - half), 100 * (mean + half)))
    table = pd.DataFrame(rows, columns=["ground", "optimizer", "calls", "quality", "low", "high"])
    scale = alt.Scale(type="log", base=2)
    base = alt.Chart(table).encode(
        x=alt.X("calls:Q", scale=scale, axis=alt.Axis(values=list(found[0].job.budgets)), title="calls of both models"),
        color=alt.Color("optimizer:N", title=None),
    )
    band = base.mark_errorband(opacity=0.15).encode(y=alt.Y("low:Q", title="true quality, %"), y2="high:Q")
    line = base.mark_line(point=True).encode(y=alt.Y("quality:Q", scale=alt.Scale(zero=False)))
    chart = alt.layer(band, line).properties(width=220, height=160).facet("ground:N", columns=4).resolve_scale(y="independent")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "quality.svg"
    chart.save(str(path))
    return path
