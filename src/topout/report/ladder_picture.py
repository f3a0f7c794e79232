"""The model ladder as a picture, with what it may be read as."""

from __future__ import annotations

import textwrap

from topout.report.charts.drawing import Plot, drawn, specification
from topout.report.charts.ladder import drawable_cells, ladder_chart
from topout.report.ladder import Ladder
from topout.report.picture import HEIGHT, SIZE, WIDTH, Form, titled
from topout.report.words import EMBEDDED_NOTE, safe_text

__all__ = ["ladder_picture"]


def ladder_picture(found: Ladder, form: Form) -> bytes:
    """A chart of 1400 x 800 on white. The same ladder gives the same bytes."""
    left_out = len(found.cells) - len(drawable_cells(found))
    lines = [
        f"task {safe_text(found.task, 40)} · recipe {safe_text(found.recipe, 40)} · holdout n = {found.rows:,} rows; {100 * found.level:.0f} % intervals, simultaneous over "
        f"{len(found.cells)} cells",
        *([f"{left_out} without a known price or a score, not drawn"] if left_out else []),
        *([EMBEDDED_NOTE] if found.embedded else []),
    ]
    plot = ladder_chart(found, SIZE)
    title = titled(textwrap.wrap(safe_text(found.sentence, 400), 112)[:4], lines)
    return drawn(specification(Plot(plot.chart.properties(title=title), plot.data), WIDTH, HEIGHT, SIZE), form)
