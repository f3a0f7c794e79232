"""`topout check` for a terminal and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from topout.domain import Json, Split
from topout.plateau.wording import points
from topout.report.layout import block, grid, text
from topout.report.words import amount, duration, seconds

__all__ = ["Checked", "checked", "checked_document"]

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "dim"}


class Finding(Protocol):
    """One finding."""

    @property
    def severity(self) -> str: ...
    @property
    def check(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def remedy(self) -> str: ...


class Power(Protocol):
    """What the holdout can show."""

    @property
    def smallest(self) -> float: ...
    @property
    def needed(self) -> int: ...
    @property
    def grouped(self) -> str: ...
    @property
    def graded(self) -> bool: ...


class Cost(Protocol):
    """What a run would take at most."""

    @property
    def recipe(self) -> str: ...
    @property
    def calls(self) -> int: ...
    @property
    def search_calls(self) -> int: ...
    @property
    def exam_calls(self) -> int: ...
    @property
    def prompt_tokens(self) -> tuple[float, float]: ...
    @property
    def output_tokens(self) -> float: ...
    @property
    def cost_usd(self) -> tuple[float, float] | None: ...
    @property
    def model(self) -> str: ...


class Answers(Protocol):
    """A few rows that a model answered with the first prompt."""

    @property
    def model(self) -> str: ...
    @property
    def rows(self) -> Sequence[tuple[object, str, float]]: ...
    @property
    def latency_s(self) -> float | None: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def unscored(self) -> int: ...


class Checked(Protocol):
    """A task looked over, as the app hands it back."""

    @property
    def task(self) -> str: ...
    @property
    def rows(self) -> Mapping[Split, int]: ...
    @property
    def visible(self) -> Power: ...
    @property
    def delta(self) -> float: ...
    @property
    def found(self) -> Sequence[Finding]: ...
    @property
    def expense(self) -> Cost | None: ...
    @property
    def answers(self) -> Answers | None: ...


AT_ONCE = 32
"""Calls in flight that a run's time is told for: the default of --concurrency."""


def checked(c: Checked) -> RenderableType:
    """The task's facts, what a run takes, then the findings, worst first."""
    seen = f"gains of {points(c.visible.smallest)} points or more" if c.visible.smallest < 1 else "no gain, however large,"
    facts: list[Sequence[RenderableType]] = [
        (text("task", "dim"), text(c.task, "bold", 60)),
        (text("rows", "dim"), text(", ".join(f"{split} {n:,}" for split, n in c.rows.items()))),
        (
            text("shows", "dim"),
            text(
                f"{seen} on the holdout{c.visible.grouped} (found in 80 % of cases at one-sided 5 %, "
                f"{'scores that grant parts' if c.visible.graded else 'when one right/wrong score in five changes'}); {points(c.delta)} points take about {c.visible.needed:,} rows"
            ),
        ),
    ]
    parts: list[RenderableType] = [grid(facts)]
    if c.expense is not None:
        parts.append(block("A run takes at most", grid([*expense(c.expense), *taking(c)])))
    if c.answers is not None:
        parts.append(block("Asked", text(asked_line(c.answers))))
    if not c.found:
        return Group(*parts, block("Findings", text("none", "bold green")))
    counts = Counter(one.severity for one in c.found)
    title = ", ".join(f"{n} {severity}{'s' if n > 1 else ''}" for severity, n in counts.items())
    lines: list[RenderableType] = []
    for one in c.found:
        lines += [
            Text.assemble((f"{one.severity} ", STYLES[one.severity]), (f"{one.check} ", "bold"), text(one.where, "cyan")),
            grid([(text(" "), text(f"{one.text}."))]),
            grid([(text(" "), text(one.remedy, "dim"))]),
        ]
    return Group(*parts, block(f"Findings: {title}", *lines))


def taking(c: Checked) -> list[Sequence[RenderableType]]:
    """The time of a run, where it was seen how long a call takes."""
    if c.expense is None or c.answers is None or c.answers.latency_s is None:
        return []
    at_once = duration(c.expense.calls * c.answers.latency_s / AT_ONCE)
    return [
        (
            text("time", "dim"),
            text(
                f"about {at_once} with {AT_ONCE} calls at once ({seconds(c.answers.latency_s)} a call, n = {len(c.answers.rows)}); the critic's comes on top"
            ),
        )
    ]


def asked_line(a: Answers) -> str:
    """`openai/x answered 5 dev rows with the first prompt: mean score 0.60, $0.0002`."""
    n = len(a.rows)
    mean = (
        f"mean score {sum(value for _, _, value in a.rows) / n:.2f}, n = {n}: too few to tell more than the form"
        if n
        else "no row was scored"
    )
    lost = f", {a.unscored} without an answer" if a.unscored else ""
    return f"{a.model} answered {n} dev rows with the first prompt{lost}: {mean}; paid {amount(a.cost_usd)}"


def expense(e: Cost) -> list[Sequence[RenderableType]]:
    """Calls, tokens and dollars."""
    low, high = e.prompt_tokens
    if e.cost_usd is not None:
        dollars = (
            f"{amount(e.cost_usd[0])} to {amount(e.cost_usd[1])} with {e.model} as task model and critic (--max-cost bounds both)"
        )
    else:
        dollars = f"unknown: no price for {e.model} (--price)" if e.model else "name a --model to estimate them"
    return [
        (text("calls", "dim"), text(f"{e.calls:,} (recipe {e.recipe}: search {e.search_calls:,}, exam {e.exam_calls:,})")),
        (
            text("tokens", "dim"),
            text(
                f"about {low:,.0f} in with prompts like the baseline, {high:,.0f} with long few-shot sets; {e.output_tokens:,.0f} out"
            ),
        ),
        (text("dollars", "dim"), text(dollars)),
    ]


def checked_document(c: Checked) -> dict[str, Json]:
    """The same for machines; unknown dollars are null."""
    e = c.expense
    taken: dict[str, Json] | None = None
    if e is not None:
        taken = {
            "recipe": e.recipe,
            "calls": e.calls,
            "search_calls": e.search_calls,
            "exam_calls": e.exam_calls,
            "prompt_tokens": [round(one) for one in e.prompt_tokens],
            "output_tokens": round(e.output_tokens),
            "cost_usd": list(e.cost_usd) if e.cost_usd else None,
            "model": e.model or None,
        }
    return {
        "schema": 1,
        "task": c.task,
        "rows": {str(split): n for split, n in c.rows.items()},
        "smallest_gain": c.visible.smallest if c.visible.smallest < 1 else None,
        "delta": c.delta,
        "rows_for_delta": c.visible.needed,
        "run": taken,
        "asked": {
            "model": c.answers.model,
            "rows": len(c.answers.rows),
            "unscored": c.answers.unscored,
            "scores": [value for _, _, value in c.answers.rows],
            "latency_s": c.answers.latency_s,
            "cost_usd": c.answers.cost_usd,
        }
        if c.answers is not None
        else None,
        "findings": [
            {"severity": one.severity, "check": one.check, "where": one.where, "text": one.text, "remedy": one.remedy}
            for one in c.found
        ],
    }
