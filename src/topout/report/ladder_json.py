"""`topout ladder --json` and ladder.json. Described in documents.schema.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from topout.domain import BreakEven, Json
from topout.report.advice_json import break_even
from topout.report.ladder import Cell, Ladder
from topout.report.verdict_json import SCHEMA, card_document, estimate_document, gain_document, spend_document

__all__ = ["LadderPlanned", "ladder_document", "ladder_plan_document"]


class LadderPlanned(Protocol):
    """A ladder before its first call."""

    @property
    def task(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def models(self) -> Sequence[str]: ...
    @property
    def critics(self) -> Sequence[str]: ...
    @property
    def recipe(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def run_calls(self) -> int: ...
    @property
    def extra_calls(self) -> int: ...
    @property
    def all_calls(self) -> int: ...
    @property
    def done(self) -> int: ...
    @property
    def max_cost(self) -> float | None: ...
    @property
    def cost_usd(self) -> tuple[float, float] | None: ...


def ladder_plan_document(plan: LadderPlanned) -> dict[str, Json]:
    """`topout ladder --dry-run`."""
    return {
        "schema": SCHEMA,
        "task": plan.task,
        "folder": str(plan.folder),
        "models": [{"model": model, "critic": critic} for model, critic in zip(plan.models, plan.critics, strict=True)],
        "recipe": plan.recipe,
        "holdout_rows": plan.rows,
        "calls_per_run": plan.run_calls,
        "calls_per_model_besides": plan.extra_calls,
        "calls": plan.all_calls,
        "runs_done": plan.done,
        "max_cost_usd": plan.max_cost,
        "cost_usd": list(plan.cost_usd) if plan.cost_usd else None,
    }


def ladder_document(found: Ladder, folder: Path) -> dict[str, Json]:
    """All cells, and the one to take."""
    return {
        "schema": SCHEMA,
        "task": found.task,
        "folder": str(folder),
        "recipe": found.recipe,
        "embedded": found.embedded,
        "holdout_rows": found.rows,
        "level": found.level,
        "delta": found.delta,
        "alpha": found.alpha,
        "transplanted_from": found.champion,
        "runs": [{"model": model, "run": run} for model, run in found.runs],
        "cut_short": [{"model": model, "ending": ending} for model, ending in found.cut_short],
        "cells": [cell_document(cell) for cell in found.cells],
        "best": found.best,
        "named": found.named,
        "sentence": found.sentence,
        "fine_tuned": repaid(found.repays),
        "fine_tuned_against_best": repaid(found.repays_best),
        "spend": spend_document(found.spend),
    }


def cell_document(cell: Cell) -> dict[str, Json]:
    """One prompt with one model."""
    return {
        "model": cell.model,
        "prompts": list(cell.kinds),
        "candidate": cell.candidate,
        "holdout": estimate_document(cell.score),
        "usd_per_1000": cell.usd_per_1000,
        "call": card_document(cell.card),
        "side": cell.rung.side,
        "minus_best": gain_document(cell.rung.gain),
        "rows_to_decide": cell.rung.rows,
    }


def repaid(found: BreakEven | None) -> dict[str, Json] | None:
    """A break-even, None where there is nothing to set it against."""
    return None if found is None else break_even(found)
