"""A proposal as the files of a task folder: plain, commented, there to be edited."""

from __future__ import annotations

import json
from collections.abc import Mapping

from topout.domain import Component, Json, Prompt, Split
from topout.intake.proposal import SCORERS, Proposal
from topout.intake.shapes import Entry, Reading, text
from topout.text.prompts import format_prompt

__all__ = ["task_files"]

MEANING: Mapping[Split, str] = {
    "train": "the critic reads them, few-shot examples come from them",
    "dev": "prompts are selected on them",
    "holdout": "for reporting only: neither search nor critic sees them",
    "shift": "rows of another kind, for reporting only",
}
DEPLOYMENT = """\
# What the advice after a run goes by: what is not told is asked for then, never assumed. Take the mark off and put in your own.
# [deployment]
# calls_per_day = 1000
# target_score = 0.9        # good enough; from 0 to 1, as scores are
# label_agreement = 0.95    # what one careful person's answers score against another's
# latency_limit_s = 2.0
"""
OWN_SCORER = '''\
"""Judges one answer."""


def score(answer, expected, inputs):
    """A number from 0 to 1, or (number, feedback): what the critic is told about a wrong answer."""
    if answer.strip() == str(expected).strip():
        return 1.0
    return 0.0, f"expected {expected!r}"
'''


RUBRIC = """\
The answer says what the reference says. Other words are fine.

5: all of it, and nothing wrong beside it
3: the main point, and something is missing
1: wrong, or about something else
"""
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "json": ('credit = "fields"  # "all": nothing unless every field is right',),
    "code": ('credit = "all"  # "cases": the share of cases that pass', "timeout_s = 5  # processor time of one run"),
    "judge": (
        'rubric = "rubric.md"  # what makes an answer good: say it there',
        '# model = "openai/gpt-5"  # the judge; or --judge MODEL with each command',
        "scale = [1, 5]  # worst and best mark",
    ),
}


def task_files(name: str, description: str, source: str, reading: Reading, proposal: Proposal) -> dict[str, bytes]:
    """The files by their path in the folder."""
    files = {
        "task.toml": toml(name, description, proposal),
        "prompt.md": format_prompt(prompt(description, proposal)),
        "README.md": readme(name, description, source, reading, proposal),
    }
    for split, rows in proposal.splits.items():
        files[f"data/{split}.jsonl"] = "".join(line(entry) + "\n" for entry in rows)
    if proposal.scorer == "scorer.py":
        files["scorer.py"] = OWN_SCORER
    if proposal.scorer == "judge":
        files["rubric.md"] = RUBRIC
    return {path: content.encode("utf-8", "backslashreplace") for path, content in files.items()}


def line(entry: Entry) -> str:
    """A row as JSON; `expected` beside the inputs, under a name that no input has."""
    row: dict[str, Json] = {"id": entry.id} if entry.id else {}
    row.update(entry.inputs)
    if entry.group:
        row["group"] = entry.group
    row[expected_name(tuple(entry.inputs))] = entry.expected
    return json.dumps(row, ensure_ascii=False)


def expected_name(fields: tuple[str, ...]) -> str:
    """`expected`, unless an input is called so."""
    name = "expected"
    while name in fields:
        name += "_"
    return name


def toml(name: str, description: str, p: Proposal) -> str:
    """task.toml with a comment where there is a choice."""
    lines = [
        f"name = {quoted(name)}",
        f"description = {quoted(description)}",
        f"fields = {json.dumps(list(p.fields), ensure_ascii=False)}  # the inputs; {{{{field}}}} in prompt.md is replaced by them",
        f"expected = {quoted(expected_name(p.fields))}",
    ]
    if any(e.group for rows in p.splits.values() for e in rows):
        lines.append('group = "group"  # rows of one group belong together: never in two splits, and counted as one in intervals')
    if p.labels:
        lines += ["labels = [", *(f"  {quoted(label)}," for label in p.labels), "]"]
    lines += ["", "[scorer]"]
    if p.scorer == "scorer.py":
        lines.append('file = "scorer.py"  # your own function; others: ' + ", ".join(one for one in SCORERS if one != "scorer.py"))
    else:
        lines.append(f'name = "{p.scorer}"  # {SCORERS[p.scorer]}')
    lines += SETTINGS.get(p.scorer, ())
    lines += [
        "",
        "[critic]",
        'notes = ""  # what a newcomer to this task should know; the critic reads it',
        "",
        DEPLOYMENT.rstrip("\n"),
    ]
    return "\n".join(lines) + "\n"


def quoted(value: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for the control that JSON leaves bare."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def prompt(description: str, p: Proposal) -> Prompt:
    """A plain first prompt: the task in a sentence, what an answer looks like, and the inputs by name."""
    how = {
        "label": "Answer with the category only.",
        "exact": "Answer with the answer only, without a sentence around it.",
        "numeric": "Answer with the number only.",
        "json": "Answer with one JSON object and nothing else.",
        "code": "Answer with one Python program in a fenced block and nothing else.",
    }.get(p.scorer, "")
    parts = [description]
    if p.labels:
        parts.append("Choose one of these categories:\n\n" + "\n".join(f"- {label}" for label in p.labels))
    if p.scorer == "json":
        keys = dict.fromkeys(k for rows in p.splits.values() for e in rows if isinstance(e.expected, dict) for k in e.expected)
        if keys:
            parts.append("Its keys: " + ", ".join(keys) + ".")
    parts.append(how)
    asked = "\n".join(f"{field.replace('_', ' ').capitalize()}: {{{{{field}}}}}" for field in p.fields)
    return Prompt(
        (Component("system", "system", "\n\n".join(part for part in parts if part)), Component("user", "user", asked, frozen=True))
    )


def readme(name: str, description: str, source: str, reading: Reading, p: Proposal) -> str:
    """What is in the folder, with counts."""
    counts = [f"| {split} | {len(rows):,} | {MEANING[split]} |" for split, rows in p.splits.items()]
    made = [f"- {column} -> {what}" for column, what in reading.mapping]
    out = [
        f"# {name}",
        "",
        description,
        "",
        "| split | rows | what for |",
        "|---|---|---|",
        *counts,
        "",
        f"Made from {source} ({reading.shape}):",
        "",
        *made,
        *(f"- {note}" for note in (*reading.notes, *p.why)),
        "",
        "`topout check` looks the folder over; `topout optimize` starts from prompt.md.",
    ]
    if p.labels:
        per = {split: dict.fromkeys(p.labels, 0) for split in p.splits}
        for split, rows in p.splits.items():
            for entry in rows:
                per[split][text(entry.expected)] += 1
        heads = list(p.splits)
        out += ["", "| label | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
        out += [f"| {label.replace('|', '/')} | " + " | ".join(str(per[s][label]) for s in heads) + " |" for label in p.labels]
    return "\n".join(" ".join(row.splitlines()) for row in out) + "\n"
