"""Tables over seeds: means with 95 % t intervals, differences paired by seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from benchmarks.search.measuring import Measured
from topout.plateau.student import t_quantile

__all__ = ["mean_and_half", "print_ablation", "print_tables"]


def mean_and_half(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the half-width of its 95 % interval; nan without two finite values."""
    known = [v for v in values if math.isfinite(v)]
    if len(known) < 2:
        return (known[0] if known else math.nan, math.nan)
    return statistics.fmean(known), t_quantile(0.975, len(known) - 1) * statistics.stdev(known) / math.sqrt(len(known))


def cell(values: Sequence[float], scale: float = 100.0, digits: int = 1, sign: bool = False) -> str:
    mean, half = mean_and_half(values)
    return "-" if mean != mean else f"{scale * mean:{'+' if sign else ''}.{digits}f} ±{scale * half:.{digits}f}"


def print_tables(found: Sequence[Measured], share: float = 0.9) -> None:
    """One table a ground, and the sums over all."""
    grounds = list(dict.fromkeys(m.job.ground for m in found))
    names = list(dict.fromkeys(m.job.optimizer for m in found))
    budgets = found[0].job.budgets
    for ground in grounds:
        here = [m for m in found if m.job.ground == ground]
        seeds = {m.job.seed for m in here}
        base, best = cell([m.base for m in here]), cell([m.best for m in here])
        print(f"\n{ground}: {len(seeds)} seeds, baseline {base} %, attainable {best} %")
        print(table(here, names, budgets, share))
    if len(grounds) > 1:
        print(f"\nall {len(grounds)} grounds together")
        print(table(found, names, budgets, share))


def table(found: Sequence[Measured], names: Sequence[str], budgets: Sequence[int], share: float) -> str:
    """A row for each optimizer: true quality at the budgets. Below it how far the first optimizer is ahead of it, paired by ground and seed: with the same
    calls, and with those of the budget before (half of them, when budgets double)."""
    head = ["optimizer", *(f"{b:,}" for b in budgets), f"calls to {share:.0%}", "tokens", "dev - true", "reported - true", "calls"]
    lines = [head]
    first = {(m.job.ground, m.job.seed): m for m in found if m.job.optimizer == names[0]}
    for name in names:
        own = [m for m in found if m.job.optimizer == name]
        if not own:
            continue
        reach = [m.calls_to(m.base + share * (m.best - m.base)) for m in own]
        there = [r for r in reach if math.isfinite(r)]
        lines.append(
            [
                name,
                *(cell([m.quality[i] for m in own]) for i in range(len(budgets))),
                f"{statistics.median(there):,.0f} in {len(there)}/{len(own)}" if there else f"0/{len(own)}",
                cell([m.tokens for m in own], 1, 0),
                cell([m.dev - m.quality[-1] for m in own], sign=True),
                cell([m.holdout - m.quality[-1] for m in own], sign=True),
                f"{statistics.fmean(m.spent for m in own):,.0f}",
            ]
        )
        pairs = [(m, first[m.job.ground, m.job.seed]) for m in own if (m.job.ground, m.job.seed) in first]
        if name != names[0] and pairs:
            ahead = [cell([b.quality[i] - a.quality[i] for a, b in pairs], sign=True) for i in range(len(budgets))]
            lines.append(
                ["  the first is ahead by", *ahead, "", cell([b.tokens - a.tokens for a, b in pairs], 1, 0, True), "", "", ""]
            )
            fewer = [cell([b.quality[i - 1] - a.quality[i] for a, b in pairs], sign=True) for i in range(1, len(budgets))]
            if fewer:
                lines.append(["  with the budget before", "", *fewer, "", "", "", "", ""])
    return aligned(lines)


def print_ablation(found: Sequence[Measured], share: float, labels: Mapping[str, str]) -> None:
    """What each change of settings does to the first optimizer: calls until `share` of the attainable gain, and true quality at the largest budget. A run
    that does not get there counts with its whole budget, so a difference in calls is rather too small."""
    names = list(dict.fromkeys(m.job.optimizer for m in found))
    budget = found[0].job.budgets[-1]

    def calls(m: Measured) -> float:
        return min(float(budget), m.calls_to(m.base + share * (m.best - m.base)))

    first = {(m.job.ground, m.job.seed): m for m in found if m.job.optimizer == names[0]}
    lines = [
        ["", f"calls to {share:.0%}", "there", "difference in calls", f"quality at {budget:,}", "difference in points", "tokens"]
    ]
    for name in names:
        own = [m for m in found if m.job.optimizer == name]
        pairs = [(m, first[m.job.ground, m.job.seed]) for m in own]
        there = sum(calls(m) < budget for m in own)
        same = name == names[0]
        lines.append(
            [
                labels.get(name, name),
                cell([calls(m) for m in own], 1, 0),
                f"{there}/{len(own)}",
                "" if same else cell([calls(a) - calls(b) for a, b in pairs], 1, 0, True),
                cell([m.quality[-1] for m in own]),
                "" if same else cell([a.quality[-1] - b.quality[-1] for a, b in pairs], sign=True),
                cell([m.tokens for m in own], 1, 0),
            ]
        )
    print(aligned(lines))


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """The lines as a table, the first column to the left."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(text.ljust(w) if i == 0 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    )
