"""Everything that was tried and did not help: a later run need not try it again."""

from __future__ import annotations

from collections import Counter

from topout.domain import AttemptDone, Outcome
from topout.report.findings import Findings
from topout.report.page.families import trial
from topout.report.page.markup import Markup, details, html, joined, plain, table
from topout.report.page.shell import Section

__all__ = ["tried"]

MOST_LISTED = 400
MEANING: dict[Outcome, str] = {
    "dropped": "worse than the parent, or not better, on paired dev rows",
    "rejected": "the proposal did not pass the checks and was never tried",
    "failed": "the models gave nothing to work with",
    "cut": "the budget ended first",
}


def tried(f: Findings) -> Section | None:
    """Attempts that were not kept, by outcome, each with its reason."""
    found = [(i, d) for i, d in enumerate(f.attempts) if d.attempt.outcome != "kept"]
    if not found:
        return None
    counts = Counter(d.attempt.outcome for _, d in found)
    shown = found if len(found) <= MOST_LISTED else [found[i * len(found) // MOST_LISTED] for i in range(MOST_LISTED)]
    part = f" A sample of {len(shown):,} is listed; all are in candidates.csv." if len(shown) < len(found) else ""
    lead = f"{len(found):,} of {len(f.attempts) - 1:,} attempts were not kept: {', '.join(f'{n:,} {name}' for name, n in counts.most_common())}.{part}"
    body = joined(
        group(name, [one for one in shown if one[1].attempt.outcome == name], counts[name]) for name in MEANING if counts[name]
    )
    return Section("tried", "Tried and not kept", body, lead)


def group(name: Outcome, shown: list[tuple[int, AttemptDone]], count: int) -> Markup:
    """The attempts of one outcome."""
    body = table(
        f"Attempts {name}",
        ("attempt", "operator", "candidate", "dev gain over its parent", "reason", "what it was meant to do"),
        [
            (
                html("{n}", n=f"{d.attempt.number:,}"),
                html("{o}", o=d.attempt.operator),
                html("<code>{c}</code>", c=d.attempt.candidate.id[:8] if d.attempt.candidate else ""),
                trial(i, d),
                html('<span class="why">{r}</span>', r=plain(d.attempt.reason, 240)),
                html('<span class="why">{r}</span>', r=plain(d.attempt.candidate.rationale if d.attempt.candidate else "", 240)),
            )
            for i, d in shown
        ],
        right=(0, 3),
    )
    return details(f"{name.capitalize()}: {count:,} ({MEANING[name]})", body)
