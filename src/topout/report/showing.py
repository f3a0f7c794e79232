"""`topout show` and `topout runs`: a prompt, the attempts, the rows it gets wrong; and a line a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from topout.domain import AttemptDone, Candidate, Demo, Estimate, Prompt, Rollout, Scored, Split
from topout.errors import UserError, did_you_mean
from topout.plateau.wording import points
from topout.report.findings import Findings
from topout.report.layout import block, grid, table, text
from topout.report.measures import failures, setting, split_estimates
from topout.report.samples import step_lines
from topout.report.words import EMBEDDED_NOTE, amount, is_embedded, quality
from topout.text.genes import described

__all__ = [
    "HOLDOUT_WARNING",
    "Head",
    "demo_lines",
    "failure_list",
    "find_candidate",
    "prompt_text",
    "role_of",
    "runs_table",
    "shortened",
    "show",
]

HOLDOUT_WARNING = (
    "Whoever reads these rows and then edits the prompt has selected on them: their scores are no evidence for that prompt any more. "
    "Dev rows are there to be read."
)


MOST_ATTEMPTS = 30
"""Attempts that are listed one by one unless all are asked for."""

LONGEST = 20_000
"""Characters of an instruction text that are shown. `topout export` writes it whole."""


class Head(Protocol):
    """What a list of runs tells of each; `started` in seconds since 1970 (UTC), `ending` None for a run that has not ended."""

    @property
    def name(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def recipe(self) -> str: ...
    @property
    def started(self) -> float: ...
    @property
    def ending(self) -> str | None: ...
    @property
    def baseline(self) -> Estimate | None: ...
    @property
    def winner(self) -> Estimate | None: ...
    @property
    def ruling(self) -> str | None: ...
    @property
    def seed(self) -> int | None: ...
    @property
    def calls(self) -> int: ...
    @property
    def paid_usd(self) -> float | None: ...
    @property
    def kept_baseline(self) -> bool: ...


def show(
    f: Findings, candidate: str | None = None, split: Split = "dev", limit: int = 5, all_attempts: bool = False
) -> RenderableType:
    """A candidate's prompt (the winner's by default; the start of an id is enough), the attempts (of many those that were kept, unless all are asked for),
    and at most `limit` rows of a split that it did not get fully right. Raises UserError for an unknown id."""
    chosen = f.winner if candidate is None else find_candidate(f, candidate)
    wrong = failures(f, chosen.id, split)
    parts: list[RenderableType] = [
        text(f"{chosen.id}, {role_of(f, chosen)}", "bold"),
        *([text(EMBEDDED_NOTE, "yellow")] if is_embedded(setting(f, "model")) else []),
        *([text(f"Why: {chosen.rationale}", "italic", limit=600)] if chosen.rationale else []),
        block("Scores (95 % intervals)", scores_by_split(f, chosen)),
        *([block("Lineage", lineage(f, chosen))] if chosen.parents else []),
        block("Prompt", *prompt_text(chosen.prompt)),
        block(
            "Attempts (gain over the parent on paired dev rows, in points; * took the lead)", *attempts(f.attempts, all_attempts)
        ),
        block(
            f"Not fully right on {split}: {len(wrong):,} row{'' if len(wrong) == 1 else 's'}{', the first ' + str(limit) if len(wrong) > limit > 0 else ''}"
        ),
        failure_list(wrong[:limit], split),
    ]
    return Group(*parts)


def scores_by_split(f: Findings, chosen: Candidate) -> RenderableType:
    """What the candidate got on each split, with what that split is for."""
    meanings: dict[Split, str] = {
        "holdout": "",
        "shift": "other rows",
        "dev": "candidates are selected on these rows",
        "train": "the critic reads these rows",
    }
    rows: list[list[RenderableType]] = []
    for split, meaning in meanings.items():
        by_candidate = split_estimates(f, split)
        if not by_candidate and split != "holdout":
            continue
        found = by_candidate.get(chosen.id)
        rows.append([text(split), text(quality(found) if found else "not measured"), text(meaning, "dim")])
    return grid(rows)


def lineage(f: Findings, chosen: Candidate) -> RenderableType:
    """From the baseline to the candidate by first parents: the move, its gain over the parent on paired dev rows, and why it was proposed."""
    steps: list[Candidate] = []
    at: Candidate | None = chosen
    while at is not None and at not in steps:
        steps.append(at)
        at = f.candidates.get(at.parents[0]) if at.parents else None
    tried = {d.attempt.candidate.id: d.attempt for d in reversed(f.attempts) if d.attempt.candidate}
    parts: list[RenderableType] = []
    for c in reversed(steps):
        a = tried.get(c.id)
        gained = (
            f" {points(a.gain, True)} ±{100 * (a.gain_se or 0.0):.1f} points on {a.rows:,} dev rows"
            if a and a.gain is not None
            else ""
        )
        mixed = f" with {', '.join(p[:8] for p in c.parents[1:])}" if len(c.parents) > 1 else ""
        parts.append(text(f"{c.id[:8]}  {c.operator}{mixed}{gained}"))
        if c.rationale and c.id != chosen.id:
            parts.append(hung(c.rationale, 10, "dim", 200))
    return Group(*parts)


def role_of(f: Findings, candidate: Candidate) -> str:
    """`the winner`, `the baseline`, or the move that made it."""
    if candidate.id == f.baseline.id:
        return "the baseline, and the winner" if candidate.id == f.winner.id else "the baseline"
    return "the winner" if candidate.id == f.winner.id else candidate.operator


def find_candidate(f: Findings, wanted: str, where: str = "") -> Candidate:
    """The one candidate whose id begins so; `baseline` and `winner` name themselves. Raises UserError, beginning with `where`, when it is none or
    several."""
    where = where or f"--candidate {wanted}"
    if wanted in f.candidates:
        return f.candidates[wanted]
    named = {"baseline": f.baseline, "winner": f.winner}
    if wanted in named:
        return named[wanted]
    found = [c for name, c in f.candidates.items() if wanted and name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"{where}: {len(found)} candidates begin so. Give more of the id.")
    if wanted and any(racer.candidate.id.startswith(wanted) for probe in f.probes for racer in probe.racers):
        raise UserError(
            f"{where}: found by a probe and selected on held-out rows, so it has no held-out score and is no candidate of the run. Start a run from "
            "its prompt (probe/ in the run's folder), on a holdout that the probe did not use, or measure it on new rows."
        )
    raise UserError(f"{where}: no such candidate in this run.{did_you_mean(wanted, [*named, *f.candidates])}")


def prompt_text(prompt: Prompt) -> list[RenderableType]:
    """The parts of a prompt with their marks, and the demos."""
    parts: list[RenderableType] = []
    for c in prompt.components:
        name = "" if c.name == c.role else f": {c.name}"
        parts += [
            text(f"--- {c.role}{name}{' (frozen)' if c.frozen else ''} ---", "dim"),
            text(shortened(c.text, LONGEST), lines=True),
            Text(" "),
        ]
    genes = described(prompt)
    if genes:
        parts += [text("--- how it is asked ---", "dim"), *(text(gene) for gene in genes), Text(" ")]
    if prompt.demos:
        parts.append(text(f"--- {len(prompt.demos)} demos ---", "dim"))
    for i, demo in enumerate(prompt.demos, 1):
        source = f" (train row {demo.example_id})" if demo.example_id else ""
        source += f" for {demo.component}" if demo.component else ""
        parts.append(text(f"{i}.{source}", "dim"))
        parts += [hung(line, 3, limit=400) for line in demo_lines(demo)]
    return parts


def shortened(value: str, most: int) -> str:
    """A text of at most `most` characters and what was left out, from its middle."""
    if len(value) <= most:
        return value
    return f"{value[: most // 2]} … {len(value) - most:,} characters not shown … {value[-(most // 2) :]}"


def demo_lines(demo: Demo) -> list[str]:
    """A demo, a line a field and one for its output."""
    return [*(f"{name}: {value}" for name, value in demo.inputs.items()), f"-> {demo.output}"]


def attempts(done: Sequence[AttemptDone], every: bool = True) -> list[RenderableType]:
    """A line an attempt; without `every` and with more than `MOST_ATTEMPTS` of them, only those that were kept, and how many others there are."""
    others = Counter(d.attempt.outcome for d in done if d.attempt.outcome != "kept")
    short = not every and len(done) > MOST_ATTEMPTS and len(done) > others.total()
    styles = {"kept": "green", "dropped": "", "rejected": "yellow", "failed": "red", "cut": "dim"}
    rows: list[list[RenderableType]] = []
    champion = ""
    for d in done:
        a = d.attempt
        moved = d.champion != champion
        champion = d.champion
        if short and a.outcome != "kept":
            continue
        gain = f"{points(a.gain, True)} ±{100 * (a.gain_se or 0.0):.1f}" if a.gain is not None else ""
        rows.append(
            [
                text("base" if a.number < 0 else str(a.number)),
                text(a.operator),
                text(a.outcome, styles[a.outcome]),
                text(gain),
                text(f"{a.rows:,}" if a.rows else ""),
                text(f"{a.candidate.id[:8]}{' *' if moved and a.candidate.id == champion else ''}" if a.candidate else ""),
                text(a.reason, limit=160),
            ]
        )
    heads = ("", "operator", "outcome", "gain ±se", "rows", "candidate", "reason")
    told = f"and {', '.join(f'{n:,} {outcome}' for outcome, n in others.most_common())}: --attempts lists them"
    return [table(heads, rows, right=(0, 3, 4)), *([text(told, "dim")] if short else [])]


def failure_list(rows: Sequence[Rollout], split: Split) -> RenderableType:
    """Answers with the scorer's words, one under the other."""
    parts: list[RenderableType] = []
    if split in ("holdout", "shift") and rows:
        parts.append(text(HOLDOUT_WARNING, "yellow"))
    for r in rows:
        judged = f"score {r.score.value:.2f}: {r.score.feedback}" if isinstance(r.score, Scored) else f"no score: {r.score.reason}"
        parts += [hung(r.example, 2, "bold", 60), *(hung(line, 4, "dim", 300) for line in step_lines(r))]
        parts += [hung(f"answer  {r.answer}", 4, limit=300), hung(judged, 4, limit=300)]
    return Group(*parts)


def hung(value: str, indent: int, style: str = "", limit: int | None = None) -> RenderableType:
    """Text that stays indented where it wraps."""
    return Padding(text(value, style, limit), (0, 0, 0, indent), expand=False)


def runs_table(heads: Sequence[Head], runs_dir: str = "runs") -> RenderableType:
    """The runs of a folder, as they are given; three lines each, because their names are long."""
    if not heads:
        return text(f"No runs in {runs_dir}/. Start one: topout optimize tasks/support-tickets")
    parts: list[RenderableType] = []
    for h in heads:
        outcome = " · ".join([h.ending or "not ended", *([h.ruling] if h.ruling else [])])
        when = datetime.fromtimestamp(h.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
        parts += [
            text(h.name, "bold"),
            hung(f"{when} · {h.task} · {h.model} · {h.recipe}, seed {'?' if h.seed is None else h.seed}", 2, limit=200),
            hung(f"{outcome} · {h.calls:,} calls · paid {amount(h.paid_usd)}", 2, limit=200),
        ]
        if h.baseline is not None and h.winner is not None:
            none = "no better prompt found" if h.ending in ("budget", "finished") else "no better prompt so far"
            best = none if h.kept_baseline else f"-> {quality(h.winner)}"
            parts.append(hung(f"held out {quality(h.baseline)}{', ' if h.kept_baseline else ' '}{best}", 2))
        else:
            parts.append(hung("held out: not measured", 2, "dim"))
    return Group(*parts)
