"""Optimizers compared on one task: each ran with several seeds, and its winners meet the others' on the holdout.

Differences are paired row by row and seed by seed. Both rows and seeds count as drawn (`plateau.crossed`): what is called real is meant to hold for another seed and
other rows of the kind. Intervals are widened for the number of pairs (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from topout.domain import Estimate, Gain
from topout.plateau.crossed import crossed_gain, crossed_mean
from topout.plateau.wording import listed, points
from topout.report.comparison import LEVEL, Difference, fingerprint, task_of
from topout.report.findings import Findings, RoleSpend, total
from topout.report.measures import setting, split_scores
from topout.report.words import is_embedded

__all__ = ["Benched", "Entry", "benched"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An optimizer. `score` is of its winners on the holdout, over seeds and rows; `gain` over the task's baseline; `dev` the mean score of its winners on the
    rows that they were selected on. `spend` sums all of its runs; `calls`, `seconds` and `prompt_tokens` (of a call of the winner) are
    means over them. `unmoved` runs found nothing better than the baseline."""

    recipe: str
    runs: tuple[str, ...]
    score: Estimate
    gain: Gain
    dev: float
    spend: RoleSpend
    calls: float
    seconds: float
    prompt_tokens: float | None
    unmoved: int


@dataclass(frozen=True, slots=True)
class Benched:
    """All of them, best first, over the `seeds` that every one has finished. `level` is that of all differences together."""

    task: str
    model: str
    critic: str
    embedded: bool
    holdout_fingerprint: str
    seeds: tuple[int, ...]
    entries: tuple[Entry, ...]
    differences: tuple[Difference, ...]
    level: float
    sentence: str


def benched(runs: Mapping[str, Mapping[int, tuple[str, Findings]]]) -> Benched:
    """Compare optimizers by their ended runs (recipe -> seed -> name and findings), which are all of one task. Seeds that one of them lacks are left
    out; raises ValueError when none is left."""
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in runs.values())))
    if not seeds:
        raise ValueError("no seed that all optimizers have finished")
    some = next(iter(runs.values()))[seeds[0]][1]
    ids = sorted({row for by_seed in runs.values() for s in seeds for row in winner_scores(by_seed[s][1])})
    named = some.started.manifest.get("groups")
    clusters = [str(named.get(row, "")) for row in ids] if isinstance(named, dict) and named else None
    tables = {recipe: [in_order(winner_scores(by_seed[s][1]), ids) for s in seeds] for recipe, by_seed in runs.items()}
    entries = [entry(recipe, [by_seed[s] for s in seeds], tables[recipe], ids, clusters) for recipe, by_seed in runs.items()]
    entries.sort(key=lambda one: (-one.score.mean if math.isfinite(one.score.mean) else 1.0, one.recipe))
    pairs = list(combinations([one.recipe for one in entries], 2))
    level = 1 - (1 - LEVEL) / max(1, len(pairs))
    differences = tuple(between(one, other, tables, level, clusters) for one, other in pairs)
    model = setting(some, "model", "unknown")
    return Benched(
        task_of(some),
        model,
        setting(some, "critic", "none"),
        is_embedded(model),
        fingerprint(some),
        tuple(seeds),
        tuple(entries),
        differences,
        LEVEL,
        who_won(entries, differences, len(seeds)),
    )


def winner_scores(f: Findings) -> Mapping[str, float]:
    return split_scores(f, "holdout").get(f.winner.id, {})


def in_order(scores: Mapping[str, float], ids: Sequence[str]) -> list[float]:
    return [scores.get(row, math.nan) for row in ids]


def entry(
    recipe: str, runs: Sequence[tuple[str, Findings]], table: list[list[float]], ids: Sequence[str], clusters: list[str] | None
) -> Entry:
    """The figures of one optimizer."""
    found = [f for _, f in runs]
    before = [in_order(split_scores(f, "holdout").get(f.baseline.id, {}), ids) for f in found]
    gains = [[a - b for a, b in zip(mine, base, strict=True)] for mine, base in zip(table, before, strict=True)]
    spends = [total(list(f.spend.values())) for f in found]
    tokens = [f.after.prompt_tokens for f in found if f.after.prompt_tokens is not None]
    return Entry(
        recipe,
        tuple(name for name, _ in runs),
        crossed_mean(table, LEVEL, clusters),
        crossed_gain(gains, LEVEL, clusters),
        math.fsum(f.dev.winner.mean for f in found) / len(found),
        total(spends),
        sum(spend.calls for spend in spends) / len(spends),
        math.fsum(f.seconds for f in found) / len(found),
        math.fsum(tokens) / len(tokens) if tokens else None,
        sum(f.winner.id == f.baseline.id for f in found),
    )


def between(one: str, other: str, tables: Mapping[str, list[list[float]]], level: float, clusters: list[str] | None) -> Difference:
    """`other` minus `one`, which scored better."""
    cells = [[b - a for a, b in zip(x, y, strict=True)] for x, y in zip(tables[one], tables[other], strict=True)]
    found = crossed_gain(cells, level, clusters)
    if not found.estimate.n:
        return Difference(one, other, found, "no rows")
    better = found.estimate.low > 0
    return Difference(one, other, found, "other" if better else "one" if found.estimate.high < 0 else "none")


def who_won(entries: Sequence[Entry], differences: Sequence[Difference], seeds: int) -> str:
    """Who won, and whether that is real."""
    best = entries[0].recipe
    mine = [d for d in differences if d.one == best]
    beaten, open_ = [d.other for d in mine if d.result == "one"], [d.other for d in mine if d.result != "one"]
    if mine and not open_:
        if seeds == 1:
            return f"{best} found a better prompt than {listed(beaten)}, and the difference is real; one seed says nothing of how they do with another."
        return f"{best} won: it is better than {listed(beaten)}, and the difference is real."
    if beaten:
        return f"{best} scored best: it is really better than {listed(beaten)}; no real difference to {listed(open_)} is shown."
    least = max((d.gain.detectable for d in mine), default=math.inf)
    shows = (
        f" {seeds} seed{'s' if seeds > 1 else ''} on these rows show differences from {points(least)} points up."
        if math.isfinite(least)
        else ""
    )
    return f"No winner: {best} scored best, but no difference to {listed(open_)} is shown to be real.{shows}"
