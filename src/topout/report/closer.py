"""What is known of baseline and winner besides their quality: how much of a score is sampling, and what each lever does alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from topout.domain import Analysed, Candidate, Estimate, FailureAnalysis, Gain, Json, Lever
from topout.plateau.intervals import paired_gain
from topout.plateau.noise import SamplingNoise, sampling_noise
from topout.plateau.suspects import NEARLY, suspects
from topout.plateau.wording import points
from topout.report.samples import Table, row_score, split_of
from topout.text.alone import alone

__all__ = [
    "Alone",
    "Sampling",
    "alone_of",
    "failures_of",
    "noise_sentence",
    "planned",
    "sampling_lines",
    "sampling_of",
    "shift_drop",
    "suspects_of",
]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How far two evaluations of the baseline and of the winner differ by sampling alone; None where no row was asked twice. `note` says why not,
    or what is assumed instead; '' when both were measured. `wavers`: the task's temperature is above 0, or a judge scores."""

    baseline: SamplingNoise | None = None
    winner: SamplingNoise | None = None
    note: str = ""
    wavers: bool = False


@dataclass(frozen=True, slots=True)
class Alone:
    """The prompts with one lever of the winner's on the baseline: their held-out scores by lever, in the order of the holdout rows (nan where
    not asked), and their paired gains over the baseline, whose intervals hold together (Bonferroni, 95 %). `note` says why there are none; '' when
    there are."""

    scores: Mapping[Lever, tuple[float, ...]] = field(default_factory=dict)
    gains: Mapping[Lever, Gain] = field(default_factory=dict)
    note: str = ""


def planned(manifest: Mapping[str, Json], name: str) -> int | None:
    """How many calls or rows the exam's plan has for this; None when the journal does not say."""
    exam = manifest.get("exam")
    value = exam.get(name) if isinstance(exam, dict) else None
    return value if isinstance(value, int) else None


def sampling_of(
    table: Table,
    manifest: Mapping[str, Json],
    ids: Sequence[str],
    clusters: Sequence[str] | None,
    baseline: Candidate,
    winner: Candidate,
) -> Sampling:
    """From the holdout rows (`ids`) that were asked twice. The figures are for evaluations of all of them."""

    def of(candidate: Candidate) -> SamplingNoise | None:
        rows = {i: samples for i in ids if len(samples := table.get((candidate.id, i), {})) > 1}
        pairs = [
            (row_score({0: s[0]}) if 0 in s else math.nan, row_score({1: s[1]}) if 1 in s else math.nan) for s in rows.values()
        ]
        names = None if clusters is None else [name for i, name in zip(ids, clusters, strict=True) if i in rows]
        return sampling_noise(pairs, len(ids), clusters=names) if pairs else None

    before, after = of(baseline), of(winner)
    asked = manifest.get("asked")
    temperature = asked.get("temperature") if isinstance(asked, dict) else None
    judged = "judge" in manifest
    wavers = judged or (isinstance(temperature, int | float) and temperature > 0)
    note = "" if before and after else why_not_repeated(planned(manifest, "repeats"), temperature == 0 and not judged)
    return Sampling(before, after, note, wavers)


def why_not_repeated(rows: int | None, cold: bool) -> str:
    """Why rows were not asked twice, though so many were planned; `cold`: the temperature is 0."""
    if cold:
        return "not measured: at temperature 0 a row is taken to get the same answer whenever it is asked"
    match rows:
        case None:
            return "not measured"
        case 0:
            return "not measured: the limit of calls has no room for asking rows twice"
        case _:
            return "not measured: the run did not come to it, or spent the calls for it on an earlier winner"


def alone_of(
    table: Table,
    ids: Sequence[str],
    clusters: Sequence[str] | None,
    baseline: Candidate,
    winner: Candidate,
    over: bool,
) -> Alone:
    """The held-out scores of the prompts that the exam measured for this winner. `over`: the run came to its end."""
    prompts = alone(baseline.prompt, winner.prompt)
    if not prompts:
        same = winner.id == baseline.id
        return Alone(
            note="the baseline won" if same else "nothing to take apart: the winner differs from the baseline by one lever"
        )
    scores = {lever: tuple(row_score(table.get((one.id, i))) for i in ids) for lever, one in prompts.items()}
    known = {lever: values for lever, values in scores.items() if any(map(math.isfinite, values))}
    room = "the limit of calls has no room for it" if over else "the run has not come to it"
    before = [row_score(table.get((baseline.id, i))) for i in ids]
    level = 1 - 0.05 / max(1, len(known))
    gains = {lever: paired_gain(values, before, level, clusters) for lever, values in known.items()}
    return Alone(known, gains, "" if len(known) == len(prompts) else f"not measured: {room}")


def sampling_lines(sampling: Sampling, same: bool) -> list[str]:
    """What a person is told of sampling noise: a sentence a prompt, and why there is none. `same`: the baseline won."""
    known = [("baseline", sampling.baseline), ("best prompt", sampling.winner)][: 1 if same else 2]
    told = [noise_sentence(noise, name) for name, noise in known if noise is not None]
    return [*told, *([f"Sampling noise: {sampling.note}."] if sampling.note else [])]


def shift_drop(holdout: Estimate, shift: Estimate) -> Estimate | None:
    """Shift minus holdout of one candidate, None when one of them was not measured; n is the smaller of the two.

    The rows are different ones, so this is unpaired. The interval is MOVER (Zou & Donner 2008, Statistics in Medicine 27:1693, eq. 5): it joins two
    intervals for single means as they stand, asymmetric ones too, and needs no variances.
    """
    if not holdout.n or not shift.n or not math.isfinite(holdout.mean + shift.mean):
        return None
    mean = shift.mean - holdout.mean
    low = mean - math.hypot(shift.mean - shift.low, holdout.high - holdout.mean)
    high = mean + math.hypot(shift.high - shift.mean, holdout.mean - holdout.low)
    return Estimate(mean, max(-1.0, low), min(1.0, high), min(holdout.n, shift.n), min(holdout.level, shift.level))


def failures_of(
    table: Table, analyses: Mapping[str, Analysed], dev: Sequence[str], winner: Candidate, plan: int | None, over: bool
) -> tuple[FailureAnalysis | None, str]:
    """Why the winner still fails on dev, in the critic's words; None with the reason when that was not found out."""
    failing = sum(row_score(table.get((winner.id, i))) < 1 for i in dev)
    known = analyses.get(winner.id)
    if known is None:
        if not failing:
            return None, "nothing to analyse: no dev row of the best prompt fails"
        if plan == 0:
            return None, "not analysed: the limit of calls has no room for it"
        return None, f"not analysed: the run {'did not come' if over else 'has not come'} to it"
    if known.reason:
        return None, f"not analysed: {known.reason}"
    assigned = sum(len(one.rows) for one in known.clusters)
    found = suspects_of(table, dev)
    return FailureAnalysis(known.clusters, len(known.rows), failing, len(known.rows) - assigned, found, "dev"), ""


def suspects_of(table: Table, dev: Sequence[str]) -> tuple[str, ...]:
    """Dev rows that no good candidate solved."""
    asked = Counter(c for (c, _), samples in table.items() if split_of(samples) == "dev")
    whole = [c for c, rows in asked.items() if rows >= NEARLY * len(dev)]
    return suspects(dev, {c: [row_score(table.get((c, i))) for i in dev] for c in whole})


def noise_sentence(noise: SamplingNoise, prompt: str) -> str:
    """`Two evaluations of the best prompt on these 432 rows differ by about 2.1 points [1.8, 2.4] by sampling alone (108 rows repeated).`"""
    sd = noise.sd
    share = noise.share
    part = (
        f"; sampling is {100 * share.mean:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}] of a row's variance"
        if share
        else ""
    )
    return (
        f"Two evaluations of the {prompt} on these {noise.rows:,} rows differ by about {points(sd.mean)} points "
        f"[{points(sd.low)}, {points(sd.high)}] by sampling alone (standard deviation; {sd.n:,} rows repeated{part})."
    )
