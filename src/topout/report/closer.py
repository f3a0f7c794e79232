"""What is known of baseline and winner besides their quality: how much of a score is sampling, and what each lever does alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from topout.domain import Candidate, Json, Lever
from topout.plateau.noise import SamplingNoise, sampling_noise
from topout.plateau.wording import points
from topout.report.samples import Table, row_score
from topout.search.alone import alone

__all__ = ["Alone", "Sampling", "alone_of", "noise_sentence", "planned", "sampling_of"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How far two evaluations of the baseline and of the winner differ by sampling alone; None where no row was asked twice. `note` says why not,
    or what is assumed instead; '' when both were measured."""

    baseline: SamplingNoise | None = None
    winner: SamplingNoise | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Alone:
    """The prompts with one lever of the winner's on the baseline: their held-out scores by lever, in the order of the holdout rows (nan where
    not asked). `note` says why there are none; '' when there are."""

    scores: Mapping[Lever, tuple[float, ...]] = field(default_factory=dict)
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
    note = "" if before and after else why_not_repeated(manifest)
    return Sampling(before, after, note)


def why_not_repeated(manifest: Mapping[str, Json]) -> str:
    """Why rows were not asked twice."""
    asked = manifest.get("asked")
    if isinstance(asked, dict) and asked.get("temperature") == 0:
        return "not measured: at temperature 0 a row is taken to get the same answer whenever it is asked"
    match planned(manifest, "repeats"):
        case None:
            return "not measured"
        case 0:
            return "not measured: the limit of calls has no room for asking rows twice"
        case _:
            return "not measured: the run did not come to it, or spent the calls for it on an earlier winner"


def alone_of(
    table: Table, manifest: Mapping[str, Json], ids: Sequence[str], baseline: Candidate, winner: Candidate, over: bool
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
    return Alone(known, "" if len(known) == len(prompts) else f"not measured: {room}")


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
