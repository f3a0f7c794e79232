"""OpenAI's reinforcement fine-tuning: a Python grader and items."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Exported, HandOff
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.provenance import as_json, beside
from topout.exporters.text_file import prompt_files
from topout.exporters.training.grader import foreign_imports, grader
from topout.exporters.training.grpo import LEARNS, decided
from topout.exporters.training.readme import readme
from topout.exporters.training.rows import amount, as_lines, carried, conversation, label_counts, usable

__all__ = ["rft"]

THERE = (
    "deepdiff",
    "jsonschema",
    "referencing",  # jsonschema cannot do without it
    "nltk",
    "numpy",
    "pandas",
    "pydantic",
    "rapidfuzz",
    "rouge_score",
    "scipy",
    "sklearn",
    "sqlparse",
    "sympy",
    "yaml",
)
"""Packages that OpenAI's sandbox for Python graders has (its guide to graders)."""
LONGEST = 256_000
"""Bytes of source that OpenAI takes (the same guide)."""
TAIL = '''

def grade(sample: dict, item: dict) -> float:
    """The score of a reply, as OpenAI asks for it."""
    return judged(sample.get("output_text") or "", json.loads(item["expected"]), json.loads(item["inputs"]))[0]
'''
USE = """Upload `items.jsonl` (purpose `fine-tune`), put `grader.json` into the job's method, and validate it first:

    client.fine_tuning.alpha.graders.validate(grader=json.load(open("grader.json")))

Keep some rows apart as the job's validation file. OpenAI has announced the end of graders: see its page of deprecations before you plan with this."""


def rft(hand_off: HandOff, folder: Path) -> Exported:
    """items.jsonl and grader.json. Raises UserError for a scorer that the sandbox of Python graders cannot run."""
    rows, left_out = usable(hand_off)
    code = grader(hand_off.grading, f"The scorer of {hand_off.offer.name}, from topout.", TAIL, ("import json",))
    missing = [name for name in foreign_imports(code) if name not in THERE]
    if missing:
        raise UserError(
            f"--to rft: {hand_off.grading.name} imports {', '.join(missing)}, which OpenAI's graders do not have, and nothing was written. "
            "Use --to grpo or --to verifiers, or write a scorer without it."
        )
    if len(code.encode()) > LONGEST:
        raise UserError(
            f"--to rft: the scorer has more than {LONGEST // 1000} kB, which OpenAI does not take. Use --to grpo or --to verifiers."
        )
    document: dict[str, Json] = {"type": "python", "name": hand_off.offer.name, "source": code}
    counts = label_counts(hand_off, rows)
    said = amount(len(rows), "items", counts)
    files, kept = prompt_files(hand_off.offer.prompt)
    note = readme(
        hand_off,
        "OpenAI reinforcement fine-tuning",
        "`items.jsonl`: the prompt with a row's inputs, and what the grader needs. `grader.json`: the task's scorer as a Python grader. "
        "`prompt.md` (and `demos.jsonl`): that prompt.",
        {"items": len(rows), **decided(hand_off), **counts},
        LEARNS,
        USE,
        (*left_out, *said),
    )
    lines = [{"messages": conversation(hand_off, row), **carried(row)} for row in rows]
    shown = (
        "items.jsonl and grader.json are for OpenAI's reinforcement fine-tuning; README.md says how to measure the trained model."
    )
    written = {"items.jsonl": as_lines(lines), "grader.json": as_json(document), **files, "README.md": note}
    return beside(hand_off.offer, folder, "items", written, shown, (*said, *left_out, *kept))
