"""The verdict: topped out, still climbing, or can't tell yet, with what would decide it."""

from __future__ import annotations

import math

from topout.domain import Ruling, Verdict
from topout.plateau import wording
from topout.plateau.calibration import features, shipped
from topout.plateau.effects import effects
from topout.plateau.evidence import Evidence
from topout.plateau.intervals import paired_sd, rows_needed, smallest_detectable

__all__ = ["MIN_DEV", "MIN_HOLDOUT", "MIN_PROPOSALS", "decide", "missing"]

MIN_HOLDOUT, MIN_PROPOSALS, MIN_DEV = 30, 20, 20


def missing(evidence: Evidence) -> tuple[str, ...]:
    """What the hard minimums still lack, each with how many; empty when they are met."""
    counts = (
        (evidence.n_holdout, MIN_HOLDOUT, "scored holdout rows"),
        (evidence.tried, MIN_PROPOSALS, "proposals tried on dev rows"),
        (evidence.n_dev, MIN_DEV, "scored dev rows"),
    )
    return tuple(f"{least - have} more {what} ({have} of at least {least})" for have, least, what in counts if have < least)


def _probability(evidence: Evidence) -> float | None:
    """P(the next doubling gains delta or more), None below the hard minimums or where the champions' held-out scores are missing."""
    if missing(evidence):
        return None
    row = features(evidence, effects(evidence.challengers))
    return None if row is None else shipped().probability(row, evidence.delta)


def _ruling(evidence: Evidence, probability: float | None) -> Ruling:
    """By the calibrated thresholds. A run that was cut short never topped out. Beyond the calibrated range of delta only that is said
    which is safe: topped out for a larger one (it is even less likely to be gained), climbing for a smaller one."""
    if probability is None:
        return "can't tell yet"
    calibration = shipped()
    topped_out, climbing = calibration.thresholds(evidence.delta)
    if probability <= topped_out and evidence.delta >= calibration.deltas[0] and not evidence.cut_short:
        return "topped out"
    if probability >= climbing and evidence.delta <= calibration.deltas[-1]:
        return "still climbing"
    return "can't tell yet"


def _figures(evidence: Evidence) -> tuple[str, ...]:
    """What the verdict rests on, one figure a line."""
    lines = []
    if evidence.champion is not None:
        lines.append(f"Held-out score now {wording.quality(evidence.champion)}")
    if evidence.since_baseline is not None and not _unchanged(evidence):
        lines.append(f"Held-out gain since baseline {wording.gain(evidence.since_baseline.estimate)}")
    if evidence.last_doubling is not None:
        lines.append(f"Held-out gain of the last doubling of calls {wording.gain(evidence.last_doubling.estimate)}")
    if evidence.tried:
        first, _, last = evidence.kept_by_third()
        thirds = f"; {100 * first:.0f} % of the first third, {100 * last:.0f} % of the last" if evidence.tried >= 3 else ""
        lines.append(f"{evidence.kept} of {evidence.tried} proposals kept{thirds}")
    if evidence.rejected:
        lines.append(f"{evidence.rejected} proposals rejected unread (the critic's reply did not pass the checks)")
    if evidence.calls_at_last_change:
        since = evidence.calls - evidence.calls_at_last_change
        lines.append(f"Last change of champion {wording.calls(since)} of {wording.calls(evidence.calls)} calls ago")
    elif evidence.calls:
        lines.append(f"No change of champion in {wording.calls(evidence.calls)} calls")
    if evidence.cut_short:
        lines.append(f"The run was cut short: {evidence.cut_short}")
    return tuple(lines)


def _more(evidence: Evidence) -> str:
    """`3,000 more task calls (about $1.20)`: as many again, or as many as the proposals that are missing take, at the price so far."""
    count = evidence.calls
    if 0 < evidence.tried < MIN_PROPOSALS:
        count = max(count, math.ceil(count * (MIN_PROPOSALS / evidence.tried - 1)))
    price = (
        f" (about {wording.dollars(evidence.cost_usd * count / evidence.calls)})" if evidence.cost_usd and evidence.calls else ""
    )
    return f"{wording.calls(max(count, 1))} more task {'calls' if count > 1 else 'call'}{price}"


def _rows(evidence: Evidence) -> tuple[int, float]:
    """Holdout rows that make a paired gain of delta visible, and the gain that today's rows make visible; 0 rows when there are enough or
    none is measured. By the larger paired standard deviation of the two gains: a champion that stayed says nothing about how far two
    different prompts differ."""
    gains = [g for g in (evidence.last_doubling, evidence.since_baseline) if g is not None and g.estimate.n > 0]
    if not gains or not evidence.delta > 0:
        return 0, 0.0
    sd = max(map(paired_sd, gains))
    rows = rows_needed(sd, evidence.delta)
    return (rows, smallest_detectable(sd, evidence.n_holdout)) if rows > evidence.n_holdout else (0, 0.0)


def _needs(evidence: Evidence) -> tuple[str, ...]:
    """What would help to decide, the sensible first. More calls make the gain that is asked for; more holdout rows only make it visible,
    and hardly move the verdict (docs/statistics.md: it decides as often with 50 rows as with 1,000), so they are the second choice. Cheaper is said
    where two prompts on the new rows would take more calls than that, labelling not counted."""
    lines = list(missing(evidence))
    if evidence.last_doubling is None and evidence.n_holdout:
        lines.append("The champion at half of the calls measured on holdout")
    rows, seen = _rows(evidence)
    if evidence.calls:
        lacking = rows - evidence.n_holdout
        order = "First, and cheaper: " if 2 * lacking >= evidence.calls else "First: "
        lines.append(f"{order}{_more(evidence)}, on the rows you have" if rows and not lines else _more(evidence))
    if rows and not missing(evidence):
        lines.append(
            f"Or, to prove a gain as small as {wording.points(evidence.delta)} points: {wording.calls(rows - evidence.n_holdout)} more"
            f" labelled holdout rows (the {wording.calls(evidence.n_holdout)} of today show gains from {wording.points(seen)} points up)"
        )
    return tuple(lines)


def _odds(evidence: Evidence, probability: float | None) -> str:
    """The chance in words, '' when there is none; where it lies between the thresholds, with both."""
    if probability is None:
        return ""
    said = f"the chance that {wording.calls(evidence.calls)} more calls gain {wording.points(evidence.delta)} points or more is "
    low, high = shipped().thresholds(evidence.delta)
    if low < probability < high and shipped().covers(evidence.delta):
        here = wording.chance(probability)
        if here in (wording.chance(low), wording.chance(high)):
            return f"{said}{here}, a hair from a clear word"
        return f"{said}{here} ({wording.chance(low)} or less: topped out; {wording.chance(high)} or more: climbing)"
    return f"{said}{wording.chance(probability)}"


def _unchanged(evidence: Evidence) -> bool:
    """Whether the baseline still leads: a gain of a prompt over itself says nothing."""
    gain = evidence.since_baseline
    return not evidence.changes and (gain is None or gain.better == gain.worse == 0)


def _sentence(evidence: Evidence, ruling: Ruling, probability: float | None) -> str:
    """The verdict for a reader in a hurry: the ruling first, then why, then what has been gained so far."""
    odds = _odds(evidence, probability)
    total = f"; held-out gain so far {wording.gain(evidence.since_baseline.estimate)}" if evidence.since_baseline else ""
    if _unchanged(evidence):
        total = "; no better prompt found so far"
    match ruling:
        case "topped out":
            tried = wording.listed(evidence.levers_tried) or "what was tried"
            if evidence.levers_untried:
                return f"Topped out for {tried} only ({wording.listed(evidence.levers_untried)} not tried): {odds}{total}."
            return f"Topped out for prompting as a whole ({tried}): {odds}{total}."
        case "still climbing":
            return f"Still climbing: {odds}{total}."
        case "can't tell yet":
            lacks = missing(evidence)
            if lacks:
                return f"Can't tell yet: {wording.listed(lacks)} needed{total}."
            if evidence.cut_short:
                return f"Can't tell yet: the run was cut short ({evidence.cut_short}){total}."
            return f"Can't tell yet{': ' + odds if odds else ''}{total}."


def _next_step(evidence: Evidence, ruling: Ruling) -> str:
    match ruling:
        case "topped out" if evidence.levers_untried:
            return f"Try {wording.listed(evidence.levers_untried)} before you look beyond prompting."
        case "topped out":
            return "Stop prompting here: keep this prompt, or look beyond it (a stronger model, retrieval, tools, training)."
        case "still climbing":
            return f"Go on: give the run {_more(evidence)}."
        case "can't tell yet":
            if evidence.n_holdout < MIN_HOLDOUT:
                return f"Add holdout rows: {MIN_HOLDOUT} at least."
            if evidence.n_dev < MIN_DEV:
                return f"Add dev rows: {MIN_DEV} at least."
            if evidence.cut_short:
                return "Resume the run."
            return f"Give the run {_more(evidence)}, then look again."


def decide(evidence: Evidence) -> Verdict:
    """The verdict on a run by its own evidence alone, for this model, critic, recipe and data.

    Never raises for poor input: one candidate, equal scores, nan or an empty holdout give "can't tell yet" and what is missing.
    """
    probability = _probability(evidence)
    ruling = _ruling(evidence, probability)
    last, total = evidence.last_doubling, evidence.since_baseline
    details: dict[str, float | int | None] = {
        "calls": evidence.calls,
        "calls_at_last_change": evidence.calls_at_last_change,
        "proposals_tried": evidence.tried,
        "proposals_kept": evidence.kept,
        "proposals_rejected": evidence.rejected,
        "dev_rows": evidence.n_dev,
        "holdout_rows": evidence.n_holdout,
        "gain_last_doubling": last.estimate.mean if last and math.isfinite(last.estimate.mean) else None,
        "gain_since_baseline": total.estimate.mean if total and math.isfinite(total.estimate.mean) else None,
        "smallest_detectable_gain": last.detectable if last and math.isfinite(last.detectable) else None,
        "cost_usd": evidence.cost_usd,
    }
    return Verdict(
        ruling=ruling,
        delta=evidence.delta,
        probability=probability,
        sentence=_sentence(evidence, ruling, probability),
        evidence=_figures(evidence),
        needs=_needs(evidence) if ruling == "can't tell yet" else (),
        next_step=_next_step(evidence, ruling),
        levers_tried=evidence.levers_tried,
        levers_untried=evidence.levers_untried,
        details=details,
    )
