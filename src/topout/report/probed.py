"""What the probes of a run found, for a person. No proposal has a held-out score: they were selected on those rows."""

from __future__ import annotations

from rich.console import RenderableType

from topout.domain import Estimate
from topout.plateau.wording import chance, gain
from topout.report.findings import Findings
from topout.report.layout import block, grid, text
from topout.report.probe_plan import rungs_in_words
from topout.report.probes import NOTE, ProbeResult, finalists

__all__ = ["probe_block"]


def probe_block(f: Findings, folder: str) -> RenderableType:
    """The probes of a run: what was asked, raced and found."""
    rows: list[tuple[RenderableType, RenderableType]] = []
    for probe in f.probes:
        rows += told(probe, folder)
    best = next(iter(finalists(f.probes)), None)
    if best is not None and best.corrected is not None:
        raced = sum(len(probe.racers) for probe in f.probes if probe.finished)
        rows += [
            (text("best"), text(f"{against(best.corrected)}, the best of {raced} proposals; {NOTE}")),
            (text("kept in"), text(f"{folder}/probe")),
        ]
    return block("Probe (fresh proposals, raced on rows that no decision has used)", grid(rows))


def against(estimate: Estimate) -> str:
    """`+1.2 points [-0.4, 2.9], n = 400 against the best prompt`."""
    return f"{gain(estimate)} against the best prompt"


def told(probe: ProbeResult, folder: str) -> list[tuple[RenderableType, RenderableType]]:
    """One probe in a few lines."""
    outcomes = probe.outcomes()
    parts = [f"{outcomes['raced']} raced", *(f"{outcomes[o]} {o}" for o in ("duplicate", "rejected", "failed") if outcomes[o])]
    told = "not known" if probe.started.chance is None else chance(probe.started.chance)
    lines: list[tuple[RenderableType, RenderableType]] = [
        (text(f"probe {probe.started.number}"), text(f"{len(probe.proposals)} proposals: {', '.join(parts)}")),
        (text("raced"), text(f"{rungs_in_words(probe.raced)}; chance to decide, as told beforehand: {told}")),
    ]
    if not probe.finished:
        why = f"cut short ({probe.ended.ending}: {probe.ended.reason})" if probe.ended else "under way, or was killed"
        lines.append((text("state"), text(f"{why}; no evidence before it is finished. `topout probe {folder}` goes on", "yellow")))
    return lines
