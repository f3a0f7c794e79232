"""The ledger of levers: which kinds of change had their turn, what they took, and what each gained on rows that nobody selected on."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from topout.domain import AttemptDone, Candidate, Gain, Lever, LeverRecord, Operator, Prompt
from topout.plateau.intervals import paired_gain

__all__ = ["ELSEWHERE", "LEVER_OF", "changed", "ledger", "pulled_levers"]

LEVER_OF: dict[Operator, Lever] = {
    "baseline": "baseline",
    "rewrite": "instructions",
    "merge": "instructions",
    "shorten": "instructions",
    "demos": "demos",
}
"""The lever that an operator pulls; a switch pulls that of the gene which it changed."""

ELSEWHERE = ("reasoning", "format", "voting", "retrieval", "another model")
"""Levers that prompting has besides: they are listed also where the recipe does not pull them, so that nobody takes them for tried."""

_FAMILY = 0.05


def pulled_levers(done: Sequence[AttemptDone]) -> list[str]:
    """The lever that each attempt pulled, '' where it came to no prompt that would tell."""
    prompts = {one.attempt.candidate.id: one.attempt.candidate.prompt for one in done if one.attempt.candidate is not None}
    found = []
    for one in done:
        attempt = one.attempt
        lever: str = LEVER_OF.get(attempt.operator, "")
        parent = prompts.get(attempt.parents[0]) if attempt.parents else None
        if not lever and attempt.candidate is not None and parent is not None:
            lever = min(changed(parent, attempt.candidate.prompt), default="")
        found.append(lever)
    return found


def changed(before: Prompt, after: Prompt) -> frozenset[str]:
    """The levers by which two prompts differ, by content: neither order of operators nor lineage matters, only what a model is sent."""
    found = set()
    if before.components != after.components:
        found.add("instructions")
    if before.demos != after.demos:
        found.add("demos")
    if before.reasoning != after.reasoning:
        found.add("reasoning")
    if before.answer_format != after.answer_format:
        found.add("format")
    if before.votes != after.votes:
        found.add("voting")
    if before.retrieved != after.retrieved:
        found.add("retrieval")
    return frozenset(found)


def _examined(
    done: Sequence[AttemptDone], candidates: Mapping[str, Candidate], holdout: Mapping[str, Sequence[float]]
) -> list[str]:
    """Champions with held-out scores, in the order in which they became champion, each change once."""
    order: list[str] = []
    for one in done:
        if one.champion in candidates and one.champion in holdout and (not order or order[-1] != one.champion):
            order.append(one.champion)
    return order


def _steps(
    done: Sequence[AttemptDone], candidates: Mapping[str, Candidate], holdout: Mapping[str, Sequence[float]], lever: str
) -> list[tuple[str, str]]:
    """Neighbouring examined champions that differ by this lever alone."""
    order = _examined(done, candidates, holdout)
    only = frozenset((lever,))
    return [(a, b) for a, b in itertools.pairwise(order) if changed(candidates[a].prompt, candidates[b].prompt) == only]


def _sum_of_steps(steps: Sequence[tuple[str, str]], holdout: Mapping[str, Sequence[float]]) -> list[float]:
    """Per row, what the steps changed together; nan where one of them has no score."""
    return [
        math.fsum(after - before for after, before in pairs)
        for pairs in zip(*(tuple(zip(holdout[b], holdout[a], strict=True)) for a, b in steps), strict=True)
    ]


def ledger(
    done: Sequence[AttemptDone],
    candidates: Mapping[str, Candidate],
    *,
    baseline: str,
    holdout: Mapping[str, Sequence[float]],
    levers: Sequence[str],
    alone: Mapping[str, Sequence[float]] | None = None,
    clusters: Sequence[str] | None = None,
) -> tuple[LeverRecord, ...]:
    """A record of every lever: those that the recipe allows or that were pulled, in the recipe's order, then those that it does not.

    `holdout` holds held-out scores by candidate id in row order (nan where unscored); `alone` those of a prompt that differs from the baseline by
    one lever alone (the winner's demos under the baseline's instructions, and the reverse), by lever. A lever's gain is that prompt's over the
    baseline where it was measured. Else it is the sum of all steps between neighbouring examined champions that differ by this lever alone:
    all of them, so that none was picked for its gain. A step that changed two levers is laid to neither. The intervals hold together
    (Bonferroni over the levers with a figure, 95 %).
    """
    ordered = sorted(done, key=lambda one: one.attempt.number)
    measured = {lever: scores for lever, scores in (alone or {}).items() if any(map(math.isfinite, scores))}
    pulled = pulled_levers(ordered)
    names = [name for name in dict.fromkeys([*levers, *pulled]) if name not in ("baseline", "")]
    pairs: dict[str, tuple[Sequence[float], Sequence[float], str]] = {}
    for name in names:
        if name in measured and baseline in holdout:
            pairs[name] = (measured[name], holdout[baseline], "the winner's own, alone on the baseline, paired")
        elif steps := _steps(ordered, candidates, holdout, name):
            total = _sum_of_steps(steps, holdout)
            count = "the one step" if len(steps) == 1 else f"all {len(steps)} steps"
            pairs[name] = (total, [0.0] * len(total), f"{count} between examined champions that changed it alone, paired")
    level = 1 - _FAMILY / max(1, len(pairs))
    found = []
    for name in names:
        mine = [one for one, lever in zip(ordered, pulled, strict=True) if lever == name]
        met = [
            one.attempt for one in mine if one.attempt.gain is not None and math.isfinite(one.attempt.gain) and one.attempt.rows > 0
        ]
        gain, how = _measured(pairs.get(name), level, clusters)
        if not met:
            how = "not tried yet" if name in levers else how
        found.append(
            LeverRecord(
                name,
                name in levers,
                len(met),
                sum(attempt.outcome == "kept" for attempt in met),
                _calls(ordered, mine),
                gain,
                how,
            )
        )
    return (*found, *(LeverRecord(name, False, 0, 0, 0, None, "untried: not in the recipe's scope") for name in _others(names)))


def _others(names: Sequence[str]) -> tuple[str, ...]:
    """Levers that are not in the ledger yet."""
    return tuple(name for name in ("instructions", "demos", *ELSEWHERE) if name not in names)


def _measured(
    pair: tuple[Sequence[float], Sequence[float], str] | None, level: float, clusters: Sequence[str] | None
) -> tuple[Gain | None, str]:
    """The gain with its interval, and how it was measured or why not."""
    if pair is None:
        return None, "not measured: no two examined champions differ by it alone"
    after, before, how = pair
    gain = paired_gain(after, before, level, clusters)
    return (gain, how) if gain.estimate.n else (None, "not measured: no holdout row has both scores")


def _calls(ordered: Sequence[AttemptDone], mine: Sequence[AttemptDone]) -> int:
    """Task calls that these attempts took: what each added to the running count when it was committed."""
    before = {one.attempt.number: previous.task_calls for previous, one in itertools.pairwise(ordered)}
    return sum(max(0, one.task_calls - before.get(one.attempt.number, one.task_calls)) for one in mine)
