"""The model ladder: every model with every prompt on the same held-out rows, what an answer costs, and the cheapest that is no worse than the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from topout.domain import BreakEven, Deployment, Ending, Estimate
from topout.plateau.break_even import break_even
from topout.plateau.intervals import mean_interval
from topout.plateau.rungs import ALPHA, Rung, cheapest, rungs
from topout.plateau.wording import dollars, listed, points
from topout.report.findings import CallCard, RoleSpend
from topout.report.words import is_embedded

__all__ = ["Cell", "Kind", "Ladder", "Measurement", "laddered"]

Kind = Literal["baseline", "few-shot", "optimized", "transplanted"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One prompt with one model, as measured: scores by row (nan: none), what an answer took, its price as far as it is known. `kinds` are what the prompt is on this
    model: more than one where they are the same prompt (nothing better than the baseline was found)."""

    model: str
    kinds: tuple[Kind, ...]
    candidate: str
    scores: tuple[float, ...]
    card: CallCard
    usd_per_1000: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A measurement with its figures. `score` has an interval that is simultaneous over all cells (Bonferroni)."""

    model: str
    kinds: tuple[Kind, ...]
    candidate: str
    score: Estimate
    card: CallCard
    usd_per_1000: float | None
    rung: Rung

    @property
    def name(self) -> str:
        """`openai/gpt-4.1-mini, optimized prompt`."""
        return f"{self.model}, {' = '.join(self.kinds)} prompt"


@dataclass(frozen=True, slots=True)
class Ladder:
    """All cells in the order of the models. `best` and `named` (the cheapest that is no worse, None without known prices) index `cells`; `champion` is the model whose
    optimized prompt, the best on dev, was handed to the others. `level` is that of all score intervals together, `alpha` the chance of calling
    one no worse that is more than `delta` behind. `cut_short` are models whose run, or whose other prompts, a limit ended early. `repays` is the break-even of a fine-tuned model against the named one (against the best, when none is named)."""

    task: str
    recipe: str
    rows: int
    cells: tuple[Cell, ...]
    best: int | None
    named: int | None
    champion: str
    delta: float
    level: float
    alpha: float
    embedded: bool
    runs: tuple[tuple[str, str], ...]
    cut_short: tuple[tuple[str, Ending], ...]
    spend: RoleSpend
    repays: BreakEven | None
    repays_best: BreakEven | None
    sentence: str


def laddered(
    task: str,
    recipe: str,
    measured: Sequence[Measurement],
    *,
    champion: str,
    delta: float,
    clusters: Sequence[str] | None,
    runs: Sequence[tuple[str, str]],
    cut_short: Sequence[tuple[str, Ending]] = (),
    spend: RoleSpend,
    deployment: Deployment,
) -> Ladder:
    """Set them side by side. `runs` are models with the folders of their runs, `deployment` what a fine-tuned model would cost."""
    level = 1 - (1 - 0.95) / max(1, len(measured))
    found = rungs([one.scores for one in measured], delta, clusters)
    cells = tuple(
        Cell(
            one.model,
            one.kinds,
            one.candidate,
            mean_interval(one.scores, level, clusters),
            one.card,
            one.usd_per_1000,
            rung,
        )
        for one, rung in zip(measured, found, strict=True)
    )
    best = next((i for i, cell in enumerate(cells) if cell.rung.side == "best"), None)
    named = cheapest(found, [cell.usd_per_1000 for cell in cells])
    today = named if named is not None else best
    return Ladder(
        task,
        recipe,
        max((len(one.scores) for one in measured), default=0),
        cells,
        best,
        named,
        champion,
        delta,
        0.95,
        ALPHA,
        any(is_embedded(one.model) for one in measured),
        tuple(runs),
        tuple(cut_short),
        spend,
        None if today is None else repayment(cells[today], deployment),
        None if best is None or best == today else repayment(cells[best], deployment),
        named_sentence(cells, best, named, delta),
    )


def repayment(cell: Cell, deployment: Deployment) -> BreakEven:
    """When a fine-tuned model that takes this cell's place has repaid its training."""
    return break_even(None if cell.usd_per_1000 is None else cell.usd_per_1000 / 1000, cell.card.n, deployment)


def named_sentence(cells: Sequence[Cell], best: int | None, named: int | None, delta: float) -> str:
    """Which one to take, and what is left open."""
    if best is None:
        return "Nothing was measured on enough held-out rows to be compared."
    top = cells[best]
    unpriced = sorted({cell.model for cell in cells if cell.usd_per_1000 is None})
    missing = f" No price is known for {listed(unpriced)}: give --price MODEL=IN,OUT." if unpriced else ""
    if named is None:
        return f"Best: {top.name}.{missing}"
    one, price = cells[named], cells[named].usd_per_1000 or 0.0
    if named == best:
        said = f"Take {one.name} ({dollars(price)} per 1,000 calls): it scored best, and no cheaper one is shown to be within {points(delta)} points of it."
        if not any(c.usd_per_1000 is not None and c.usd_per_1000 < price for c in cells):
            said = f"Take {one.name} ({dollars(price)} per 1,000 calls): it scored best, and none is cheaper."
    else:
        above = "" if top.usd_per_1000 is None else f" at {dollars(top.usd_per_1000)}"
        said = (
            f"Take {one.name} ({dollars(price)} per 1,000 calls): the cheapest that is shown to be no more than {points(delta)} points worse than the best "
            f"({top.name}{above})."
        )
    return said + hopeful(cells, price) + missing


def hopeful(cells: Sequence[Cell], price: float) -> str:
    """A cheaper one that more rows might show to be good enough."""
    able = [
        (cell.usd_per_1000, cell)
        for cell in cells
        if cell.usd_per_1000 is not None and cell.usd_per_1000 < price and cell.rung.side == "undecided"
    ]
    if not able:
        return ""
    cost, cell = min(able, key=lambda pair: (pair[0], -pair[1].score.mean if math.isfinite(pair[1].score.mean) else 0.0))
    rows = f"; about {cell.rung.rows:,} held-out rows would, if the difference is as measured" if cell.rung.rows else ""
    return f" Undecided: {cell.name}, at {dollars(cost)}: these rows cannot tell{rows}."
