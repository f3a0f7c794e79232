"""`topout bench` for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Group, RenderableType

from topout.plateau.wording import dollars, points
from topout.report.benched import Benched, Entry
from topout.report.documents import Planned
from topout.report.layout import block, bullets, commands, grid, table, text
from topout.report.terminal import money
from topout.report.words import EMBEDDED_NOTE, count, duration, is_embedded, paired, quality

__all__ = ["bench_result", "bench_told"]


def bench_told(plan: Planned) -> RenderableType:
    """What a bench is about to do, and the most that it takes."""
    names = list(dict.fromkeys(recipe for recipe, _ in plan.runs))
    seeds = len(plan.runs) // len(names)
    each = {plan.calls[name] for name in names}
    calls = f"{each.pop():,} calls each" if len(each) == 1 else ", ".join(f"{name} {plan.calls[name]:,} calls" for name in names)
    lines = [
        ("task", plan.task),
        ("models", f"{plan.model}, critic {plan.critic}"),
        ("runs", f"{len(plan.runs)}: {', '.join(names)}, {seeds} seed{'s' if seeds > 1 else ''}; {calls}, exam included"),
        ("at most", f"{plan.all_calls:,} calls{priced(plan)}"),
        ("folder", str(plan.folder)),
    ]
    if plan.done:
        lines.insert(3, ("done", f"{plan.done} of {len(plan.runs)} already"))
    return grid([(text(name, "dim"), text(said)) for name, said in lines])


def priced(plan: Planned) -> str:
    """The price, as far as it can be told beforehand."""
    limit = (
        ""
        if plan.max_cost is None
        else f"; never above {dollars(plan.max_cost)} in all ({dollars(plan.max_cost / len(plan.runs))} a run)"
    )
    if is_embedded(plan.model):
        return f", free{limit}"
    if plan.cost_usd is None:
        return f"; what they cost is not known (give --price){limit}"
    low, high = plan.cost_usd
    return f"; of the task model's {dollars(low)} to {dollars(high)} at list price, the critic's come to it{limit}"


def bench_result(b: Benched, folder: Path, done: int, runs: int, again: Sequence[str]) -> RenderableType:
    """Who won, by how much, at what price. `again` is the command that goes on, when the bench stopped short."""
    seeds = f"{len(b.seeds)} seed{'s' if len(b.seeds) > 1 else ''}"
    short = (
        [text(f"Stopped after {done} of {runs} runs: compared are the seeds that all have finished.", "yellow")]
        if done < runs
        else []
    )
    embedded = [text(EMBEDDED_NOTE, "yellow")] if b.embedded else []
    pairs = "" if len(b.differences) < 2 else f", corrected for {len(b.differences)} comparisons"
    styles = {"one": "bold green", "other": "bold green", "none": "", "same prompt": "", "no rows": "yellow"}
    parts: list[RenderableType] = [
        text(b.sentence, "bold"),
        *short,
        *embedded,
        block(f"Held out ({seeds}; 95 % intervals over rows and seeds)", *scored(b.entries)),
        block(
            f"Differences, paired by row and seed ({100 * b.level:.0f} % intervals{pairs})",
            bullets([d.sentence for d in b.differences])
            if len({d.result for d in b.differences}) == 1
            else grid([(text("-", "dim"), text(d.sentence, styles[d.result])) for d in b.differences]),
        ),
        block("What they took (means of a run; dollars of all runs)", taken(b.entries)),
        block("Written", text(f"{folder}/bench.json; each run in a folder of its own beside it, to show, compare and export")),
    ]
    if again:
        parts.append(commands("Next", [(again, "goes on where it stopped; nothing is bought twice")]))
    return Group(*parts)


def scored(entries: Sequence[Entry]) -> list[RenderableType]:
    """Scores, gains, and what dev had promised."""
    rows: list[tuple[RenderableType, RenderableType]] = []
    for one in entries:
        rows.append((text(one.recipe, "bold"), text(quality(one.score), "bold")))
        unmoved = f"; {one.unmoved} of {len(one.runs)} runs found nothing better than the baseline" if one.unmoved else ""
        rows.append((text(""), text(f"over the baseline {paired(one.gain)}{unmoved}", "dim")))
        above = points(one.dev - one.score.mean, signed=True)
        rows.append(
            (text(""), text(f"dev said {100 * one.dev:.1f} % ({above} points: its winners were selected on these rows)", "dim"))
        )
    return [grid(rows)]


def taken(entries: Sequence[Entry]) -> RenderableType:
    """Calls, dollars, tokens and time."""
    rows = [
        [
            text(one.recipe, "bold"),
            text(f"{one.calls:,.0f}"),
            text(money(one.spend.paid_usd, one.spend)),
            text(money(one.spend.cost_usd, one.spend)),
            text(count(one.prompt_tokens)),
            text(duration(one.seconds)),
        ]
        for one in entries
    ]
    return table(("", "calls", "paid", "list price", "tokens in", "took"), rows, right=(1, 2, 3, 4, 5))
