"""Runs of other optimizers, as far as their logs tell: the same curve and the same verdict, with what is missing said.

A log is brought into `ForeignRun`, whatever wrote it. Where it has a score for each row, gains are paired; where it has means only, rows are made up
that have the mean and the largest variance that scores in [0, 1] can have, and gains are the distance of two independent intervals: wider than the
truth, never narrower.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from topout.domain import Attempt, AttemptDone, Candidate, CurvePoint, Estimate, Gain, Operator, Outcome, Prompt
from topout.plateau.curve import Checkpoint, simultaneous
from topout.plateau.evidence import Challenger, Evidence, champion_at, gather
from topout.plateau.intervals import mean_interval, paired_gain

__all__ = ["ForeignRun", "Trial", "curve_of", "evidence_of", "rows_of"]

Tool = Literal["gepa", "dspy", "csv"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the log. `calls` are the evaluations after it, `champion` who led then; `challenger` how the proposal met its parent, None when the
    log does not say (or nothing was proposed)."""

    calls: int
    champion: str
    challenger: Challenger | None = None
    operator: Operator = "rewrite"


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """What a log tells. `dev` and `holdout` hold a score a row by candidate (nan where there is none); `by_row` is False when the log has
    means only. `missing` says what the verdict would need and the log does not have, a line each."""

    tool: Tool
    source: str
    baseline: str
    trials: tuple[Trial, ...]
    dev: Mapping[str, tuple[float, ...]]
    holdout: Mapping[str, tuple[float, ...]]
    by_row: bool
    missing: tuple[str, ...] = ()


def rows_of(mean: float, n: int) -> tuple[float, ...]:
    """`n` scores with that mean and the largest variance that scores in [0, 1] can have: ones, zeros and one in between."""
    ones = math.floor(mean * n + 1e-9)
    rest = min(1.0, max(0.0, mean * n - ones))
    return ((1.0,) * ones + (rest,) + (0.0,) * n)[:n]


def attempts_of(run: ForeignRun) -> list[AttemptDone]:
    """The trials as committed attempts, as a run of our own would have them."""
    done = []
    for number, trial in enumerate(run.trials):
        met = trial.challenger
        outcome: Outcome = "dropped" if met is not None and not met.kept else "kept"
        attempt = Attempt(number, trial.operator, (), outcome)
        if met is not None:
            attempt = replace(attempt, candidate=Candidate("", Prompt(())), gain=met.mean, gain_se=met.se, rows=met.rows)
        done.append(AttemptDone(attempt, trial.calls, trial.calls, trial.champion))
    return done


def unpaired(after: Sequence[float], before: Sequence[float]) -> Gain:
    """The gain between two means as if they came from different rows: MOVER (Zou & Donner 2008, Statistics in Medicine 27:1693, eq. 5) over
    their intervals. On the same rows the truth is narrower."""
    one, other = mean_interval(after), mean_interval(before)
    mean = one.mean - other.mean
    low = mean - math.hypot(one.mean - one.low, other.high - other.mean)
    high = mean + math.hypot(one.high - one.mean, other.mean - other.low)
    n = min(one.n, other.n)
    plain = paired_gain(after[:n], before[:n])
    width = plain.estimate.high - plain.estimate.low
    wider = (high - low) / width if width else 1.0
    return Gain(Estimate(mean, max(-1.0, low), min(1.0, high), n), plain.detectable * wider)


def gain_between(run: ForeignRun, scores: Mapping[str, tuple[float, ...]], after: str, before: str) -> Gain | None:
    """The gain of one champion over another, None where one of them has no scores."""
    if after not in scores or before not in scores:
        return None
    one, other = scores[after], scores[before]
    return paired_gain(one, other) if run.by_row and len(one) == len(other) else unpaired(one, other)


def evidence_of(run: ForeignRun, delta: float) -> Evidence:
    """The evidence in a log. Levers are not told apart: what another tool changed is called by what its trials say."""
    done = attempts_of(run)
    same = run.by_row and len({len(rows) for rows in run.holdout.values()}) <= 1
    champions = {d.champion for d in done} | {run.baseline}
    dev = {c: rows for c, rows in run.dev.items() if c in champions}
    found = gather(done, delta=delta, baseline=run.baseline, dev={}, holdout=run.holdout if same else {}, levers=())
    if not done:
        return found
    now, half = done[-1].champion, champion_at(done, found.calls // 2, run.baseline)
    dev_last, dev_all = gain_between(run, dev, now, half), gain_between(run, dev, now, run.baseline)
    exam = run.holdout.get(now)
    return replace(
        found,
        n_dev=sum(map(math.isfinite, dev.get(now, ()))),
        n_holdout=sum(map(math.isfinite, exam or ())),
        champion=mean_interval(exam) if exam else None,
        last_doubling=gain_between(run, run.holdout, now, half) if now != half or exam else None,
        since_baseline=gain_between(run, run.holdout, now, run.baseline),
        dev_last_doubling=dev_last.estimate.mean if dev_last else math.nan,
        dev_gain=dev_all.estimate.mean if dev_all else math.nan,
    )


def curve_of(run: ForeignRun) -> tuple[CurvePoint, ...]:
    """The champions of the log, a point at each change and at its end, with the band over those that have held-out scores."""
    points: list[Checkpoint] = []
    for i, trial in enumerate(run.trials):
        last = i == len(run.trials) - 1
        if points and points[-1].candidate == trial.champion and not last:
            continue
        exam = run.holdout.get(trial.champion)
        points.append(Checkpoint(trial.calls, None, trial.champion, run.dev.get(trial.champion, ()), exam))
    return simultaneous(points)
