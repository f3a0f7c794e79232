"""What a run found: one fold over its events, from which every table, picture and sentence is made.

Only the journal is needed: a run can be read without its task folder. Champions are those that dev chose; every figure about quality comes from
the holdout, where each row is counted once, however often it was asked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from topout.domain import (
    EXAM,
    Advice,
    Analysed,
    AttemptDone,
    Candidate,
    Critiqued,
    CurvePoint,
    Deployment,
    Estimate,
    Event,
    FailureAnalysis,
    Gain,
    Json,
    LeverRecord,
    ProbeEnded,
    ProbeResumed,
    ProbeStarted,
    Proposed,
    Rollout,
    RolloutDone,
    RunEnded,
    RungDone,
    RunResumed,
    RunStarted,
    Split,
    Step,
    Verdict,
    probe_of,
)
from topout.errors import JournalError
from topout.plateau.ceiling import ceiling
from topout.plateau.curve import Checkpoint, simultaneous
from topout.plateau.evidence import gather
from topout.plateau.intervals import mean_interval, paired_gain
from topout.plateau.levers import changed, ledger
from topout.plateau.verdict import decide
from topout.report.advising import advice_of, allowed_levers
from topout.report.closer import Alone, Sampling, alone_of, failures_of, planned, sampling_of, shift_drop, suspects_of
from topout.report.probes import ProbeFold, ProbeResult, probe_results
from topout.report.samples import Samples, Table, every_rollout, put, row_score, split_of, without_score
from topout.search.place import rng_for

__all__ = [
    "CallCard",
    "Findings",
    "RoleSpend",
    "SplitResult",
    "call_card",
    "count",
    "count_judged",
    "find",
    "fold",
    "spend_of",
    "total",
]


@dataclass(slots=True)
class RoleSpend:
    """What a role used. `calls` counts all (also those served from the cache), `paid_calls` those that left in this run.

    `cost_usd` is the list price of all, `paid_usd` what this run paid; both leave out calls of unknown price, which `unpriced` counts.
    """

    calls: int = 0
    paid_calls: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    paid_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class CallCard:
    """One answer of a candidate on the holdout: mean tokens in and out, mean price (None when unknown), median and 95th percentile of the seconds, mean
    number of calls; `n` answers."""

    n: int
    prompt_tokens: float | None
    output_tokens: float | None
    cost_usd: float | None
    latency_s: float | None
    latency_p95_s: float | None = None
    calls: float = 1.0


@dataclass(frozen=True, slots=True)
class SplitResult:
    """Baseline and winner on a split, and the paired gain between them (None before both were measured, or when they are one)."""

    split: Split
    baseline: Estimate
    winner: Estimate
    gain: Gain | None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known of a run. `holdout` is the exam; `dev` is shown beside it as what it is: selected on. `seconds` is the time from
    start to end, without the pauses between an ending and a resume (a killed run has no ending: its pause counts). `sampling` and `alone` say more of baseline
    and winner; `shift_drop` is the winner's score on shift minus that on holdout. `failures` is the critic's view of the
    winner's failing dev rows (None with the reason in `failures_note`), `suspects` are dev rows that no good candidate solved."""

    started: RunStarted
    ended: RunEnded | None
    candidates: Mapping[str, Candidate]
    attempts: tuple[AttemptDone, ...]
    rollouts: Sequence[RolloutDone]
    critiques: Sequence[Critiqued]
    baseline: Candidate
    winner: Candidate
    holdout: SplitResult
    dev: SplitResult
    shift: SplitResult | None
    curve: tuple[CurvePoint, ...]
    verdict: Verdict
    levers: tuple[LeverRecord, ...]
    advice: Advice
    spend: Mapping[str, RoleSpend]
    before: CallCard
    after: CallCard
    unscored: Mapping[str, int]
    resumed: int = 0
    seconds: float = 0.0
    table: Table = field(default_factory=dict)
    probes: tuple[ProbeResult, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    ceiling: Estimate | None = None
    alone: Alone = field(default_factory=Alone)
    shift_drop: Estimate | None = None
    failures: FailureAnalysis | None = None
    failures_note: str = ""
    suspects: tuple[str, ...] = ()


@dataclass(slots=True)
class Fold:
    """The events by kind, and what each candidate answered to each example. `sat` are the candidates that sat the exam as champions."""

    started: RunStarted
    ended: RunEnded | None = None
    resumed: int = 0
    paused_s: float = 0.0
    began_at: float = 0.0
    attempts: dict[int, AttemptDone] = field(default_factory=dict)
    rollouts: list[RolloutDone] = field(default_factory=list)
    critiques: list[Critiqued] = field(default_factory=list)
    table: dict[tuple[str, str], Samples] = field(default_factory=dict)
    probes: ProbeFold = field(default_factory=ProbeFold)
    sat: set[str] = field(default_factory=set)
    analyses: dict[str, Analysed] = field(default_factory=dict)


def fold(events: Iterable[Event]) -> Fold:
    """Events by kind. Raises JournalError without a first event, or when not even the baseline was measured."""
    it = iter(events)
    first = next(it, None)
    if not isinstance(first, RunStarted):
        raise JournalError("a journal begins with RunStarted. Is this the folder of a run?")
    state = Fold(first, began_at=first.at)
    for event in it:
        match event:
            case RolloutDone(attempt) if probe_of(attempt):
                state.probes.rollouts.append(event)
            case Critiqued(attempt) if probe_of(attempt):
                state.probes.critiques.append(event)
            case RolloutDone(attempt, rollout):
                state.rollouts.append(event)
                put(state.table, rollout)
                if attempt == EXAM and rollout.split == "holdout":
                    state.sat.add(rollout.candidate)
            case Critiqued():
                state.critiques.append(event)
            case AttemptDone():
                if event.attempt.number in state.attempts:  # decided anew after an outage, and all that came after it with it
                    state.attempts = {n: done for n, done in state.attempts.items() if n < event.attempt.number}
                state.attempts[event.attempt.number] = event
            case Analysed(candidate):
                state.analyses[candidate] = event
            case RunEnded():
                state.ended = event
                took = event.details.get("session_s")
                if isinstance(took, int | float):  # by a clock that nobody sets
                    state.paused_s += event.at - state.began_at - took
            case RunResumed():
                state.resumed += 1
                state.began_at = event.at
                state.paused_s += event.at - state.ended.at if state.ended else 0.0
                state.ended = None
            case ProbeStarted():
                state.probes.started.append(event)
            case ProbeResumed(number):
                state.probes.ended.pop(number, None)
            case Proposed():
                state.probes.proposed.append(event)
            case RungDone():
                state.probes.rungs.append(event)
            case ProbeEnded(number):
                state.probes.ended[number] = event
            case RunStarted():
                raise JournalError("RunStarted stands twice in the journal. Restore the file or start a new run.")
    return state


def find(events: Iterable[Event], deployment: Deployment | None = None) -> Findings:
    """Read a run from its events. Raises JournalError when the run ended before its baseline was measured.

    The advice goes by the facts of use that the run began with, or by `deployment`: they change no score, so they may be told later.
    """
    state = fold(events)
    attempts = tuple(state.attempts[number] for number in sorted(state.attempts))
    if not attempts or attempts[0].attempt.candidate is None:
        reason = f"It ended early: {state.ended.reason}" if state.ended else "`topout resume` goes on with it."
        raise JournalError(f"run {state.started.run}: the baseline was not measured yet, so there is nothing to report. {reason}")
    candidates = {done.attempt.candidate.id: done.attempt.candidate for done in attempts if done.attempt.candidate}
    strange = next((done for done in attempts if done.champion not in candidates), None)
    if strange is not None:
        raise JournalError(
            f"{state.started.run}: the champion after attempt {strange.attempt.number} is no candidate of this journal. "
            "Restore the file or start a new run."
        )
    baseline, winner = attempts[0].attempt.candidate, candidates[attempts[-1].champion]
    by_split = rows_by_split(state.table)
    curve, guide = curve_of(state, attempts, by_split)
    probes = probe_results(state.probes, state.table, lambda ids: groups(state, ids))
    holdout = by_split.get("holdout", ())
    clusters = groups(state, holdout)
    dev = by_split.get("dev", ())
    examined = result("holdout", state, by_split, baseline, winner)
    shift = result("shift", state, by_split, baseline, winner) if by_split.get("shift") else None
    over = state.ended is not None and state.ended.ending not in ("stopped", "outage")
    alone = alone_of(state.table, holdout, clusters, baseline, winner, over)
    verdict = verdict_of(state, attempts, by_split, baseline, probes)
    levers = levers_of(state, attempts, candidates, baseline, winner, holdout, alone)
    after = card(state, winner)
    planned_critiques = planned(state.started.manifest, "critiques")
    failures, failures_note = failures_of(state.table, state.analyses, dev, winner, planned_critiques, over)
    return Findings(
        state.started,
        state.ended,
        candidates,
        attempts,
        state.rollouts,
        state.critiques,
        baseline,
        winner,
        holdout=examined,
        dev=result("dev", state, by_split, baseline, winner),
        shift=shift,
        curve=curve,
        ceiling=guide,
        verdict=verdict,
        levers=levers,
        advice=advice_of(
            state.started,
            verdict,
            quality=examined.winner,
            gain=examined.gain if winner.id != baseline.id else None,
            levers=levers,
            failures=failures,
            deployment=deployment,
            cost_usd_per_call=after.cost_usd,
            calls=after.n,
            latency_s=after.latency_s,
        ),
        spend=spend_of(state),
        before=card(state, baseline),
        after=after,
        unscored=unscored_of(state.table),
        resumed=state.resumed,
        seconds=max(0.0, state.ended.at - state.started.at - state.paused_s) if state.ended else 0.0,
        table=state.table,
        probes=probes,
        sampling=sampling_of(state.table, state.started.manifest, holdout, clusters, baseline, winner),
        alone=alone,
        shift_drop=shift_drop(examined.winner, shift.winner) if shift else None,
        failures=failures,
        failures_note=failures_note,
        suspects=failures.suspects if failures else suspects_of(state.table, dev),
    )


def rows_by_split(table: Table) -> dict[Split, list[str]]:
    """The example ids that were asked, by split, sorted."""
    found: dict[Split, set[str]] = {}
    for (_, example), samples in table.items():
        found.setdefault(split_of(samples), set()).add(example)
    return {split: sorted(ids) for split, ids in found.items()}


def scores(state: Fold, candidate: str, ids: Sequence[str]) -> tuple[float, ...]:
    """A candidate's score on these rows, the mean over its samples, nan where there is none."""
    return tuple(row_score(state.table.get((candidate, example))) for example in ids)


def groups(state: Fold, ids: Sequence[str]) -> list[str] | None:
    """The group of each row, None when the task has no groups."""
    known = state.started.manifest.get("groups")
    return [str(known.get(example, "")) for example in ids] if isinstance(known, dict) and known else None


def result(
    split: Split, state: Fold, by_split: Mapping[Split, Sequence[str]], baseline: Candidate, winner: Candidate
) -> SplitResult:
    """Baseline and winner on a split, paired."""
    ids = by_split.get(split, ())
    clusters = groups(state, ids)
    one, other = scores(state, baseline.id, ids), scores(state, winner.id, ids)
    known = baseline.id != winner.id and any(a == a and b == b for a, b in zip(one, other, strict=True))
    return SplitResult(
        split,
        mean_interval(one, clusters=clusters),
        mean_interval(other, clusters=clusters),
        paired_gain(other, one, clusters=clusters) if known else None,
    )


def curve_of(
    state: Fold, attempts: Sequence[AttemptDone], by_split: Mapping[Split, Sequence[str]]
) -> tuple[tuple[CurvePoint, ...], Estimate | None]:
    """Champions at the checkpoints that the run set itself, at half of the calls, and at its end; and where they would level off."""
    at = state.started.manifest.get("checkpoints")
    marks = [int(c) for c in at if isinstance(c, int | float)] if isinstance(at, list) else []
    first, last = attempts[0].task_calls, attempts[-1].task_calls
    at_calls = sorted({first, last, max(first, last // 2), *(mark for mark in marks if first < mark < last)})
    dev, holdout = by_split.get("dev", ()), by_split.get("holdout", ())
    points = []
    for calls in at_calls:
        done = [d for d in attempts if d.task_calls <= calls][-1]
        exam = scores(state, done.champion, holdout)
        examined = done.champion in state.sat and any(score == score for score in exam)
        points.append(
            Checkpoint(calls, done.cost_usd, done.champion, scores(state, done.champion, dev), exam if examined else None)
        )
    clusters = groups(state, holdout)
    guide = ceiling(points, rng_for(0, 0, "ceiling"), clusters)
    return simultaneous(points, clusters=clusters, dev_clusters=groups(state, dev)), guide


def spend_of(state: Fold) -> dict[str, RoleSpend]:
    """What each role used: task, exam (the task model on holdout and shift), critic, judge, probe (all of its models)."""
    spend: dict[str, RoleSpend] = {"task": RoleSpend(), "exam": RoleSpend(), "critic": RoleSpend()}
    for done in state.rollouts:
        role = "exam" if done.rollout.split in ("holdout", "shift") else "task"
        count(spend[role], done.rollout)
        count_judged(spend, "judge", done.rollout)
    for critique in state.critiques:
        count(spend.setdefault(critique.role, RoleSpend()), critique)
    if state.probes.started:
        spend["probe"] = RoleSpend()
        for done in state.probes.rollouts:
            count(spend["probe"], done.rollout)
            count_judged(spend, "probe", done.rollout)
        for critique in state.probes.critiques:
            count(spend["probe"], critique)
    return spend


def count_judged(spend: dict[str, RoleSpend], role: str, rollout: Rollout) -> None:
    """What the judge of a rollout used goes to this role."""
    for call in rollout.judged:
        count(spend.setdefault(role, RoleSpend()), call)


def count(into: RoleSpend, call: Rollout | Critiqued | Step) -> None:
    """Add a call, or all that an answer took but for its judge."""
    calls, cached, cached_usd = (call.calls, call.cached, call.cached_usd) if isinstance(call, Rollout) else (1, 0, 0.0)
    into.calls += calls
    failed = (
        not call.key if isinstance(call, Step) else call.failure is not None and not (isinstance(call, Rollout) and call.judged)
    )
    into.failed += failed
    into.prompt_tokens += call.prompt_tokens or 0
    into.output_tokens += call.output_tokens or 0
    into.cost_usd += call.cost_usd or 0.0
    into.unpriced += calls if call.cost_usd is None and not failed else 0
    if call.paid:
        into.paid_calls += calls - cached
        into.paid_usd += (call.cost_usd or 0.0) - cached_usd


def total(used: Sequence[RoleSpend]) -> RoleSpend:
    """The sum of several roles."""
    return RoleSpend(
        sum(s.calls for s in used),
        sum(s.paid_calls for s in used),
        sum(s.failed for s in used),
        sum(s.prompt_tokens for s in used),
        sum(s.output_tokens for s in used),
        sum(s.cost_usd for s in used),
        sum(s.paid_usd for s in used),
        sum(s.unpriced for s in used),
    )


def card(state: Fold, candidate: Candidate) -> CallCard:
    """What a call of a candidate takes, from the exam (or from dev where it sat none)."""
    splits: tuple[Split, ...] = ("holdout", "dev")
    done = ([r for r in every_rollout(state.table, candidate.id, split) if r.failure is None] for split in splits)
    return call_card(next((found for found in done if found), []))


def call_card(chosen: Sequence[Rollout]) -> CallCard:
    """Means over completed rollouts."""
    waits = sorted(r.latency_s for r in chosen)
    return CallCard(
        len(chosen),
        mean_of([r.prompt_tokens for r in chosen]),
        mean_of([r.output_tokens for r in chosen]),
        mean_of([r.cost_usd for r in chosen]),
        waits[len(waits) // 2] if waits else None,
        waits[min(len(waits) - 1, math.ceil(0.95 * len(waits)) - 1)] if waits else None,
        mean_of([r.calls for r in chosen]) or 1.0,
    )


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean of what is known, None when nothing is."""
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None


def unscored_of(table: Table) -> dict[str, int]:
    """Rows without a score, by reason."""
    found: dict[str, int] = {}
    for samples in table.values():
        failed = without_score(samples)
        if failed is not None and failed.failure is not None:
            found[failed.failure] = found.get(failed.failure, 0) + 1
    return found


def verdict_of(
    state: Fold,
    attempts: Sequence[AttemptDone],
    by_split: Mapping[Split, Sequence[str]],
    baseline: Candidate,
    probes: Sequence[ProbeResult],
) -> Verdict:
    """The verdict on the run's own evidence and that of its finished probes."""
    dev, holdout = by_split.get("dev", ()), by_split.get("holdout", ())
    champions = dict.fromkeys([baseline.id, *(done.champion for done in attempts)])
    ending = state.ended.ending if state.ended else "stopped"
    cut_short = "" if ending in ("budget", "finished") else (state.ended.reason if state.ended else "the run has not ended")
    return decide(
        gather(
            attempts,
            delta=number(state.started.settings.get("delta"), 0.02),
            baseline=baseline.id,
            dev={c: scores(state, c, dev) for c in champions},
            holdout=exams(state, champions, holdout),
            levers=allowed_levers(state.started),
            clusters=groups(state, holdout),
            cut_short=cut_short,
            probe=[racer.met for probe in probes if probe.finished for racer in probe.racers if racer.met.rows],
        )
    )


def exams(state: Fold, candidates: Iterable[str], holdout: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """The held-out scores of those candidates that sat the exam as champions."""
    return {c: exam for c in candidates if c in state.sat for exam in [scores(state, c, holdout)] if any(s == s for s in exam)}


def levers_of(
    state: Fold,
    attempts: Sequence[AttemptDone],
    candidates: Mapping[str, Candidate],
    baseline: Candidate,
    winner: Candidate,
    holdout: Sequence[str],
    alone: Alone,
) -> tuple[LeverRecord, ...]:
    """What each lever did, and what it gained by itself. Where the winner differs from the baseline by one lever, its exam is that lever's."""
    champions = dict.fromkeys([baseline.id, *(done.champion for done in attempts)])
    by_lever: dict[str, Sequence[float]] = {lever: one for lever, one in alone.scores.items()}  # noqa: C416
    if len(pulled := changed(baseline.prompt, winner.prompt)) == 1:
        by_lever = dict.fromkeys(pulled, scores(state, winner.id, holdout))
    return ledger(
        attempts,
        candidates,
        baseline=baseline.id,
        holdout=exams(state, champions, holdout),
        levers=allowed_levers(state.started),
        alone=by_lever,
        clusters=groups(state, holdout),
    )


def number(value: Json, default: float) -> float:
    """A number of the manifest."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
