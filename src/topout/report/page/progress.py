"""The plateau curve, over calls or dollars, on a log or a linear axis."""

from __future__ import annotations

from topout.domain import Json
from topout.report.charts.curve import SCALES, axes_of, curve_chart
from topout.report.charts.drawing import specification
from topout.report.findings import Findings
from topout.report.page.figures import counted, dollars, estimate, figure
from topout.report.page.markup import Markup, html, joined, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section

__all__ = ["progress"]


def progress(f: Findings) -> Section | None:
    """The chart and its table; nothing for a run whose curve is one unmeasured point."""
    if not f.curve:
        return None
    specs: dict[str, dict[str, Json]] = {
        f"{over}-{scale}": specification(curve_chart(f, over, scale), height=380) for over in axes_of(f) for scale in SCALES
    }
    champions = len({p.candidate for p in f.curve if p.holdout is not None})
    now = next((p.holdout for p in reversed(f.curve) if p.holdout is not None and p.holdout.n), f.holdout.winner)
    level = f"{100 * now.level:.0f} %"
    band = f"The band covers all {champions} examined champions at once with {level}; full dots are new champions."
    if champions == 1:
        band = f"One was examined so far, shown with its {level} interval."
    lead = f"Champions were chosen on dev ({f.dev.winner.n:,} rows) and measured on holdout ({now.n:,} rows). {band}"
    if not champions:
        lead = f"Champions were chosen on dev ({f.dev.winner.n:,} rows); none was measured on holdout so far."
    label = f"Plateau curve: held-out and dev score of the champion after each number of task calls. {f.verdict.sentence}"
    return Section("curve", "Plateau curve", plot("curve", label, specs, figures(f), switches(f)), lead)


def switches(f: Findings) -> Markup:
    """Buttons for the axis."""
    groups = [("axis", "Horizontal axis", axes_of(f)), ("scale", "Scale", SCALES)]
    return html(
        '<div class="switches">{g}</div>',
        g=joined(
            html(
                '<div role="group" aria-label="{l}">{b}</div>',
                l=label,
                b=joined(
                    html(
                        '<button type="button" data-part="{p}" data-value="{n}" aria-pressed="{o}">{n}</button>',
                        p=part,
                        n=name,
                        o="true" if i == 0 else "false",
                    )
                    for i, name in enumerate(names)
                ),
            )
            for part, label, names in groups
            if len(names) > 1
        ),
    )


def figures(f: Findings) -> Markup:
    """The same in figures, as in verdict.json and curve.csv."""

    def band(i: int) -> Markup:
        low, high = f.curve[i].band_low, f.curve[i].band_high
        if low is None or high is None:
            return html('<span class="none">none</span>')
        edges = (figure(f"curve.{i}.band_low", low, f"{100 * low:.1f}"), figure(f"curve.{i}.band_high", high, f"{100 * high:.1f}"))
        return html("[{a}, {b}]", a=edges[0], b=edges[1])

    guide = (
        html(
            "<p>If it saturates, it levels off at about {c} (90 %, rows resampled): a guide for the eye, which the verdict does not look at.</p>",
            c=estimate("ceiling_guide", f.ceiling, False),
        )
        if f.ceiling is not None
        else Markup("")
    )
    return guide + table(
        "Plateau curve in figures",
        ("task calls", "cost", "champion", "held out", "band", "dev (selected)"),
        [
            (
                counted(f"curve.{i}.calls", p.calls),
                dollars(f"curve.{i}.cost_usd", p.cost_usd),
                html("<code>{c}</code>", c=p.candidate[:12]),
                estimate(f"curve.{i}.holdout", p.holdout),
                band(i),
                estimate(f"curve.{i}.dev_selected", p.dev, False),
            )
            for i, p in enumerate(f.curve)
        ],
        right=(0, 1, 3, 4, 5),
    )
