"""`topout diff` for a terminal: what changed between two prompts of a run."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from topout.domain import Candidate
from topout.report.findings import Findings
from topout.report.layout import text
from topout.report.measures import split_estimates
from topout.report.showing import LONGEST, demo_lines, find_candidate, role_of, shortened
from topout.report.words import quality, safe_text
from topout.text.diffs import ChangedComponent, PromptDiff, prompt_diff

__all__ = ["Changed", "changed", "changes_between"]

LOOKS = {"same": "", "added": "green", "removed": "red strike"}
MARKS = {"same": ("", ""), "added": ("{+", "+}"), "removed": ("[-", "-]")}
"""Without colours the pieces are told apart by marks, as `git diff --word-diff=plain` does."""

CONTEXT = 1000
"""Characters that are shown of a stretch that did not change."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Two candidates of a run and what changed from `before` to `after`."""

    before: Candidate
    after: Candidate
    diff: PromptDiff


def changes_between(f: Findings, before: str, after: str) -> Changed:
    """Candidates by the start of their ids, or `baseline` and `winner`. Raises UserError for an unknown one."""
    one, other = (find_candidate(f, wanted, wanted) for wanted in (before, after))
    return Changed(one, other, prompt_diff(one.prompt, other.prompt))


def changed(f: Findings, found: Changed, marks: bool) -> RenderableType:
    """The changes; with `marks` around what was added and removed, for where colours cannot be seen."""
    held = split_estimates(f, "holdout")
    parts: list[RenderableType] = []
    for sign, one in (("-", found.before), ("+", found.after)):
        score = quality(held[one.id]) if one.id in held else "not examined"
        parts.append(text(f"{sign} {one.id}, {role_of(f, one)}; holdout {score}", "red" if sign == "-" else "green"))
    if found.after.rationale:
        parts.append(text(f"Why: {found.after.rationale}", "italic", limit=600))
    if found.diff.same:
        return Group(*parts, text(""), text("Nothing changed: it is the same prompt."))
    for component in found.diff.components:
        parts += [text(""), *component_lines(component, marks)]
    if found.diff.genes:
        parts += [text(""), text("--- how it is asked ---", "dim")]
    for gene in found.diff.genes:
        sign = {"added": "+ ", "removed": "- "}.get(gene.kind, "  ")
        parts.append(text(f"{sign}{gene.text}", LOOKS[gene.kind]))
    demos = found.diff.demos
    if demos:
        counts = {kind: sum(d.kind == kind for d in demos) for kind in ("same", "added", "removed")}
        told = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
        parts += [text(""), text(f"--- demos: {told} ---", "dim")]
    signs = {"added": "+", "removed": "-"}
    for d in demos:
        if d.kind != "same":
            sign = signs[d.kind]
            parts += [
                Padding(text(f"{sign} {line}", LOOKS[d.kind], 400), (0, 0, 0, 2), expand=False) for line in demo_lines(d.demo)
            ]
    return Group(*parts)


def component_lines(c: ChangedComponent, marks: bool) -> list[RenderableType]:
    """A component with its changes; one that stayed in a line."""
    name = c.role if c.name == c.role else f"{c.role}: {c.name}"
    frozen = " (frozen)" if c.frozen else ""
    head = text(f"--- {name}{frozen}: {'unchanged' if c.change == 'same' else c.change} ---", "dim")
    if c.change == "same":
        return [head]
    body = Text()
    for piece in c.pieces:
        start, end = MARKS[piece.kind] if marks else ("", "")
        most = CONTEXT if piece.kind == "same" else LONGEST
        body.append(f"{start}{safe_text(shortened(piece.text, most), lines=True)}{end}", style=LOOKS[piece.kind])
    return [head, body]
