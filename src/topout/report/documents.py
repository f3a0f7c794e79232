"""What the verbs print with `--json`, beside a run's own document (verdict_json.py). Described in schemas/documents.schema.json and docs/json.md.

Scores are fractions, costs dollars, latencies seconds; what is unknown is null, never NaN or 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from topout.domain import Ending, Json, Rollout
from topout.report.benched import Benched
from topout.report.changed import Changed
from topout.report.comparison import Comparison
from topout.report.findings import Findings, RoleSpend
from topout.report.gate import Gate, Measure, gate_name, gate_sentence
from topout.report.measured import Rival, rival_sentence
from topout.report.measures import split_estimates
from topout.report.showing import Head, role_of
from topout.report.verdict_json import SCHEMA, card_document, estimate_document, gain_document, spend_document
from topout.report.words import is_embedded

__all__ = [
    "Delivered",
    "Evaluated",
    "bench_document",
    "bench_plan_document",
    "comparison_document",
    "diff_document",
    "evaluation_document",
    "export_document",
    "gate_document",
    "head_document",
]


class Evaluated(Measure, Protocol):
    """A measured prompt with what it used and the rows that it did not get fully right."""

    @property
    def spend(self) -> RoleSpend: ...
    @property
    def failures(self) -> Sequence[Rollout]: ...
    @property
    def against(self) -> Rival | None: ...


def rival_document(other: Rival) -> dict[str, Json]:
    """A run's winner on the same rows, and the gain over it."""
    return {
        "run": other.run,
        "candidate": other.candidate,
        "model": other.model,
        "score": estimate_document(other.estimate),
        "gain": gain_document(other.gain),
        "sentence": rival_sentence(other.gain),
    }


class Named(Protocol):
    """What an export is called, and the alias that is to point at it ('' for none)."""

    @property
    def name(self) -> str: ...
    @property
    def alias(self) -> str: ...


class Delivered(Protocol):
    """An export, as the app hands it back."""

    @property
    def target(self) -> str: ...
    @property
    def offer(self) -> Named: ...
    @property
    def version(self) -> str | None: ...
    @property
    def where(self) -> str: ...
    @property
    def changes(self) -> Sequence[str]: ...
    @property
    def files(self) -> Sequence[Path]: ...
    @property
    def written(self) -> bool: ...
    @property
    def note(self) -> str: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def provenance(self) -> Mapping[str, Json]: ...


def head_document(h: Head) -> dict[str, Json]:
    """A run in `topout runs`; null where nothing was measured."""
    return {
        "name": h.name,
        "task": h.task,
        "model": h.model,
        "recipe": h.recipe,
        "seed": h.seed,
        "started_at": h.started,
        "ending": h.ending,
        "ruling": h.ruling,
        "calls": h.calls,
        "paid_usd": h.paid_usd,
        "kept_baseline": h.kept_baseline,
        "baseline_holdout": estimate_document(h.baseline) if h.baseline else None,
        "winner_holdout": estimate_document(h.winner) if h.winner else None,
    }


def measure_document(m: Measure) -> dict[str, Json]:
    """A prompt measured on a split."""
    return {
        "prompt": m.prompt,
        "score": estimate_document(m.estimate),
        "per_call": card_document(m.card),
        "unscored": dict(m.unscored),
        "ending": m.ending,
    }


def evaluation_document(m: Evaluated) -> dict[str, Json]:
    """`topout evaluate`."""
    return {
        "schema": SCHEMA,
        "task": m.task,
        "split": m.split,
        "model": m.model,
        "embedded": is_embedded(m.model),
        **measure_document(m),
        "spend": spend_document(m.spend),
        "not_fully_right": [r.example for r in m.failures],
        "against": rival_document(m.against) if m.against is not None else None,
    }


def gate_document(g: Gate, undecided_passes: bool) -> dict[str, Json]:
    """`topout gate`. The intervals of the gates are those that decide: each end one-sided."""
    m = g.measured
    return {
        "schema": SCHEMA,
        "task": m.task,
        "split": m.split,
        "model": m.model,
        "embedded": is_embedded(m.model),
        "outcome": g.outcome,
        "passed": g.outcome == "met" or (g.outcome == "undecided" and undecided_passes),
        "gates": [
            {
                "kind": d.kind,
                "name": gate_name(d),
                "outcome": d.outcome,
                "bound": d.bound,
                "estimate": estimate_document(d.estimate),
                "rows_to_decide": d.rows,
                "unscored_could_tip": d.tipped,
                "better": d.better,
                "worse": d.worse,
                "sentence": gate_sentence(d, g.same),
            }
            for d in g.decisions
        ],
        "measured": measure_document(m),
        "reference": measure_document(g.reference) if g.reference else None,
        "same_prompt": g.same,
        "spend": spend_document(g.spend),
        "seconds": g.seconds,
    }


def comparison_document(c: Comparison) -> dict[str, Json]:
    """`topout compare`. Differences are `other` minus `one`; their level is corrected for their number."""
    return {
        "schema": SCHEMA,
        "task": c.task,
        "holdout_fingerprint": c.holdout_fingerprint,
        "level": c.level,
        "runs": [
            {
                "label": one.label,
                "run": one.run,
                "model": one.model,
                "embedded": one.embedded,
                "critic": one.critic,
                "recipe": one.recipe,
                "seed": one.seed,
                "winner": one.winner,
                "winner_is_baseline": one.is_baseline,
                "holdout": estimate_document(one.score),
                "gain_over_baseline": gain_document(one.gain),
                "spend": spend_document(one.spend),
                "per_call": card_document(one.card),
                "seconds": one.seconds if one.ending else None,
                "ending": one.ending,
                "ruling": one.ruling,
            }
            for one in c.contenders
        ],
        "differences": [
            {"one": d.one, "other": d.other, "difference": gain_document(d.gain), "result": d.result, "sentence": d.sentence}
            for d in c.differences
        ],
    }


class Planned(Protocol):
    """A bench before its first call."""

    @property
    def task(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def model(self) -> str: ...
    @property
    def critic(self) -> str: ...
    @property
    def runs(self) -> Sequence[tuple[str, int]]: ...
    @property
    def done(self) -> int: ...
    @property
    def calls(self) -> Mapping[str, int]: ...
    @property
    def all_calls(self) -> int: ...
    @property
    def max_cost(self) -> float | None: ...
    @property
    def cost_usd(self) -> tuple[float, float] | None: ...


def bench_plan_document(plan: Planned) -> dict[str, Json]:
    """`topout bench --dry-run`."""
    return {
        "schema": SCHEMA,
        "task": plan.task,
        "folder": str(plan.folder),
        "model": plan.model,
        "critic": plan.critic,
        "runs": [{"recipe": recipe, "seed": seed, "calls": plan.calls[recipe]} for recipe, seed in plan.runs],
        "runs_done": plan.done,
        "calls": plan.all_calls,
        "max_cost_usd": plan.max_cost,
        "task_model_cost_usd": list(plan.cost_usd) if plan.cost_usd else None,
    }


def bench_document(b: Benched, folder: Path, done: int, runs: int, ending: Ending | None) -> dict[str, Json]:
    """`topout bench`. Differences are `other` minus `one`; their level is corrected for their number."""
    return {
        "schema": SCHEMA,
        "task": b.task,
        "folder": str(folder),
        "holdout_fingerprint": b.holdout_fingerprint,
        "model": b.model,
        "embedded": b.embedded,
        "critic": b.critic,
        "seeds": list(b.seeds),
        "runs_done": done,
        "runs": runs,
        "ending": ending,
        "level": b.level,
        "optimizers": [
            {
                "recipe": one.recipe,
                "runs": list(one.runs),
                "holdout": estimate_document(one.score),
                "gain_over_baseline": gain_document(one.gain),
                "dev": one.dev,
                "calls": one.calls,
                "seconds": one.seconds,
                "prompt_tokens": one.prompt_tokens,
                "runs_without_better_prompt": one.unmoved,
                "spend": spend_document(one.spend),
            }
            for one in b.entries
        ],
        "differences": [
            {"one": d.one, "other": d.other, "difference": gain_document(d.gain), "result": d.result, "sentence": d.sentence}
            for d in b.differences
        ],
        "sentence": b.sentence,
    }


def diff_document(f: Findings, found: Changed) -> dict[str, Json]:
    """`topout diff`. Joining the same and removed pieces gives the text before, same and added the one after."""
    held = split_estimates(f, "holdout")
    sides: dict[str, Json] = {
        name: {
            "candidate": c.id,
            "role": role_of(f, c),
            "operator": c.operator,
            "rationale": c.rationale,
            "holdout": estimate_document(held[c.id]) if c.id in held else None,
        }
        for name, c in (("before", found.before), ("after", found.after))
    }
    return {
        "schema": SCHEMA,
        "run": f.started.run,
        **sides,
        "same": found.diff.same,
        "components": [
            {
                "name": c.name,
                "role": c.role,
                "frozen": c.frozen,
                "change": c.change,
                "pieces": [{"kind": p.kind, "text": p.text} for p in c.pieces],
            }
            for c in found.diff.components
        ],
        "demos": [
            {"kind": d.kind, "inputs": dict(d.demo.inputs), "output": d.demo.output, "example": d.demo.example_id or None}
            for d in found.diff.demos
        ],
        "genes": [{"kind": gene.kind, "text": gene.text} for gene in found.diff.genes],
    }


def export_document(done: Delivered) -> dict[str, Json]:
    """`topout export`."""
    return {
        "schema": SCHEMA,
        "target": done.target,
        "name": done.offer.name,
        "version": done.version,
        "alias": done.offer.alias or None,
        "where": done.where,
        "changes": list(done.changes),
        "files": [str(path) for path in done.files],
        "written": done.written,
        "note": done.note,
        "warnings": list(done.warnings),
        "provenance": dict(done.provenance),
    }
