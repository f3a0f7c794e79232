"""plateau.png: the plateau curve with what it may be read as, and what not."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

from topout.domain import CurvePoint
from topout.report.findings import Findings
from topout.report.measures import setting
from topout.report.words import EMBEDDED_NOTE, amount, is_embedded, safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["plateau_png"]

HELD, DEV, INK, FAINT = "#1f5fa8", "#b9772e", "#222222", "#6b6b6b"


def plateau_png(f: Findings) -> bytes:
    """The picture, 1400 x 800 pixels. Nothing of matplotlib's global state is used or left behind; texts are drawn as they are, `$` too."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 8), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.07, 0.19, 0.90, 0.595))
    draw_curve(axes, f)
    draw_frame(axes, f.curve)
    draw_words(figure, f)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a foreign script in a name: boxes are drawn, nobody has to be told
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def draw_curve(axes: Any, f: Findings) -> None:
    """Dev thin, holdout with its band, champions marked where they change."""
    dev = [(x_of(p), 100 * p.dev.mean) for p in f.curve if p.dev.n]
    axes.plot(
        [x for x, _ in dev],
        [y for _, y in dev],
        color=DEV,
        lw=1.2,
        ls=(0, (4, 3)),
        label="dev (selected on these rows)",
        zorder=3,
    )
    exam = [p for p in f.curve if p.holdout is not None and p.holdout.n]
    if not exam:
        return
    xs, means = [x_of(p) for p in exam], [100 * (p.holdout.mean if p.holdout else math.nan) for p in exam]
    low = [100 * (p.band_low if p.band_low is not None else math.nan) for p in exam]
    high = [100 * (p.band_high if p.band_high is not None else math.nan) for p in exam]
    level = exam[0].holdout.level if exam[0].holdout else 0.95
    axes.fill_between(
        xs, low, high, color=HELD, alpha=0.13, lw=0, label=f"{100 * level:.0f} % band, all champions at once", zorder=1
    )
    axes.vlines(xs, low, high, color=HELD, alpha=0.45, lw=1.4, zorder=2)
    axes.plot(xs, means, color=HELD, lw=2.4, label="held out (unseen by the search)", zorder=4)
    fresh = [i for i, p in enumerate(exam) if i == 0 or p.candidate != exam[i - 1].candidate]
    stays = [i for i in range(len(exam)) if i not in fresh]
    axes.plot(
        [xs[i] for i in fresh],
        [means[i] for i in fresh],
        "o",
        color=HELD,
        ms=9,
        mec="white",
        mew=1.2,
        label="new champion",
        zorder=5,
    )
    if stays:
        axes.plot(
            [xs[i] for i in stays],
            [means[i] for i in stays],
            "o",
            color="white",
            ms=7,
            mec=HELD,
            mew=1.6,
            label="same champion",
            zorder=5,
        )
    axes.axhline(means[0], color=FAINT, lw=0.9, ls=":", zorder=1)
    style = {"textcoords": "offset points", "color": HELD, "fontsize": 13, "fontweight": "bold", "parse_math": False, "zorder": 6}
    axes.annotate(f"{means[-1]:.1f} %", (xs[-1], means[-1]), xytext=(13, 0), ha="left", va="center", **style)
    if len(exam) > 1:
        axes.annotate(f"{means[0]:.1f} %", (xs[0], means[0]), xytext=(10, -20), ha="left", **style)


def x_of(point: CurvePoint) -> int:
    """The place on a log axis: no calls at all stand at 1."""
    return max(1, point.calls)


def draw_frame(axes: Any, curve: Sequence[CurvePoint]) -> None:
    """Axes in calls (with dollars beneath) and percent, ticks at the curve's own points where they do not collide."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, PercentFormatter

    axes.set_xscale("log")
    xs = sorted({x_of(p) for p in curve})
    first, last = xs[0], xs[-1]
    span = math.log(last / first) if last > first else 0.0
    margin = max(0.05 * span, 0.08)
    axes.set_xlim(first * math.exp(-margin), last * math.exp(1.6 * margin))
    kept = [last]
    for x in reversed(xs[:-1]):
        if math.log(kept[-1] / x) > 0.07 * span and (x == first or math.log(x / first) > 0.07 * span):
            kept.append(x)
    costs = {x_of(p): p.cost_usd for p in curve}
    priced = any(costs.values())
    axes.xaxis.set_major_locator(FixedLocator(sorted(kept)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticklabels([f"{x:,}" + (f"\n{amount(costs[x])}" if priced else "") for x in sorted(kept)], parse_math=False)
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=" %"))
    low, high = axes.get_ylim()
    middle = (low + high) / 2
    low, high = min(low, middle - 4), max(high, middle + 4)
    axes.set_ylim(max(-1.0, low), min(101.0, high))
    axes.set_xlabel("task calls of the search so far" + (" (below: cost at list price)" if priced else ""), fontsize=12, color=INK)
    axes.set_ylabel("score", fontsize=12, color=INK)
    axes.grid(axis="y", color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=11, colors=INK, length=4)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=5, fontsize=10.5, frameon=False, columnspacing=1.4, handlelength=1.8
    )


def draw_words(figure: Any, f: Findings) -> None:
    """The verdict as title, and below what the figures hold for."""
    model = setting(f, "model", "unknown")
    title = textwrap.wrap(safe_text(f.verdict.sentence, 300), 105)
    size = 15 if len(title) <= 2 else 13
    figure.text(
        0.07,
        0.965,
        "\n".join(title[:3]),
        fontsize=size,
        fontweight="bold",
        color=INK,
        va="top",
        ha="left",
        linespacing=1.35,
        parse_math=False,
    )
    exam = f.holdout.winner
    champions = len({p.candidate for p in f.curve if p.holdout is not None})
    task = str(f.started.manifest.get("task") or setting(f, "task", "unknown"))
    lines = [
        f"task {safe_text(task, 40)} · model {safe_text(model, 40)} · critic {safe_text(setting(f, 'critic', 'none'), 40)} · run {safe_text(f.started.run, 60)}",
        f"holdout n = {exam.n:,} rows, dev n = {f.dev.winner.n:,} rows; {100 * exam.level:.0f} % intervals, simultaneous over {champions} "
        f"examined champion{'' if champions == 1 else 's'} chosen on dev alone",
    ]
    figure.text(
        0.07, 0.028, "\n".join(lines), fontsize=10.5, color=FAINT, va="bottom", ha="left", linespacing=1.5, parse_math=False
    )
    if is_embedded(model):
        figure.text(
            0.07, 0.838, EMBEDDED_NOTE, fontsize=11.5, color="#9a5b00", va="bottom", ha="left", style="italic", parse_math=False
        )
