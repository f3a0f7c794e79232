"""What the plateau probes of a run came to.

Proposals of a probe were selected on holdout rows. So they have no held-out score of the usual kind: what is told of them is their difference to
the champion, corrected for that selection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from topout.domain import (
    Candidate,
    Critiqued,
    Estimate,
    ProbeEnded,
    ProbeStarted,
    Proposal,
    Proposed,
    RolloutDone,
    RungDone,
    probe_of,
)
from topout.plateau.evidence import Contender
from topout.plateau.intervals import gain_error, paired_gain
from topout.plateau.probing import meeting, posterior
from topout.report.samples import Table, put, row_score, split_of

__all__ = ["NOTE", "ProbeFold", "ProbeResult", "Racer", "finalists", "probe_results"]


NOTE = "selected on these rows and corrected for that: no held-out score"
"""Said wherever a finalist's figure is shown."""


@dataclass(frozen=True, slots=True)
class Racer:
    """A proposal that met the champion. `met` is its mean paired difference over `met.rows` holdout rows as measured, hence optimistic for whoever
    got far; `corrected` is the estimate of the true one, None before the probe is finished. `rung` is the last one that it ran, from 1; a finalist is
    among those left at the end."""

    attempt: int
    candidate: Candidate
    met: Contender
    rung: int
    finalist: bool
    corrected: Estimate | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe. `proposals` are all that were asked for, in order; `racers` those that met the champion. `ended` is None while it is under way, or
    was killed. Only a finished probe is evidence."""

    started: ProbeStarted
    ended: ProbeEnded | None
    proposals: tuple[Proposed, ...]
    racers: tuple[Racer, ...]

    @property
    def finished(self) -> bool:
        return self.ended is not None and self.ended.ending == "finished"

    @property
    def raced(self) -> tuple[tuple[int, int], ...]:
        """How many proposals met the champion on how many rows, rung by rung; of an unfinished probe how many are to. Fewer than were planned where some were
        refused or stood there twice."""
        if not self.finished:
            return self.started.rungs
        return tuple((sum(racer.rung > i for racer in self.racers), rows) for i, (_, rows) in enumerate(self.started.rungs))

    def outcomes(self) -> Counter[Proposal]:
        """How many proposals came to what."""
        return Counter(proposed.outcome for proposed in self.proposals)


def finalists(probes: Sequence[ProbeResult]) -> list[Racer]:
    """Who was left after the last rung of a finished probe, the best corrected estimate first."""
    left = [(racer.corrected, racer) for probe in probes for racer in probe.racers if racer.finalist]
    ranked = sorted((-estimate.mean, racer.attempt, racer) for estimate, racer in left if estimate is not None)
    return [racer for _, _, racer in ranked]


@dataclass(slots=True)
class ProbeFold:
    """The events of a run's probes by kind."""

    started: list[ProbeStarted] = field(default_factory=list)
    ended: dict[int, ProbeEnded] = field(default_factory=dict)
    proposed: list[Proposed] = field(default_factory=list)
    rungs: list[RungDone] = field(default_factory=list)
    rollouts: list[RolloutDone] = field(default_factory=list)
    critiques: list[Critiqued] = field(default_factory=list)


def probe_results(
    state: ProbeFold,
    exam: Table,
    clusters_of: Callable[[Sequence[str]], Sequence[str] | None],
) -> tuple[ProbeResult, ...]:
    """The probes in their order. `exam` holds the run's own answers, `clusters_of` names the group of each row."""
    table = {key: samples for key, samples in exam.items() if split_of(samples) == "holdout"}
    for done in state.rollouts:
        if done.rollout.split == "holdout":
            put(table, done.rollout)
    rows: dict[str, list[str]] = {}
    for candidate, example in table:
        rows.setdefault(candidate, []).append(example)
    results = [result(state, started, table, rows, clusters_of) for started in state.started]
    racers = [racer for one in results if one.finished for racer in one.racers]
    corrected = dict(zip([r.attempt for r in racers], posterior([r.met for r in racers]), strict=True))
    return tuple(
        ProbeResult(
            one.started,
            one.ended,
            one.proposals,
            tuple(Racer(r.attempt, r.candidate, r.met, r.rung, r.finalist, corrected.get(r.attempt)) for r in one.racers),
        )
        for one in results
    )


def result(
    state: ProbeFold,
    started: ProbeStarted,
    table: Table,
    rows: Mapping[str, Sequence[str]],
    clusters_of: Callable[[Sequence[str]], Sequence[str] | None],
) -> ProbeResult:
    """One probe, without corrected estimates."""
    number = started.number
    proposals = tuple(p for p in state.proposed if probe_of(p.attempt) == number)
    survivors = [set(done.survivors) for done in sorted(state.rungs, key=lambda r: r.rung) if done.probe == number]
    racers = []
    for p in proposals:
        if p.outcome != "raced" or p.candidate is None:
            continue
        ids = sorted(rows.get(p.candidate.id, ()))
        met = contender(
            [row_score(table.get((p.candidate.id, e))) for e in ids],
            [row_score(table.get((started.champion, e))) for e in ids],
            clusters_of(ids),
        )
        survived = sum(p.attempt in left for left in survivors)
        finalist = survived == len(started.rungs)
        racers.append(Racer(p.attempt, p.candidate, met, min(survived + 1, len(started.rungs)), finalist))
    return ProbeResult(started, state.ended.get(number), proposals, tuple(racers))


def contender(scores: Sequence[float], champion: Sequence[float], clusters: Sequence[str] | None) -> Contender:
    """How a proposal met the champion; where rows belong together, with the standard error of their groups when that is larger."""
    met = meeting(scores, champion)
    if clusters is None or not met.rows:
        return met
    return Contender(met.mean, max(met.se, gain_error(paired_gain(scores, champion, clusters=clusters))), met.rows)
