"""Every split's scores side by side."""

from __future__ import annotations

from topout.report.closer import sampling_lines
from topout.report.findings import Findings, SplitResult
from topout.report.judged import judge_line, judge_lines, judge_report
from topout.report.page.figures import change, estimate, figure, gain_of
from topout.report.page.markup import Markup, html, table
from topout.report.page.shell import Section

__all__ = ["splits"]


def splits(f: Findings) -> Section:
    """Baseline, best and paired gain on holdout, dev and shift, and how far the best falls under shift."""
    found: list[tuple[str, str, SplitResult]] = [
        ("holdout", "holdout (never seen by the search)", f.holdout),
        ("dev", "dev (selected on: optimistic)", f.dev),
        *([("shift", "shift (rows of another kind)", f.shift)] if f.shift else []),
    ]
    same = f.winner.id == f.baseline.id
    heads = ("split", "baseline", "best", "paired gain", "smallest detectable gain")
    body = table("Scores by split", heads, [row(path, name, result, same) for path, name, result in found])
    drop = f.shift_drop
    said = (
        Markup()
        if drop is None
        else html(
            "<p>Shift minus holdout for the best: {d}. Other rows, so not paired.</p>", d=change("shift.winner_minus_holdout", drop)
        )
    )
    lines = sampling_lines(f.sampling, same) if f.sampling.wavers else []
    judge = judge_report(f)
    lines += [f"The judge ({judge_line(f)}): {line}" for line in judge_lines(judge)] if judge is not None else []
    noise = Markup().join(html("<p>{l}</p>", l=line) for line in lines)
    level = f"{100 * f.holdout.winner.level:.0f} % intervals."
    return Section("splits", "Scores by split", html("{b}{s}{n}", b=body, s=said, n=noise), level)


def row(path: str, name: str, result: SplitResult, same: bool) -> tuple[str | Markup, ...]:
    g = result.gain
    known = g is not None and g.estimate.n > 0 and g.detectable == g.detectable and g.detectable != float("inf")
    least = (
        figure(f"{path}.paired_gain.smallest_detectable", g.detectable, f"{100 * g.detectable:.1f} points")
        if g and known
        else Markup("")
    )
    return (
        name,
        estimate(f"{path}.baseline", result.baseline, False),
        html("the baseline") if same else estimate(f"{path}.winner", result.winner),
        html("") if same else gain_of(f"{path}.paired_gain", g),
        least,
    )
