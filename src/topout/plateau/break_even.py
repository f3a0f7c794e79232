"""When a trained model has repaid what it cost: volume, prices, training and upkeep, spelled out. What is not known is asked for."""

from __future__ import annotations

import math

from topout.domain import BreakEven, Deployment
from topout.plateau.wording import calls, dollars

__all__ = ["DAYS_PER_MONTH", "ask", "break_even", "price_change"]

DAYS_PER_MONTH = 365 / 12


def ask(fact: str) -> str:
    """`deployment.calls_per_day in task.toml`: the name under which a missing fact is asked for."""
    return f"deployment.{fact} in task.toml"


def break_even(now_usd_per_call: float | None, n_calls: int, deployment: Deployment) -> BreakEven:
    """Months until a trained model's cheaper calls have repaid its training, upkeep counted.

    `now_usd_per_call` is the mean list price of a call of today's prompt over `n_calls` measured ones, None when unknown. Only costs are
    compared: what a better answer is worth is not in it. Infinite months: at these prices it never pays back by itself.
    """
    d = deployment
    now = now_usd_per_call if now_usd_per_call is not None and math.isfinite(now_usd_per_call) and n_calls > 0 else None
    per_month = None if d.calls_per_day is None else d.calls_per_day * DAYS_PER_MONTH
    then = None if d.tuned_price_per_1000_usd is None else d.tuned_price_per_1000_usd / 1000
    asks = tuple(
        name
        for name, value in (
            ("a price for today's model (--price MODEL=IN,OUT)", now),
            (ask("calls_per_day"), per_month),
            (ask("tuned_price_per_1000_usd"), then),
            (ask("training_cost_usd"), d.training_cost_usd),
            (ask("maintenance_usd_per_month"), d.maintenance_usd_per_month),
        )
        if value is None
    )
    now_month = None if now is None or per_month is None else now * per_month
    then_month = None if then is None or per_month is None else then * per_month
    saved = months = None
    if now_month is not None and then_month is not None and d.maintenance_usd_per_month is not None:
        saved = now_month - then_month - d.maintenance_usd_per_month
        if d.training_cost_usd is not None:
            months = d.training_cost_usd / saved if saved > 0 else math.inf
    return BreakEven(
        per_month,
        now,
        then,
        now_month,
        then_month,
        d.training_cost_usd,
        d.maintenance_usd_per_month,
        saved,
        months,
        _sentence(d, now, n_calls, now_month, then_month, saved, months),
        asks,
    )


def _sentence(
    d: Deployment,
    now: float | None,
    n_calls: int,
    now_month: float | None,
    then_month: float | None,
    saved: float | None,
    months: float | None,
) -> str:
    """What is known of the arithmetic, left to right."""
    parts = []
    if now is not None and now_month is not None and d.calls_per_day is not None:
        volume = f"{d.calls_per_day:,.10g} calls a day x {DAYS_PER_MONTH:.1f} days"
        parts.append(
            f"Now {volume} x {dollars(1000 * now)} per 1,000 (mean of n = {calls(n_calls)}) = {dollars(now_month)} a month"
        )
    if then_month is not None and d.tuned_price_per_1000_usd is not None:
        parts.append(f"trained, at {dollars(d.tuned_price_per_1000_usd)} per 1,000, {dollars(then_month)}")
    if d.maintenance_usd_per_month is not None:
        parts.append(f"upkeep {dollars(d.maintenance_usd_per_month)} a month")
    if saved is not None:
        parts.append(f"saved {dollars(saved)} a month" if saved > 0 else f"{dollars(-saved)} a month more than now")
    if d.training_cost_usd is not None:
        cost = f"training {dollars(d.training_cost_usd)}"
        parts.append(cost if months is None else f"{cost}: {_repaid(months)}")
    if not parts:
        return "Not known: neither volume nor prices were told."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _repaid(months: float) -> str:
    """`repaid after 14 months`."""
    return f"repaid after {months:,.1f} months" if math.isfinite(months) else "never repaid by cheaper calls"


def price_change(
    now_usd_per_call: float | None, n_calls: int, price_per_1000_usd: float | None, calls_per_day: float | None
) -> str:
    """What another model costs beside today's: per 1,000 calls, and a month where the volume is known. '' without both prices."""
    if now_usd_per_call is None or not math.isfinite(now_usd_per_call) or price_per_1000_usd is None or n_calls < 1:
        return ""
    now = 1000 * now_usd_per_call
    change = price_per_1000_usd - now
    sign = "+" if change >= 0 else "-"
    per_1000 = f"{dollars(price_per_1000_usd)} per 1,000 calls against {dollars(now)} now (mean of n = {calls(n_calls)})"
    if calls_per_day is None:
        return f"{per_1000}: {sign}{dollars(abs(change))} per 1,000"
    month = abs(change) / 1000 * calls_per_day * DAYS_PER_MONTH
    return f"{per_1000}: {sign}{dollars(month)} a month at {calls_per_day:,.10g} calls a day"
