"""Pictures of a run for slides, papers and READMEs: the same charts as in the page, with what they may be read as. No browser is needed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from topout.report.charts.cost import cost_chart
from topout.report.charts.curve import curve_chart
from topout.report.charts.drawing import Plot, drawn, specification
from topout.report.charts.levers import levers_chart, operators
from topout.report.findings import Findings
from topout.report.measures import setting
from topout.report.words import EMBEDDED_NOTE, is_embedded, safe_text

if TYPE_CHECKING:
    import altair as alt

__all__ = ["FORMS", "HEIGHT", "PICTURES", "SIZE", "WIDTH", "Form", "What", "drawable", "picture", "plateau_png", "titled"]

What = Literal["curve", "levers", "cost"]
PICTURES: tuple[What, ...] = ("curve", "levers", "cost")
Form = Literal["png", "svg"]
FORMS: tuple[Form, ...] = ("png", "svg")
WIDTH, HEIGHT, SIZE = 1400, 800, 15


def plateau_png(f: Findings) -> bytes:
    """plateau.png: the plateau curve."""
    return picture(f, "curve", "png")


def drawable(f: Findings, what: What) -> bool:
    """Whether the run has figures for this chart."""
    return bool(operators(f)) if what == "levers" else True


def picture(f: Findings, what: What, form: Form) -> bytes:
    """A chart of 1400 x 800 on white. The same run gives the same bytes. Texts are drawn as they are: nothing in them is markup."""
    match what:
        case "curve":
            plot = curve_chart(f, size=SIZE)
        case "levers":
            plot = levers_chart(f, size=SIZE)
        case "cost":
            plot = cost_chart(f, size=SIZE)
    titled = Plot(plot.chart.properties(title=title(f, what)), plot.data)
    return drawn(specification(titled, WIDTH, HEIGHT, SIZE), form)


def title(f: Findings, what: What) -> alt.TitleParams:
    """The verdict (or what else is to be seen), and below it what the figures hold for."""
    said = {
        "curve": safe_text(f.verdict.sentence, 300),
        "levers": "What was tried, by operator: dev gain of each trial over its parent (selected on these rows)",
        "cost": "Where the calls went",
    }[what]
    exam = f.holdout.winner
    champions = len({p.candidate for p in f.curve if p.holdout is not None})
    task = safe_text(str(f.started.manifest.get("task") or setting(f, "task", "unknown")), 40)
    model, critic = safe_text(setting(f, "model", "unknown"), 40), safe_text(setting(f, "critic", "none"), 40)
    measured = (
        f"holdout n = {exam.n:,} rows, dev n = {f.dev.winner.n:,} rows; {100 * exam.level:.0f} % intervals, simultaneous over {champions} examined "
        f"champion{'' if champions == 1 else 's'} chosen on dev alone"
    )
    lines = [
        f"task {task} · model {model} · critic {critic} · run {safe_text(f.started.run, 60)}",
        *([measured] if what == "curve" else []),
        *([EMBEDDED_NOTE] if is_embedded(setting(f, "model")) else []),
    ]
    return titled(textwrap.wrap(said, 112)[:3], lines)


def titled(said: list[str], lines: list[str]) -> alt.TitleParams:
    """What a picture says, and below it what it holds for."""
    import altair as alt

    return alt.TitleParams(
        text=said,
        subtitle=lines,
        fontSize=SIZE + 5,
        subtitleFontSize=SIZE - 1,
        subtitleLineHeight=SIZE + 6,
        lineHeight=SIZE + 12,
        subtitlePadding=8,
        offset=18,
        frame="bounds",
    )
