"""Only if better: is a prompt shown to be better, on held-out rows, than what an alias points at?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from topout.contracts import Offer, Registered
from topout.domain import Estimate, Json
from topout.exporters.provenance import provenance_document
from topout.plateau.intervals import paired_gain
from topout.plateau.wording import gain, quality
from topout.text.fingerprints import digest

__all__ = ["Comparison", "compare", "record_of"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`better` when the offer is shown to be; `reason` says what was compared, and how. `measured_here` when both were measured by the offer's own
    run, so that no other run compares them better."""

    better: bool
    reason: str
    measured_here: bool = False


def record_of(offer: Offer) -> dict[str, Json]:
    """What travels to a registry with a version: its provenance, and as "rows" the held-out score of each row under a hash of its id, so that a later
    prompt can be compared on the same rows without the run that measured this one."""
    name = row_names(offer)
    rows: dict[str, Json] = {name[example]: offer.scores[example] for example in sorted(name, key=name.__getitem__)}
    return {**provenance_document(offer), "rows": rows}


def row_names(offer: Offer) -> dict[str, str]:
    """16 hex digits for each held-out row: the same for the same holdout, without its id."""
    return {example: digest([offer.provenance.holdout_fingerprint, example])[:16] for example in offer.scores}


def compare(offer: Offer, current: Registered, measured: Mapping[str, float]) -> Comparison:
    """Better means: the whole 95 % interval of the paired gain lies above 0; without common rows, the interval of the one above that of the other.

    `measured` are the held-out scores of the current version's prompt in the offer's own run, empty when it was no candidate there; otherwise its
    record decides. What was measured on other rows, with another scorer or another model is not comparable, and so not shown to be worse.
    """
    p, where = offer.provenance, f"version {current.version}"
    if offer.scores.keys() & measured.keys():
        here = paired(offer, offer.scores, measured, f"{where}, paired on the same held-out rows of this run")
        return replace(here, measured_here=True)
    if current.unread and not current.record:
        return Comparison(False, f"{where} cannot be read ({current.unread}): not comparable")
    if not p.score.n:
        return Comparison(False, f"this candidate was not measured on held-out rows, {where}: {quality(estimate(current.record))}")
    if not current.record:
        return Comparison(
            False, f"{where} has no record of a held-out score by topout and is no candidate of this run: not comparable"
        )
    if not p.holdout_fingerprint or p.holdout_fingerprint != current.record.get("holdout_fingerprint"):
        return Comparison(False, f"{where} was measured on other held-out rows or with another scorer: not comparable")
    if p.model != current.record.get("model"):
        return Comparison(False, f"{where} was measured with {current.record.get('model')}, this with {p.model}: not comparable")
    score = estimate(current.record)
    if not score.n:
        return Comparison(False, f"{where} was not measured on held-out rows: not comparable")
    known, name = current.record.get("rows"), row_names(offer)
    scored = {one: float(v) for one, v in known.items() if isinstance(v, int | float)} if isinstance(known, dict) else {}
    theirs = {example: scored[row] for example, row in name.items() if row in scored}
    if theirs:
        return paired(offer, offer.scores, theirs, f"{where}, paired on the same held-out rows")
    shown = f"{quality(p.score)} against {quality(score)} for {where}, by intervals (its rows are not at hand)"
    return Comparison(math.isfinite(p.score.low) and p.score.low > score.high, shown)


def paired(offer: Offer, mine: Mapping[str, float], theirs: Mapping[str, float], where: str) -> Comparison:
    """On the rows that both were scored on."""
    common = sorted(mine.keys() & theirs.keys())
    clusters = [offer.groups.get(example, "") for example in common] if any(offer.groups.values()) else None
    found = paired_gain([mine[one] for one in common], [theirs[one] for one in common], clusters=clusters)
    return Comparison(found.estimate.low > 0, f"{gain(found.estimate)} over {where}")


def estimate(record: Mapping[str, Json]) -> Estimate:
    """The held-out score in a record, n = 0 when there is none. A record is somebody else's text: nothing of it is taken for granted."""
    holdout = record.get("holdout")
    this = holdout.get("this") if isinstance(holdout, dict) else None
    found = this if isinstance(this, dict) else {}
    mean, low, high, n = (found.get(name) for name in ("mean", "low", "high", "n"))
    if not (
        isinstance(mean, int | float) and isinstance(low, int | float) and isinstance(high, int | float) and isinstance(n, int)
    ):
        return Estimate(math.nan, 0.0, 1.0, 0)
    return Estimate(float(mean), float(low), float(high), n)
