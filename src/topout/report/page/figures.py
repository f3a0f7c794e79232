"""Figures in the page: each carries its value to the last digit and its place in verdict.json or in a table, so that a test can compare them."""

from __future__ import annotations

import math

from topout.domain import Estimate, Gain
from topout.plateau.wording import points
from topout.report.page.markup import Markup, html
from topout.report.words import amount, count, seconds

__all__ = ["change", "counted", "dollars", "estimate", "figure", "gain_of", "tokens", "waited"]

UNMEASURED = Markup('<span class="none">not measured</span>')


def figure(path: str, value: float, shown: str) -> Markup:
    """One number. `path` is where it stands: `holdout.winner.mean` in verdict.json, `candidates.csv:3.dev_gain_vs_parent` in a table."""
    return html('<data value="{v}" data-figure="{p}">{s}</data>', v=repr(value), p=path, s=shown)


def estimate(path: str, e: Estimate | None, bold: bool = True) -> Markup:
    """`59.0 % [54.3, 63.6] n = 432`: mean, interval and rows."""
    if e is None or e.n == 0 or not math.isfinite(e.mean):
        return UNMEASURED
    return html(
        '<span class="est"><{t}>{mean}</{t}> <span class="ci">[{low}, {high}]</span> <span class="n">n = {n}</span></span>',
        t=Markup("strong" if bold else "span"),
        mean=figure(f"{path}.mean", e.mean, f"{100 * e.mean:.1f} %"),
        low=figure(f"{path}.low", e.low, f"{100 * e.low:.1f}"),
        high=figure(f"{path}.high", e.high, f"{100 * e.high:.1f}"),
        n=counted(f"{path}.n", e.n),
    )


def change(path: str, e: Estimate | None, joint: str = ".") -> Markup:
    """`+13.0 points [7.5, 18.3] n = 432`: a difference. `joint` stands between `path` and what the figure is (`_` in a table's columns)."""
    if e is None or e.n == 0 or not math.isfinite(e.mean):
        return UNMEASURED
    return html(
        '<span class="est"><strong>{mean} points</strong> <span class="ci">[{low}, {high}]</span> <span class="n">n = {n}</span></span>',
        mean=figure(f"{path}{joint}mean", e.mean, points(e.mean, True)),
        low=figure(f"{path}{joint}low", e.low, f"{100 * e.low:.1f}"),
        high=figure(f"{path}{joint}high", e.high, f"{100 * e.high:.1f}"),
        n=counted(f"{path}{joint}n", e.n),
    )


def gain_of(path: str, gain: Gain | None) -> Markup:
    """A paired gain with how many rows got better and worse."""
    if gain is None or gain.estimate.n == 0:
        return UNMEASURED
    return html(
        '{e} <span class="n">({b} row{s} better, {w} worse)</span>',
        e=change(path, gain.estimate),
        b=counted(f"{path}.better", gain.better),
        s="" if gain.better == 1 else "s",
        w=counted(f"{path}.worse", gain.worse),
    )


def counted(path: str, value: int) -> Markup:
    """A count."""
    return figure(path, value, f"{value:,}")


def dollars(path: str, value: float | None) -> Markup:
    """A price or a sum; `unknown` is said, never shown as 0."""
    return html('<span class="none">unknown</span>') if value is None else figure(path, value, amount(value))


def tokens(path: str, value: float | None) -> Markup:
    """Tokens of a call."""
    return html('<span class="none">unknown</span>') if value is None else figure(path, value, count(value))


def waited(path: str, value: float | None) -> Markup:
    """Seconds of a call."""
    return html('<span class="none">unknown</span>') if value is None else figure(path, value, seconds(value))
