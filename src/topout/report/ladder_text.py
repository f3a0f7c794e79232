"""`topout ladder` for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from topout.plateau.wording import dollars, points
from topout.report.ladder import Cell, Ladder
from topout.report.ladder_json import LadderPlanned
from topout.report.layout import block, bullets, grid, text
from topout.report.terminal import spend_table
from topout.report.words import EMBEDDED_NOTE, amount, count, difference, is_embedded, seconds

__all__ = ["ladder_result", "ladder_told"]

OPTIONS = "--tuned-price, --training-cost, --maintenance, --calls-per-day"
SIDES = {
    "best": ("best", "bold green"),
    "no worse": ("no worse", "green"),
    "worse": ("worse", "red"),
    "undecided": ("undecided", ""),
    "not measured": ("too few rows", "yellow"),
}


def ladder_told(plan: LadderPlanned) -> RenderableType:
    """What a ladder is about to do, and the most that it takes."""
    lines = [
        ("task", plan.task),
        *(
            ("models" if i == 0 else "", f"{model}, critic {critic}")
            for i, (model, critic) in enumerate(zip(plan.models, plan.critics, strict=True))
        ),
        (
            "each",
            f"a run of {plan.recipe}, {plan.run_calls:,} calls, and {plan.extra_calls:,} for other prompts on {plan.rows:,} held-out rows",
        ),
        ("at most", f"{plan.all_calls:,} calls{priced(plan)}"),
        ("folder", str(plan.folder)),
    ]
    if plan.done:
        lines.insert(-2, ("done", f"{plan.done} of {len(plan.models)} runs already"))
    return grid([(text(name, "dim"), text(said)) for name, said in lines])


def priced(plan: LadderPlanned) -> str:
    """The price, as far as it can be told beforehand."""
    limit = "" if plan.max_cost is None else f"; never above {dollars(plan.max_cost)} in all, in equal shares"
    if plan.cost_usd is None:
        return f"; what they cost is not known for all models (give --price){limit}"
    if plan.cost_usd[1] == 0 and all(is_embedded(model) for model in plan.models):
        return f", free{limit}"
    low, high = plan.cost_usd
    return f"; {dollars(low)} to {dollars(high)} at list price{limit}"


def ladder_result(found: Ladder, folder: Path) -> RenderableType:
    """The one to take, all cells, what an answer takes, and when a fine-tuned model would repay."""
    k = len(found.cells)
    embedded = [text(EMBEDDED_NOTE, "yellow")] if found.embedded else []
    low = f"each end one-sided at 1 - 5 % / {k}"
    parts: list[RenderableType] = [
        text(found.sentence, "bold"),
        *cut(found),
        *embedded,
        block(
            f"Held out, n = {found.rows:,} rows ({100 * found.level:.0f} % intervals, simultaneous over {k} cells; minus the best: paired, {low}; no worse: shown to be "
            f"within {points(found.delta)} points of every other)",
            scores(found),
            *without(found),
        ),
        block("One answer", answers(found.cells)),
    ]
    if found.repays is not None:
        lines = [f"{name(found, found.named if found.named is not None else found.best)}: {found.repays.sentence}"]
        if found.repays_best is not None:
            lines.append(f"{name(found, found.best)}: {found.repays_best.sentence}")
        asks = found.repays.asks
        told = [text(f"Not told: {', '.join(asks)}. Or by {OPTIONS}.", "dim")] if asks else []
        parts.append(block("A fine-tuned model in its place", bullets(lines), *told))
    parts += [
        block("Spend", *spend_table([("all models", found.spend)])),
        block("Written", text(f"{folder}/ladder.json; each model's run in a folder beside it, to show, compare and export")),
    ]
    return Group(*parts)


def name(found: Ladder, index: int | None) -> str:
    """A cell by name."""
    return found.cells[index].name if index is not None else ""


def scores(found: Ladder) -> RenderableType:
    """Scores, and how each stands to the best."""
    rows = []
    for i, cell in enumerate(found.cells):
        side, style = SIDES[cell.rung.side]
        more = f", {cell.rung.rows:,} rows would tell" if cell.rung.rows else ""
        gain = difference(cell.rung.gain.estimate).replace(" points", "") if cell.rung.gain is not None else ""
        rows.append(([prompt(cell), scored(cell), gain, side + more], "bold" if i == found.named else "", style))
    return by_model(found.cells, ("prompt", "score, %", "minus best, points", "which is"), rows, right=())


def by_model(
    cells: Sequence[Cell], heads: Sequence[str], rows: Sequence[tuple[list[str], str, str]], right: Sequence[int]
) -> RenderableType:
    """Rows (texts, style of the first, style of the last) below the names of their models, which may be longer than any column; columns in line over all of them."""
    widths = [max(len(texts[i]) for texts in (heads, *(row[0] for row in rows))) for i in range(len(heads))]
    last = len(heads) - 1

    def line(texts: Sequence[str], first: str, end: str, other: str = "") -> list[RenderableType]:
        padded = [one.rjust(widths[i]) if i in right else one.ljust(widths[i]) if i < last else one for i, one in enumerate(texts)]
        return [text(one, first if i == 0 else end if i == last else other) for i, one in enumerate(padded)]

    parts: list[RenderableType] = [grid([line(heads, "dim", "dim", "dim")])]
    for model in dict.fromkeys(cell.model for cell in cells):
        mine = [row for cell, row in zip(cells, rows, strict=True) if cell.model == model]
        parts += [text(model, "", 76), grid([line(*row) for row in mine])]
    return Group(*parts)


def prompt(cell: Cell) -> str:
    """What the prompt is, indented below its model."""
    return f"  {' = '.join(cell.kinds)}"


def scored(cell: Cell) -> str:
    """`71.3 [66.2, 75.9]`."""
    e = cell.score
    return f"{100 * e.mean:.1f} [{100 * e.low:.1f}, {100 * e.high:.1f}]" if e.n else "not measured"


def cut(found: Ladder) -> list[RenderableType]:
    """The models that a limit kept from their end."""
    short = [f"{model} ({ending})" for model, ending in found.cut_short]
    return (
        [text(f"Cut short by a limit: {', '.join(short)}. The same command with a higher one goes on.", "yellow")] if short else []
    )


def without(found: Ladder) -> list[RenderableType]:
    """The cells that have rows without a score."""
    short = [f"{cell.name} {cell.score.unscored:,}" for cell in found.cells if cell.score.unscored]
    return [text(f"Rows without a score: {'; '.join(short)}. They count against being no worse.", "yellow")] if short else []


def answers(cells: Sequence[Cell]) -> RenderableType:
    """Price, seconds and tokens of an answer."""
    rows = [
        (
            [
                prompt(cell),
                amount(cell.usd_per_1000),
                seconds(cell.card.latency_s),
                seconds(cell.card.latency_p95_s),
                count(cell.card.prompt_tokens),
                count(cell.card.output_tokens),
            ],
            "",
            "",
        )
        for cell in cells
    ]
    return by_model(cells, ("prompt", "per 1,000", "p50", "p95", "tokens in", "out"), rows, right=(1, 2, 3, 4, 5))
