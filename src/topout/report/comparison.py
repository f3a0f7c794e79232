"""Several runs of one task beside each other: the figures and nothing of how they are shown.

Every run's winner was chosen on dev; here they meet on the holdout. Two of them are compared on the rows that both answered, pair by pair, and the
intervals are widened for the number of pairs (Bonferroni: k pairs, each at level 1 - 0.05 / k), so that with all of them together the chance of
calling any difference real that is none stays at 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import Literal

from topout.domain import CurvePoint, Estimate, Gain, Ruling
from topout.errors import UserError
from topout.plateau.intervals import paired_gain
from topout.plateau.wording import points
from topout.report.findings import CallCard, Findings, RoleSpend, total
from topout.report.measures import setting, split_scores
from topout.report.words import difference, is_embedded

__all__ = ["LEVEL", "Comparison", "Contender", "Difference", "compare_runs"]

LEVEL = 0.95
"""Of all differences together."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A run in a comparison. `label` is a letter, `score` the winner's on the holdout (its interval is for it alone), `gain` over the run's own baseline
    (None when the winner is the baseline, or one of them was not measured), `spend` of all roles together, `card` one call of the winner, `curve` its
    plateau curve."""

    label: str
    run: str
    model: str
    critic: str
    recipe: str
    seed: str
    winner: str
    is_baseline: bool
    embedded: bool
    score: Estimate
    gain: Gain | None
    spend: RoleSpend
    card: CallCard
    seconds: float
    ending: str | None
    ruling: Ruling
    curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """`other` minus `one`, two contenders by label, on the holdout rows that both have a score for; the interval is corrected for all pairs.

    `result` says which one is shown to be better: `one`, `other`, or `none` (no real difference: these rows cannot tell them apart), or `same prompt`
    (the winners are one prompt with one model), or `no rows` (none that both answered).
    """

    one: str
    other: str
    gain: Gain
    result: Literal["one", "other", "none", "same prompt", "no rows"]

    @property
    def sentence(self) -> str:
        """The result in words, with the figure."""
        rows = f"{difference(self.gain.estimate)}, n = {self.gain.estimate.n}"
        match self.result:
            case "one":
                return f"{self.one} is better than {self.other}: {self.other} - {self.one} is {rows}."
            case "other":
                return f"{self.other} is better than {self.one}: {self.other} - {self.one} is {rows}."
            case "none":
                least = f"these rows show differences from {points(self.gain.detectable)} points up"
                return f"No real difference between {self.one} and {self.other}: {self.other} - {self.one} is {rows} ({least})."
            case "same prompt":
                return f"{self.one} and {self.other} found the same prompt."
            case "no rows":
                return f"{self.one} and {self.other} have no held-out row in common that both have a score for."


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs of one task. `pair_level` is that of each difference's interval, `level` of all together."""

    task: str
    holdout_fingerprint: str
    contenders: tuple[Contender, ...]
    differences: tuple[Difference, ...]
    level: float
    pair_level: float


def compare_runs(runs: Sequence[tuple[str, Findings]]) -> Comparison:
    """Compare runs, each with its name. Raises UserError for fewer than two, one that is named twice, or runs that were not measured alike."""
    if len(runs) < 2:
        raise UserError("compare: expected two runs or more. `topout runs` lists what there is.")
    names = [name for name, _ in runs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"compare: {name} is named twice. A run is not compared with itself.")
    first_name, first = runs[0]
    for name, f in runs[1:]:
        if (found := differing(first, f)) is not None:
            raise UserError(
                f"compare: {first_name} and {name} were not measured alike: {found}. Only runs with the same held-out rows, scorer and way of "
                "asking can be compared."
            )
    contenders = tuple(contender(label(i), name, f) for i, (name, f) in enumerate(runs))
    pairs = list(combinations(range(len(runs)), 2))
    pair_level = 1 - (1 - LEVEL) / len(pairs)
    scores = [split_scores(f, "holdout").get(f.winner.id, {}) for _, f in runs]
    groups = first.started.manifest.get("groups")
    known = {str(k): str(v) for k, v in groups.items()} if isinstance(groups, dict) else {}
    differences = tuple(between(contenders[i], contenders[j], scores[i], scores[j], known, pair_level) for i, j in pairs)
    return Comparison(task_of(first), fingerprint(first), contenders, differences, LEVEL, pair_level)


def label(i: int) -> str:
    """A, B, ... Z, A2, B2, ..."""
    return chr(ord("A") + i % 26) + (str(i // 26 + 1) if i >= 26 else "")


def task_of(f: Findings) -> str:
    """The task's name."""
    return str(f.started.manifest.get("task") or setting(f, "task"))


def fingerprint(f: Findings) -> str:
    """What two runs must have in common: the same rows, scorer and way of asking."""
    manifest = f.started.manifest
    return str(manifest.get("holdout_fingerprint") or manifest.get("task_fingerprint") or "")


def differing(a: Findings, b: Findings) -> str | None:
    """What keeps two runs from being compared, in words; None when nothing does."""
    if task_of(a) != task_of(b):
        return f"the task is '{task_of(a)}' there and '{task_of(b)}' here"
    one, other = fingerprint(a), fingerprint(b)
    if one == other:
        return None
    found = []
    for what in ("scorer", "labels"):
        if a.started.manifest.get(what) != b.started.manifest.get(what):
            found.append(f"the {what}")
    counts = [f.started.manifest.get("splits") for f in (a, b)]
    sizes = [rows.get("holdout") if isinstance(rows, dict) else None for rows in counts]
    if sizes[0] != sizes[1]:
        found.append(f"the number of held-out rows ({sizes[0]} and {sizes[1]})")
    told = " and ".join(found) or "held-out rows, scorer or model settings of the task"
    return f"{told} changed (holdout fingerprints {one[:8] or 'none'} and {other[:8] or 'none'})"


def contender(name: str, run: str, f: Findings) -> Contender:
    """What is told of a run."""
    same = f.winner.id == f.baseline.id
    return Contender(
        name,
        run,
        setting(f, "model", "unknown"),
        setting(f, "critic", "none"),
        str(f.started.manifest.get("recipe") or setting(f, "recipe", "unknown")),
        setting(f, "seed", "0"),
        f.winner.id,
        same,
        is_embedded(setting(f, "model")),
        f.holdout.winner,
        None if same else f.holdout.gain,
        total(list(f.spend.values())),
        f.after,
        f.seconds,
        f.ended.ending if f.ended else None,
        f.verdict.ruling,
        f.curve,
    )


def between(
    one: Contender, other: Contender, a: Mapping[str, float], b: Mapping[str, float], groups: Mapping[str, str], level: float
) -> Difference:
    """The paired difference of two winners."""
    ids = sorted(a.keys() | b.keys())
    clusters = [groups.get(i, "") for i in ids] if groups else None
    found = paired_gain([b.get(i, nan) for i in ids], [a.get(i, nan) for i in ids], level, clusters)
    if not found.estimate.n:
        return Difference(one.label, other.label, found, "no rows")
    if (one.winner, one.model) == (other.winner, other.model):
        return Difference(one.label, other.label, found, "same prompt")
    better = found.estimate.low > 0
    return Difference(one.label, other.label, found, "other" if better else "one" if found.estimate.high < 0 else "none")
