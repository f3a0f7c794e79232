"""The verdict: topped out, still climbing, or can't tell yet, with what would decide it."""

from __future__ import annotations

import math

from topout.domain import Estimate, Ruling, Verdict
from topout.plateau import wording
from topout.plateau.calibration import ENOUGH, Judgement, judge, shipped
from topout.plateau.effects import scored_well
from topout.plateau.evidence import Evidence
from topout.plateau.intervals import paired_sd, rows_needed, smallest_detectable
from topout.plateau.probing import SIZES, chance_of_deciding, cut, plan_probe, posterior

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


def _judged(evidence: Evidence) -> Judgement | None:
    """P(the next doubling gains delta or more), None below the hard minimums or where the champions' held-out scores are missing."""
    return None if missing(evidence) or math.isnan(evidence.delta) else judge(evidence, shipped())


def _proven(evidence: Evidence, judged: Judgement | None) -> Estimate | None:
    """For a run too young to be judged: the probe's best proposal, when it is shown to beat the champion by delta or more (the whole corrected
    interval lies there). Finding one is climbing. Of 332 such finds in simulated runs 5 were truly worth less (docs/statistics.md)."""
    if judged is not None or evidence.n_holdout < MIN_HOLDOUT or not evidence.delta > 0:
        return None
    corrected = posterior([c for c in evidence.probe if scored_well(c)])
    shown = [one for one in corrected if one.n >= MIN_HOLDOUT and one.low >= evidence.delta]
    return max(shown, key=lambda one: one.low, default=None)


def _ruling(evidence: Evidence, judged: Judgement | None) -> Ruling:
    """By the calibrated thresholds; a run too young for them by what its probe has proven. A run that was cut short never topped out. Beyond the calibrated range of
    delta only that is said which is safe: topped out for a larger one (it is even less likely to be gained), climbing for a smaller one."""
    if judged is None:
        return "still climbing" if _proven(evidence, judged) is not None else "can't tell yet"
    topped_out, climbing = judged.by.thresholds(evidence.delta)
    if judged.probability <= topped_out and evidence.delta >= judged.by.deltas[0] and not evidence.cut_short:
        return "topped out"
    if judged.probability >= climbing and evidence.delta <= judged.by.deltas[-1]:
        return "still climbing"
    return "can't tell yet"


def _probe(evidence: Evidence, judged: Judgement | None) -> list[str]:
    """What the probe has found: its best proposal, corrected for having been picked, and what as many again would find."""
    scored = [c for c in evidence.probe if scored_well(c)]
    if not scored:
        return ["Probe: none of its proposals has a score"] if evidence.probe else []
    rows = [c.rows for c in scored]
    best = max(posterior(scored), key=lambda one: one.mean)
    least, most = min(rows), max(rows)
    on = f"{least} to {most}" if least < most else f"{most}"
    lines = [
        f"Probe: {_some(len(scored), 'fresh proposal')} met the champion on {on} held-out rows; the best of them, corrected for having been picked,"
        f" {wording.gain(best)}"
    ]
    if judged is not None and judged.found is not None:
        low, high = judged.found.range_of_best
        lines.append(
            f"By the spread of these, the best of {_some(evidence.tried + evidence.gated, 'more proposal')} gains"
            f" {wording.points(judged.found.promise.emax, True)} points on average [{100 * low:.1f} to {100 * high:.1f} in 95 % of draws],"
            f" n = {len(scored)}"
        )
    elif len(scored) < ENOUGH:
        lines.append(f"The probe is left out of the verdict: {len(scored)} scored proposals of at least {ENOUGH}")
    return lines


def _some(count: int, what: str) -> str:
    return f"{wording.calls(count)} {what}{'' if count == 1 else 's'}"


def _figures(evidence: Evidence, ruling: Ruling, judged: Judgement | None) -> tuple[str, ...]:
    """What the verdict rests on, one figure a line."""
    lines = _probe(evidence, judged)
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
    if evidence.gated:
        lines.append(f"{_some(evidence.gated, 'more proposal')} dropped before a dev row that its parent was measured on as well")
    if evidence.rejected:
        lines.append(f"{_some(evidence.rejected, 'proposal')} rejected unread (the critic's reply did not pass the checks)")
    if evidence.calls_at_last_change:
        since = evidence.calls - evidence.calls_at_last_change
        lines.append(f"Last change of champion {wording.calls(since)} of {wording.calls(evidence.calls)} calls ago")
    elif evidence.calls:
        lines.append(f"No change of champion in {wording.calls(evidence.calls)} calls")
    if evidence.cut_short:
        lines.append(f"The run was cut short: {evidence.cut_short}")
    if ruling == "topped out":
        lines.append("No method can exclude a late unlock: nothing for long, then a climb")
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


def _offer(evidence: Evidence, judged: Judgement | None) -> list[str]:
    """A probe, with its price and its chance of deciding: the largest that costs no more than the run so far, else the smallest. None after one."""
    if judged is None or evidence.probe or evidence.cut_short:
        return []
    reading = evidence.read_calls
    plan = plan_probe(evidence.n_holdout, evidence.calls, reading) or cut(SIZES[0], evidence.n_holdout)
    count = math.ceil(plan.calls + plan.proposals * reading)
    price = f" ({wording.dollars(evidence.cost_usd * count / evidence.calls)})" if evidence.cost_usd and evidence.calls else ""
    chance = chance_of_deciding(judged.alone, evidence.delta, plan)
    odds = "" if chance is None else f", decides with a chance of {wording.chance(chance)}"
    return [
        f"Or ask now: topout probe RUN, {_some(plan.proposals, 'fresh proposal')} against the champion, about {wording.calls(count)} calls{price}{odds}"
    ]


def _needs(evidence: Evidence, judged: Judgement | None) -> tuple[str, ...]:
    """What would help to decide, the sensible first. More calls make the gain that is asked for; more holdout rows only make it visible,
    and hardly move the verdict (docs/statistics.md: it decides as often with 50 rows as with 1,000), so they are the second choice."""
    lines = list(missing(evidence))
    if evidence.last_doubling is None and evidence.n_holdout:
        lines.append("The champion at half of the calls measured on holdout")
    rows, seen = _rows(evidence)
    if evidence.calls:
        lines.append(f"First: {_more(evidence)}, on the rows you have" if rows and not lines else _more(evidence))
    lines += _offer(evidence, judged)
    if rows and not missing(evidence):
        lines.append(
            f"Or, to prove a gain as small as {wording.points(evidence.delta)} points: {wording.calls(rows - evidence.n_holdout)} more"
            f" labelled holdout rows (as this run's scores vary, the {wording.calls(evidence.n_holdout)} of today show gains from {wording.points(seen)} points up)"
        )
    return tuple(lines)


def _odds(evidence: Evidence, judged: Judgement | None) -> str:
    """The chance in words, '' when there is none; where it lies between the thresholds, with both."""
    if judged is None:
        return ""
    probability = judged.probability
    said = f"the chance that {wording.calls(evidence.calls)} more calls gain {wording.points(evidence.delta)} points or more is "
    low, high = judged.by.thresholds(evidence.delta)
    if low < probability < high and judged.by.covers(evidence.delta):
        here = wording.chance(probability)
        if here in (wording.chance(low), wording.chance(high)):
            return f"{said}{here}, a hair from a clear word"
        return f"{said}{here} ({wording.chance(low)} or less: topped out; {wording.chance(high)} or more: climbing)"
    return f"{said}{wording.chance(probability)}"


def _unchanged(evidence: Evidence) -> bool:
    """Whether the baseline still leads: a gain of a prompt over itself says nothing."""
    gain = evidence.since_baseline
    return not evidence.changes and (gain is None or gain.better == gain.worse == 0)


def _sentence(evidence: Evidence, ruling: Ruling, judged: Judgement | None) -> str:
    """The verdict for a reader in a hurry: the ruling first, then why, then what has been gained so far."""
    odds = _odds(evidence, judged)
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
            proven = _proven(evidence, judged)
            if proven is not None:
                return (
                    f"Still climbing: a fresh proposal of the probe beats the best prompt by {wording.gain(proven)}"
                    f" (corrected for having been picked){total}."
                )
            return f"Still climbing: {odds}{total}."
        case "can't tell yet":
            if evidence.cut_short:
                return f"Can't tell yet: the run was cut short ({evidence.cut_short}){total}."
            lacks = missing(evidence)
            if lacks:
                return f"Can't tell yet: {wording.listed(lacks)} needed{total}."
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
            if evidence.cut_short:
                return "Resume the run."
            if evidence.n_holdout < MIN_HOLDOUT:
                return f"Add holdout rows: {MIN_HOLDOUT} at least."
            if evidence.n_dev < MIN_DEV:
                return f"Add dev rows: {MIN_DEV} at least."
            return f"Give the run {_more(evidence)}, then look again."


def decide(evidence: Evidence) -> Verdict:
    """The verdict on a run by its own evidence, and its probe's when there is one, for this model, critic, recipe and data.

    Never raises for poor input: one candidate, equal scores, nan or an empty holdout give "can't tell yet" and what is missing.
    """
    judged = _judged(evidence)
    ruling = _ruling(evidence, judged)
    last, total = evidence.last_doubling, evidence.since_baseline
    details: dict[str, float | int | None] = {
        "calls": evidence.calls,
        "calls_at_last_change": evidence.calls_at_last_change,
        "proposals_tried": evidence.tried,
        "proposals_kept": evidence.kept,
        "proposals_rejected": evidence.rejected,
        "dev_rows": evidence.n_dev,
        "holdout_rows": evidence.n_holdout,
        "probe_proposals": sum(c.rows > 0 for c in evidence.probe),
        "probe_rows": max((c.rows for c in evidence.probe), default=0),
        "probability_by_the_run_alone": judged.alone if judged else None,
        "gain_last_doubling": last.estimate.mean if last and math.isfinite(last.estimate.mean) else None,
        "gain_since_baseline": total.estimate.mean if total and math.isfinite(total.estimate.mean) else None,
        "smallest_detectable_gain": last.detectable if last and math.isfinite(last.detectable) else None,
        "cost_usd": evidence.cost_usd,
    }
    return Verdict(
        ruling=ruling,
        delta=evidence.delta,
        probability=judged.probability if judged else None,
        sentence=_sentence(evidence, ruling, judged),
        evidence=_figures(evidence, ruling, judged),
        needs=_needs(evidence, judged) if ruling == "can't tell yet" else (),
        next_step=_next_step(evidence, ruling),
        levers_tried=evidence.levers_tried,
        levers_untried=evidence.levers_untried,
        details=details,
    )
