"""Plateau probes: fresh proposals, raced against the champion on rows that no decision had used."""

from __future__ import annotations

from topout.report.findings import Findings
from topout.report.page.figures import change, counted
from topout.report.page.markup import Markup, html, joined, plain, table
from topout.report.page.shell import Section
from topout.report.probe_plan import rungs_in_words
from topout.report.probes import NOTE, ProbeResult, finalists

__all__ = ["probing"]


def probing(f: Findings) -> Section | None:
    """What was asked and raced, and the finalists' corrected difference to the champion; nothing for a run without a probe."""
    if not f.probes:
        return None
    places = {p.attempt: i for i, p in enumerate(p for probe in f.probes for p in probe.proposals)}
    best = [racer for racer in finalists(f.probes) if racer.attempt in places]
    rows = [
        (
            html("<code>{c}</code>", c=racer.candidate.id[:12]),
            racer.candidate.operator,
            counted(f"probe.csv:{places[racer.attempt]}.rows", racer.met.rows),
            change(f"probe.csv:{places[racer.attempt]}.corrected", racer.corrected, "_"),
            html('<span class="why">{w}</span>', w=plain(racer.candidate.rationale, 240)),
        )
        for racer in best[:12]
    ]
    heads = ("finalist", "operator", "holdout rows", "difference to the champion, corrected", "what it was meant to do")
    body = table("Finalists of the probes", heads, rows, right=(2, 3)) if rows else html("<p>No proposal was left at the end.</p>")
    told = joined(html("<li>{t}</li>", t=summary(probe)) for probe in f.probes)
    return Section(
        "probe",
        "Probe: fresh proposals against the best prompt",
        html("<ul>{t}</ul>{b}", t=told, b=body),
        f"{NOTE[:1].upper()}{NOTE[1:]}.",
    )


def summary(probe: ProbeResult) -> Markup:
    """A probe in a sentence."""
    outcomes = probe.outcomes()
    parts = ", ".join(f"{outcomes[o]} {o}" for o in ("raced", "duplicate", "rejected", "failed") if outcomes[o])
    state = "" if probe.finished else "; not finished, so no evidence yet"
    rungs = rungs_in_words(probe.raced)
    return html(
        "Probe {n}: {k} proposals ({p}); {r}{s}",
        n=probe.started.number,
        k=len(probe.proposals),
        p=parts or "none",
        r=rungs,
        s=state,
    )
