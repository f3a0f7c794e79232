"""Levers and advice for machines (in verdict.json): every reason with its figure, unknown is null. docs/advice.md explains the fields."""

from __future__ import annotations

import math

from topout.domain import Advice, BreakEven, Estimate, Gain, Json, LeverRecord, Reason

__all__ = ["advice_document", "lever_document"]


def lever_document(record: LeverRecord) -> dict[str, Json]:
    """A lever: in the recipe's scope or not, what was tried, and its held-out gain (null: not measured; `how` says why)."""
    return {
        "lever": record.lever,
        "in_scope": record.in_scope,
        "tried": record.tried,
        "kept": record.kept,
        "calls": record.calls,
        "gain": None if record.gain is None else gain_document(record.gain),
        "how": record.how,
    }


def gain_document(gain: Gain) -> dict[str, Json]:
    e: Estimate = gain.estimate
    return {"mean": known(e.mean), "low": known(e.low), "high": known(e.high), "level": e.level, "n": e.n}


def advice_document(advice: Advice) -> dict[str, Json]:
    """The rung with all that speaks for it, against training, second choices and missing facts."""
    return {
        "rung": advice.rung,
        "sentence": advice.sentence,
        "reasons": [reason(one) for one in advice.reasons],
        "against_training": [reason(one) for one in advice.against],
        "also": [{"rung": rung, **reason(why)} for rung, why in advice.also],
        "asks": list(advice.asks),
        "break_even": None if advice.break_even is None else break_even(advice.break_even),
        "caveat": advice.caveat,
    }


def reason(one: Reason) -> dict[str, Json]:
    return {"text": one.text, "figure": one.figure}


def break_even(b: BreakEven) -> dict[str, Json]:
    """Infinite months cannot be said in JSON: `never` is true and `months` null."""
    return {
        "calls_per_month": known(b.calls_per_month),
        "now_usd_per_call": known(b.now_usd_per_call),
        "then_usd_per_call": known(b.then_usd_per_call),
        "now_usd_per_month": known(b.now_usd_per_month),
        "then_usd_per_month": known(b.then_usd_per_month),
        "training_usd": known(b.training_usd),
        "maintenance_usd_per_month": known(b.maintenance_usd_per_month),
        "saved_usd_per_month": known(b.saved_usd_per_month),
        "months": known(b.months),
        "never": b.months == math.inf,
        "sentence": b.sentence,
        "asks": list(b.asks),
    }


def known(value: float | None) -> float | None:
    """The number, None for nan and infinities."""
    return value if value is not None and math.isfinite(value) else None
