"""What the run took, and what a call of the new prompt takes."""

from __future__ import annotations

from collections.abc import Callable

from topout.report.charts.cost import cost_chart
from topout.report.charts.drawing import specification
from topout.report.findings import CallCard, Findings, RoleSpend
from topout.report.page.figures import counted, dollars, tokens, waited
from topout.report.page.markup import Markup, html, table
from topout.report.page.plots import plot
from topout.report.page.shell import Section
from topout.report.terminal import ROLES, unscored_line

__all__ = ["costs"]


def costs(f: Findings) -> Section:
    """Spend by role, a call before and after, the share that the cache served."""
    used = {role: s for role, s in f.spend.items() if s.calls}
    label = "Calls or dollars by role: sent, and served from the cache."
    chart = (
        plot("cost", label, {"all": specification(cost_chart(f), height=90 + 46 * len(used))}, spend(used)) if used else Markup()
    )
    notes = [
        unknown_prices(used),
        html("<p>Rows without a score: {u}</p>", u=unscored_line(f.unscored)) if f.unscored else Markup(),
    ]
    body = html("<h3>One answer</h3>{c}<h3>The whole run</h3>{s}{n}", c=per_call(f), s=chart, n=Markup().join(notes))
    return Section("cost", "Cost", body)


def per_call(f: Findings) -> Markup:
    """Calls, tokens, price and seconds of an answer, baseline against best."""
    measures: list[tuple[str, Callable[[str, CallCard], Markup]]] = [
        ("answers measured", lambda p, c: counted(f"{p}.n", c.n)),
        ("calls, mean", lambda p, c: tokens(f"{p}.calls", c.calls)),
        ("tokens in, mean", lambda p, c: tokens(f"{p}.prompt_tokens", c.prompt_tokens)),
        ("tokens out, mean", lambda p, c: tokens(f"{p}.output_tokens", c.output_tokens)),
        (
            "list price of 1,000 answers",
            lambda p, c: dollars(f"{p}.cost_usd*1000", None if c.cost_usd is None else 1000 * c.cost_usd),
        ),
        ("time, median (p50)", lambda p, c: waited(f"{p}.latency_s", c.latency_s)),
        ("time, p95", lambda p, c: waited(f"{p}.latency_p95_s", c.latency_p95_s)),
    ]
    cards = [("per_call.before", f.before), *([("per_call.after", f.after)] if f.winner.id != f.baseline.id else [])]
    heads = ("", "baseline", *(["best"] if len(cards) > 1 else []))
    return table(
        "One answer, baseline against best",
        heads,
        [(name, *(shown(p, c) for p, c in cards)) for name, shown in measures],
        right=(1, 2),
    )


def spend(used: dict[str, RoleSpend]) -> Markup:
    """Calls, tokens and dollars by role, and the cache's share."""

    def row(role: str, s: RoleSpend) -> tuple[str | Markup, ...]:
        p, share = f"spend.{role}", 1 - s.paid_calls / s.calls
        some = "" if not s.unpriced else " and more"
        known = s.unpriced < s.calls - s.failed or not s.unpriced
        return (
            ROLES.get(role, role),
            counted(f"{p}.calls", s.calls),
            counted(f"{p}.paid_calls", s.paid_calls),
            html("{n} %", n=f"{100 * share:.0f}"),
            counted(f"{p}.failed", s.failed),
            counted(f"{p}.prompt_tokens", s.prompt_tokens),
            counted(f"{p}.output_tokens", s.output_tokens),
            html("{v}{m}", v=dollars(f"{p}.paid_usd", s.paid_usd if known else None), m=some if known else ""),
            html("{v}{m}", v=dollars(f"{p}.cost_usd", s.cost_usd if known else None), m=some if known else ""),
        )

    heads = ("role", "calls", "sent", "from cache", "failed", "tokens in", "tokens out", "paid", "list price")
    return table("Spend by role", heads, [row(role, s) for role, s in used.items()], right=range(1, 9))


def unknown_prices(used: dict[str, RoleSpend]) -> Markup:
    """A word on calls without a known price."""
    missing = sum(s.unpriced for s in used.values())
    if not missing:
        return Markup()
    return html(
        '<p class="note">The price of {n} calls is unknown and in none of these sums (--price MODEL=IN,OUT).</p>',
        n=f"{missing:,}",
    )
