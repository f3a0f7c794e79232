"""The next rung: what to do now, why, and what speaks against training."""

from __future__ import annotations

from collections.abc import Sequence

from topout.domain import Reason
from topout.report.findings import Findings
from topout.report.page.markup import Markup, html, joined
from topout.report.page.shell import Section
from topout.report.rungs import asked

__all__ = ["next_rung"]


def next_rung(f: Findings) -> Section:
    """The advice with every reason's figure beside it, other rungs whose conditions hold, the break-even, and what to tell for a firmer advice."""
    a = f.advice
    parts = [
        html('<p class="sentence">{s}</p>', s=a.sentence),
        html('<p class="note">{c}</p>', c=a.caveat) if a.caveat else Markup(),
        titled("Why", a.reasons),
        html(
            "<h3>Also worth a thought</h3><ul>{i}</ul>",
            i=joined(html("<li><strong>{r}</strong>: {t}</li>", r=rung, t=reason(one)) for rung, one in a.also),
        )
        if a.also
        else Markup(),
        titled("Against training", a.against),
        html("<h3>Break-even</h3><p>{s}</p>", s=a.break_even.sentence) if a.break_even else Markup(),
        html("<h3>To be told more</h3><p>{s}</p>", s=asked(a.asks)) if a.asks else Markup(),
    ]
    return Section("rung", f"Next rung: {a.rung}", joined(parts))


def titled(title: str, reasons: Sequence[Reason]) -> Markup:
    if not reasons:
        return Markup()
    return html("<h3>{t}</h3><ul>{i}</ul>", t=title, i=joined(html("<li>{r}</li>", r=reason(one)) for one in reasons))


def reason(one: Reason) -> Markup:
    return html('{t} <span class="basis">({f})</span>', t=one.text, f=one.figure)
