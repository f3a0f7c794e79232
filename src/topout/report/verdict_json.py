"""verdict.json: what a run came to, for machines. Scores are fractions, costs dollars; what is unknown is null, never NaN or 0."""

from __future__ import annotations

import math
from dataclasses import asdict

from topout.domain import CurvePoint, Estimate, Gain, Json, Verdict
from topout.plateau.noise import SamplingNoise
from topout.report.advice_json import advice_document, lever_document
from topout.report.closer import Sampling
from topout.report.estimated import estimate_document as expected_document
from topout.report.findings import CallCard, Findings, RoleSpend, SplitResult
from topout.report.judged import judge_report
from topout.report.measures import setting
from topout.report.probes import NOTE, ProbeResult, Racer, finalists
from topout.report.words import is_embedded

__all__ = ["SCHEMA", "card_document", "estimate_document", "gain_document", "spend_document", "verdict_document"]

SCHEMA = 1


def verdict_document(f: Findings) -> dict[str, Json]:
    """The document, ready for `json.dumps(..., allow_nan=False)`."""
    model, critic = setting(f, "model"), setting(f, "critic")
    ended = f.ended
    shift: dict[str, Json] | None = None
    if f.shift is not None:
        shift = {**split_document(f.shift), "winner_minus_holdout": estimate_document(f.shift_drop) if f.shift_drop else None}
    return {
        "schema": SCHEMA,
        "run": f.started.run,
        "task": str(f.started.manifest.get("task") or setting(f, "task")),
        "topout": f.started.manifest.get("topout"),
        "model": model,
        "critic": critic,
        **judge_document(f),
        "embedded": is_embedded(model),
        "recipe": setting(f, "recipe"),
        "seed": f.started.settings.get("seed"),
        "started_at": f.started.at,
        "ending": ended.ending if ended else None,
        "ending_reason": ended.reason if ended else "",
        "seconds": finite(f.seconds) if ended else None,
        "resumed": f.resumed,
        "baseline": f.baseline.id,
        "winner": f.winner.id,
        "holdout": split_document(f.holdout),
        "dev": {"selected": True, "note": "the winner was selected on these rows: optimistic", **split_document(f.dev)},
        "shift": shift,
        "sampling": sampling_document(f.sampling),
        "levers_alone": {
            "note": f.alone.note,
            "paired_gain_over_baseline": {lever: gain_document(one) for lever, one in f.alone.gains.items()},
        },
        "failures": failures_document(f),
        "verdict": ruling(f.verdict),
        "probe": probe_document(f),
        "levers": [lever_document(record) for record in f.levers],
        "advice": advice_document(f.advice),
        "spend": {role: spend_document(spend) for role, spend in f.spend.items()},
        "estimate": expected_document(f),
        "per_call": {"before": card_document(f.before), "after": card_document(f.after)},
        "unscored": dict(f.unscored),
        "budget": {
            "max_calls": f.started.settings.get("max_calls") or f.started.manifest.get("max_calls"),
            "max_cost": f.started.settings.get("max_cost"),
            "max_time": f.started.settings.get("max_time"),
        },
        "exam": f.started.manifest.get("exam"),
        "curve": [point(p) for p in f.curve],
        "ceiling_guide": estimate_document(f.ceiling) if f.ceiling else None,
    }


def finite(value: float | None) -> float | None:
    """The number, None for nan and infinities."""
    return value if value is not None and math.isfinite(value) else None


def estimate_document(e: Estimate) -> dict[str, Json]:
    """Mean, interval, level, n and how many rows were left out; null figures with n = 0."""
    known = e.n > 0
    return {
        "mean": finite(e.mean) if known else None,
        "low": finite(e.low) if known else None,
        "high": finite(e.high) if known else None,
        "level": e.level,
        "n": e.n,
        "unscored": e.unscored,
    }


def gain_document(g: Gain | None) -> dict[str, Json] | None:
    """A paired difference with its interval; None when it was not measured."""
    if g is None:
        return None
    return {**estimate_document(g.estimate), "smallest_detectable": finite(g.detectable), "better": g.better, "worse": g.worse}


def split_document(result: SplitResult) -> dict[str, Json]:
    """Baseline and winner on a split with their paired gain."""
    return {
        "baseline": estimate_document(result.baseline),
        "winner": estimate_document(result.winner),
        "paired_gain": gain_document(result.gain),
    }


def judge_document(f: Findings) -> dict[str, Json]:
    """The judge with its noise, for a run with one: the standard deviation of the difference of two evaluations of the same answers, and the share of
    pairwise judgements that hung on the order; null where not measured."""
    found = judge_report(f)
    if found is None:
        return {}
    noise = found.noise
    return {
        "judge": {
            "model": found.model,
            "rubric": found.rubric,
            "mode": found.mode,
            "sd_of_difference": estimate_document(noise.sd) if noise is not None else None,
            "by_order": estimate_document(found.by_order) if found.by_order is not None else None,
            "unreadable": found.unreadable,
            "judged": found.judged,
        }
    }


def sampling_document(s: Sampling) -> dict[str, Json]:
    """The standard deviation of the difference of two evaluations of the same prompt on `rows` rows, and the share of a single answer's variance that
    is sampling; null where no row was asked twice."""

    def noise(one: SamplingNoise | None) -> dict[str, Json] | None:
        if one is None:
            return None
        share = estimate_document(one.share) if one.share else None
        return {"sd_of_difference": estimate_document(one.sd), "share_of_variance": share, "rows": one.rows}

    return {"baseline": noise(s.baseline), "winner": noise(s.winner), "note": s.note}


def failures_document(f: Findings) -> dict[str, Json]:
    """Why the winner still fails on `split`, by what the critic made of `read` of the `failing` rows; its words are foreign text. `suspects` are rows
    that no good candidate solved: to look at, not an estimate of wrong labels."""
    found = f.failures
    return {
        "note": f.failures_note,
        "split": found.split if found else "dev",
        "failing": found.failing if found else None,
        "read": found.read if found else 0,
        "unassigned": found.unassigned if found else None,
        "clusters": [
            {"cause": c.cause, "title": c.title, "explanation": c.explanation, "rows": list(c.rows), "of": c.of}
            for c in (found.clusters if found else ())
        ],
        "suspects": list(f.suspects),
    }


def ruling(v: Verdict) -> dict[str, Json]:
    return {
        "ruling": v.ruling,
        "delta": v.delta,
        "probability": finite(v.probability),
        "sentence": v.sentence,
        "evidence": list(v.evidence),
        "needs": list(v.needs),
        "next_step": v.next_step,
        "levers_tried": list(v.levers_tried),
        "levers_untried": list(v.levers_untried),
        "details": {name: finite(value) for name, value in v.details.items()},
    }


def spend_document(spend: RoleSpend) -> dict[str, Json]:
    """What a role used: `cost_usd` at list price with cached replies, `paid_usd` without; both leave out `unpriced` calls."""
    fields: dict[str, Json] = dict(asdict(spend))
    return fields


def card_document(c: CallCard) -> dict[str, Json]:
    """Means and median of one answer over `n` of them; `calls` is the mean number of calls that it takes."""
    return {
        "n": c.n,
        "calls": c.calls,
        "prompt_tokens": finite(c.prompt_tokens),
        "output_tokens": finite(c.output_tokens),
        "cost_usd": finite(c.cost_usd),
        "latency_s": finite(c.latency_s),
        "latency_p95_s": finite(c.latency_p95_s),
    }


def point(p: CurvePoint) -> Json:
    return {
        "calls": p.calls,
        "cost_usd": finite(p.cost_usd),
        "candidate": p.candidate,
        "dev_selected": estimate_document(p.dev),
        "holdout": estimate_document(p.holdout) if p.holdout else None,
        "band_low": finite(p.band_low),
        "band_high": finite(p.band_high),
    }


def probe_document(f: Findings) -> dict[str, Json] | None:
    """The `probe` of verdict.json, None when the run was not probed. Fields: docs/probe.md."""
    if not f.probes:
        return None
    return {
        "note": NOTE,
        "spend": spend_document(f.spend.get("probe", RoleSpend())),
        "finalists": [finalist(racer) for racer in finalists(f.probes)],
        "probes": [probe(one) for one in f.probes],
    }


def probe(p: ProbeResult) -> Json:
    outcomes = p.outcomes()
    return {
        "number": p.started.number,
        "started_at": p.started.at,
        "ending": p.ended.ending if p.ended else None,
        "champion": p.started.champion,
        "rungs": [{"contenders": contenders, "rows": rows} for contenders, rows in p.started.rungs],
        "calls_planned": p.started.task_calls + p.started.critic_calls,
        "chance_told": p.started.chance,
        "proposals": {name: outcomes[name] for name in ("raced", "duplicate", "rejected", "failed")},
        "rows_raced": sum(racer.met.rows for racer in p.racers),
    }


def finalist(racer: Racer) -> Json:
    return {
        "candidate": racer.candidate.id,
        "operator": racer.candidate.operator,
        "folder": f"probe/{racer.candidate.id}",
        "corrected_difference": estimate_document(racer.corrected) if racer.corrected else None,
    }
