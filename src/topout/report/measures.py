"""Estimates that several outputs need: every candidate on a split, and the distance between two splits."""

from __future__ import annotations

import math
from collections.abc import Mapping

from topout.domain import Estimate, Json, Rollout, Scored, Split
from topout.plateau.intervals import mean_interval
from topout.report.closer import shift_drop
from topout.report.findings import Findings
from topout.report.samples import row_score, split_of

__all__ = ["as_text", "failures", "setting", "shift_drop", "split_estimates", "split_means", "split_scores", "unbeaten"]


def unbeaten(f: Findings) -> str:
    """Why the baseline is the best prompt: that nothing else was tried is no word against other prompts, and a run that was cut short may yet find one."""
    if all(done.attempt.operator == "baseline" for done in f.attempts):
        return "no candidate was tried"
    if f.ended is None or f.ended.ending not in ("budget", "finished"):
        return "no candidate has beaten it on dev so far"
    return "no candidate beat it on dev"


def split_scores(f: Findings, split: Split) -> dict[str, dict[str, float]]:
    """candidate -> example -> score, of the scored rows of a split."""
    found: dict[str, dict[str, float]] = {}
    for (candidate, example), samples in f.table.items():
        score = row_score(samples)
        if split_of(samples) == split and math.isfinite(score):
            found.setdefault(candidate, {})[example] = score
    return found


def split_means(f: Findings, split: Split) -> dict[str, tuple[float, int]]:
    """Mean and number of scored rows of every candidate on a split."""
    return {c: (math.fsum(s.values()) / len(s), len(s)) for c, s in split_scores(f, split).items()}


def split_estimates(f: Findings, split: Split) -> dict[str, Estimate]:
    """The estimate of every candidate on a split, by the rows that anybody was asked there; without those that have no score."""
    known = split_scores(f, split)
    ids = sorted({example for (_, example), samples in f.table.items() if split_of(samples) == split})
    groups = f.started.manifest.get("groups")
    clusters = [str(groups.get(example, "")) for example in ids] if isinstance(groups, dict) and groups else None
    return {c: mean_interval([s.get(example, math.nan) for example in ids], clusters=clusters) for c, s in known.items()}


def failures(f: Findings, candidate: str, split: Split) -> list[Rollout]:
    """The rows of a split that a candidate did not get fully right, worst first, then by id; rows without a score last. Of a row asked
    more than once, its first answer that is not."""
    found = (s.values() for (c, _), s in f.table.items() if c == candidate and split_of(s) == split)
    rows = [wrong for answers in found if (wrong := next((r for r in answers if not full(r)), None)) is not None]
    return sorted(rows, key=lambda r: (r.score.value if isinstance(r.score, Scored) else 2.0, r.example))


def full(rollout: Rollout) -> bool:
    """Whether the answer got the full score."""
    return isinstance(rollout.score, Scored) and rollout.score.value >= 1.0


def setting(f: Findings, name: str, default: str = "") -> str:
    """A setting of the run as text; `default` when it is not there."""
    return as_text(f.started.settings, name, default)


def as_text(values: Mapping[str, Json], name: str, default: str) -> str:
    """A value as text."""
    value = values.get(name)
    return default if value is None else str(value)
