"""A verdict on another tool's run, for a terminal and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.console import Group, RenderableType

from topout.domain import CurvePoint, Estimate, Gain, Json, Verdict
from topout.plateau.foreign import ForeignRun
from topout.plateau.wording import gain, points
from topout.report.layout import block, bullets, grid, table, text
from topout.report.terminal import ruled
from topout.report.verdict_json import estimate_document, finite, gain_document, point, ruling
from topout.report.words import paired, quality

__all__ = ["OPTIMISM", "TOOLS", "Foreign", "foreign", "foreign_document", "more"]

TOOLS = {"gepa": "GEPA", "dspy": "DSPy", "csv": "a CSV"}
OPTIMISM = "the winner was selected on these rows: in simulated runs such a score is 9 / 5 / 4 / 2.5 points too high at 20-50 / 50-100 / 100-200 / 200-400 rows"


class Foreign(Protocol):
    """What a log tells, as the app hands it back."""

    @property
    def run(self) -> ForeignRun: ...
    @property
    def curve(self) -> tuple[CurvePoint, ...]: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def ceiling(self) -> Estimate | None: ...
    @property
    def dev_baseline(self) -> Estimate: ...
    @property
    def dev_winner(self) -> Estimate: ...
    @property
    def dev_gain(self) -> float: ...
    @property
    def holdout_gain(self) -> Gain | None: ...


def foreign(found: Foreign) -> RenderableType:
    """The run, its curve, the verdict, and what the log does not tell."""
    run = found.run
    facts: list[Sequence[RenderableType]] = [
        (text("log of", "dim"), text(TOOLS[run.tool], "bold")),
        (text("from", "dim"), text(run.source)),
        (text("calls", "dim"), text(f"{run.trials[-1].calls:,} evaluations in {len(run.trials):,} steps")),
    ]
    score: list[Sequence[RenderableType]] = [
        (text("baseline"), text(quality(found.dev_baseline))),
        (text("best"), text(quality(found.dev_winner))),
    ]
    change = found.holdout_gain
    held: list[RenderableType] = [text(paired(change) if run.by_row else gain(change.estimate), "bold")] if change else []
    if held and not run.by_row:
        held.append(text("from means only, so the interval is as wide as for different rows", "dim"))
    parts: list[RenderableType] = [
        grid(facts),
        block("Validation score (95 % intervals)", grid(score), text(f"{OPTIMISM}.", "yellow")),
    ]
    if held:
        parts.append(block("Held-out gain of the best over the baseline", *held))
    parts += [curve(found.curve), ruled(found.verdict)]
    if run.missing:
        parts.append(block("What the log does not tell", bullets(run.missing)))
    return Group(*parts, block("To know more", bullets(more(found))))


def curve(found: Sequence[CurvePoint]) -> RenderableType:
    """The champions, a line each."""
    rows = [
        (
            text(f"{p.calls:,}"),
            text(p.candidate, limit=16),
            text(quality(p.dev)),
            text(quality(p.holdout) if p.holdout else "not measured"),
        )
        for p in found
    ]
    return block("Champions", table(("calls", "candidate", "validation (selected on)", "held out"), rows, right=(0,)))


def more(found: Foreign) -> list[str]:
    """How to get from a log to an answer."""
    lines = []
    if not found.holdout_gain:
        lines.append(
            "Measure baseline, best and the champion at half of the calls on rows that were never selected on (topout evaluate TASK --prompt FILE), "
            "and give all as --from csv:FILE."
        )
    lines.append(
        "Or run the task here: topout optimize TASK ends with held-out figures, and topout probe RUN asks the critic for fresh proposals and races them on "
        f"unseen rows, which decides where a log cannot: whether {points(found.verdict.delta)} points more are to be had."
    )
    return lines


def foreign_document(found: Foreign) -> dict[str, Json]:
    """The same for machines: scores are fractions, unknown is null."""
    return {
        "schema": 1,
        "tool": found.run.tool,
        "source": found.run.source,
        "calls": found.run.trials[-1].calls,
        "validation": {
            "selected": True,
            "baseline": estimate_document(found.dev_baseline),
            "winner": estimate_document(found.dev_winner),
            "gain": finite(found.dev_gain),
        },
        "holdout_gain": gain_document(found.holdout_gain),
        "curve": [point(p) for p in found.curve],
        "verdict": ruling(found.verdict),
        "missing": list(found.run.missing),
    }
