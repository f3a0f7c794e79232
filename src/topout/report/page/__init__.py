"""report.html: one self-contained page from which a person can make and defend the decision that a run ends in.

Every section is a function from the findings to a `Section` (None when the data for it is not there), so that other pages can use them.
"""

from __future__ import annotations

from topout.report.findings import Findings
from topout.report.page.attempts import tried
from topout.report.page.costs import costs
from topout.report.page.families import lineage
from topout.report.page.gains import gains
from topout.report.page.overview import header, verdict
from topout.report.page.probing import probing
from topout.report.page.progress import progress
from topout.report.page.prompts import prompt_section
from topout.report.page.provenance import provenance
from topout.report.page.rows import examples, still_wrong
from topout.report.page.rungs import next_rung
from topout.report.page.shell import Section, document
from topout.report.page.splits import splits
from topout.report.words import safe_text

__all__ = ["report_page", "sections"]


def sections(f: Findings, path: str) -> list[Section]:
    """The sections in the order in which a decision is made. `path` is the run's folder as a person would type it."""
    found = (
        verdict(f, path),
        progress(f),
        probing(f),
        next_rung(f),
        gains(f),
        costs(f),
        prompt_section(f),
        lineage(f),
        examples(f),
        still_wrong(f),
        splits(f),
        tried(f),
        provenance(f, path),
    )
    return [one for one in found if one is not None]


def report_page(f: Findings, path: str = "runs/latest") -> str:
    """The whole page as HTML."""
    task = str(f.started.manifest.get("task") or "run")
    return document(f"{safe_text(task, 80)}: {f.verdict.ruling}", header(f.started), sections(f, path))
