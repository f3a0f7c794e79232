"""What the verbs print with `--json`, beside a run's own document (verdict_json.py). Described in schemas/documents.schema.json and docs/json.md.

Scores are fractions, costs dollars, latencies seconds; what is unknown is null, never NaN or 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from topout.domain import Json, Rollout
from topout.report.findings import RoleSpend
from topout.report.gate import Gate, Measure, gate_name, gate_sentence
from topout.report.showing import Head
from topout.report.verdict_json import SCHEMA, card_document, estimate_document, spend_document
from topout.report.words import is_embedded

__all__ = ["Delivered", "Evaluated", "evaluation_document", "export_document", "gate_document", "head_document"]


class Evaluated(Measure, Protocol):
    """A measured prompt with what it used and the rows that it did not get fully right."""

    @property
    def spend(self) -> RoleSpend: ...
    @property
    def failures(self) -> Sequence[Rollout]: ...


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
        "started_at": h.started,
        "ending": h.ending,
        "ruling": h.ruling,
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
