"""The plateau probe: ask the critic for fresh proposals, and race them against the champion on rows that no decision has used.

A run's own record says little about its next doubling (docs/statistics.md). A probe asks directly: many proposals from the frozen final state,
on few rows each; the best of them on more rows, the very best on most. How their true differences are spread, and how good the best of as many
again would be, is then estimated by empirical Bayes. Successive halving spends the rows where they tell the most (Jamieson & Talwalkar 2016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from topout.domain import Estimate
from topout.plateau.calibration import chance_inputs, shipped
from topout.plateau.effects import GRID, given, pooled_errors, scored_well, spread
from topout.plateau.evidence import Contender

__all__ = [
    "MIN_PROBE_ROWS",
    "SIZES",
    "ProbePlan",
    "Rung",
    "chance_of_deciding",
    "cut",
    "meeting",
    "plan_probe",
    "posterior",
    "survivors",
]

MIN_PROBE_ROWS = 30  # fewer fresh rows tell nothing of a gain of a few points


@dataclass(frozen=True, slots=True)
class Rung:
    """So many of the best proposals meet the champion on the first `rows` of the probe's rows (cumulative: earlier rungs included)."""

    contenders: int
    rows: int


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """The rungs of a probe, contenders falling and rows rising."""

    rungs: tuple[Rung, ...]

    @property
    def proposals(self) -> int:
        """Fresh proposals that the critic is asked for."""
        return self.rungs[0].contenders

    @property
    def calls(self) -> int:
        """Rollouts on the probe's rows; what getting the proposals takes is not included."""
        before = [0, *(rung.rows for rung in self.rungs)]
        return sum(rung.contenders * (rung.rows - seen) for rung, seen in zip(self.rungs, before, strict=False))


SIZES: tuple[ProbePlan, ...] = (
    ProbePlan((Rung(20, 25), Rung(6, 100), Rung(2, 400))),
    ProbePlan((Rung(50, 25), Rung(15, 100), Rung(5, 400))),
    ProbePlan((Rung(100, 10), Rung(40, 50), Rung(12, 200), Rung(4, 400))),
)


def cut(plan: ProbePlan, rows: int) -> ProbePlan:
    """The plan on `rows` rows: rungs end there, and those that would add no row are left out."""
    ends = [min(rung.rows, rows) for rung in plan.rungs]
    before = [0, *ends]
    return ProbePlan(
        tuple(Rung(rung.contenders, end) for rung, end, seen in zip(plan.rungs, ends, before, strict=False) if end > seen)
    )


def plan_probe(rows: int, max_calls: int | None, read_calls: float, answer_calls: int = 1) -> ProbePlan | None:
    """The largest design that fits: on `rows` fresh rows, with at most `max_calls` calls (None: any number), where getting one proposal takes
    `read_calls` on average (train rows read and the critic's call) and an answer of one takes `answer_calls` at most. None when not even the smallest fits or there are too few rows."""
    if rows < MIN_PROBE_ROWS:
        return None
    for size in reversed(SIZES):
        plan = cut(size, rows)
        if max_calls is None or answer_calls * plan.calls + plan.proposals * read_calls <= max_calls:
            return plan
    return None


def meeting(scores: Sequence[float], champion: Sequence[float]) -> Contender:
    """A proposal's scores against the champion's on the same rows; nan on either side leaves the row out.

    The standard error counts one pseudo-row of each sign at half a point of score (as a race does), so that a few equal rows do not look
    certain. Raises ValueError when the lengths differ.
    """
    differences = [s - c for s, c in zip(scores, champion, strict=True) if math.isfinite(s) and math.isfinite(c)]
    n = len(differences)
    if not n:
        return Contender(math.nan, math.nan, 0)
    mean = math.fsum(differences) / n
    squares = math.fsum((d - mean) ** 2 for d in differences) + 0.5
    return Contender(mean, math.sqrt(squares / (n + 1) / n), n)


def survivors(contenders: Sequence[Contender], keep: int) -> list[int]:
    """The indices, ascending, of the `keep` contenders with the best means; ties go to the earlier one. One without scored rows never goes on."""
    scored = [i for i, one in enumerate(contenders) if one.rows > 0 and math.isfinite(one.mean)]
    return sorted(sorted(scored, key=lambda i: -contenders[i].mean)[: max(keep, 0)])


def posterior(contenders: Sequence[Contender], level: float = 0.95) -> tuple[Estimate, ...]:
    """Each contender's true difference to the champion, corrected for having been selected on these very rows.

    Empirical Bayes: the spread of the true differences is estimated from all of them, and each is drawn to where the others are, as far as its rows
    are few. The interval adds the proposal's own variance to that of its posterior: the posterior alone takes the estimated spread for the truth and
    the champion's luck on these rows for its quality, and held the truth of the best in 64 % at a promised 95 % (this one: docs/statistics.md).
    A contender without scored rows has a mean of nan and [-1, 1].
    """
    scored = [c for c in contenders if scored_well(c)]
    errors = pooled_errors(scored)
    prior = spread([c.mean for c in scored], errors)
    found = iter(zip(scored, errors, strict=True))
    out = []
    for one in contenders:
        if not scored_well(one):
            out.append(Estimate(math.nan, -1.0, 1.0, 0, level))
            continue
        _, error = next(found)
        weights = given(one.mean, error, prior)
        mean = sum(map(float.__mul__, GRID, weights))
        variance = sum(w * (x - mean) ** 2 for x, w in zip(GRID, weights, strict=True))
        half = NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance + error * error)
        out.append(Estimate(mean, max(-1.0, mean - half), min(1.0, mean + half), one.rows, level))
    return tuple(out)


def chance_of_deciding(probability: float | None, delta: float, plan: ProbePlan) -> float | None:
    """How likely that probe is to end in "topped out" or "still climbing", given the probability by the run alone (None where that is unknown).

    From simulated runs: a logistic on that probability, delta, the number of proposals and the rows of the last rung.
    """
    if probability is None or not math.isfinite(probability) or not delta > 0:
        return None
    return shipped().chance.probability(chance_inputs(probability, plan.proposals, plan.rungs[-1].rows), delta)
