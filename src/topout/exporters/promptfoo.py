"""A promptfoo project that runs the held-out rows as tests, with the task's own scorer.

promptfoo fills templates everywhere: in inputs (`{{env.KEY}}` would come out as the key), in what a prompt function returns, and reads files that an
input names (`file://...`). So its configuration holds numbers of rows only; the prompt function reads the rows itself and returns braces as
expressions that come out as braces. promptfoo's own assertions compare otherwise than topout's scorers (white space, case, partial credit), so the score
comes from the scorer, as a Python assertion.
"""

from __future__ import annotations

import json
from pathlib import Path

from topout.contracts import Exported, HandOff
from topout.domain import Json
from topout.exporters.provenance import as_json, beside, encoded, headline
from topout.exporters.training.grader import foreign_imports, grader
from topout.exporters.turns import turns

__all__ = ["promptfoo"]

PROVIDERS = {
    "openai": "openai:chat:",
    "azure": "azure:chat:",
    "anthropic": "anthropic:messages:",
    "gemini": "google:",
    "ollama_chat": "ollama:chat:",
    "openrouter": "openrouter:",
    "mistral": "mistral:",
    "groq": "groq:",
}
"""litellm's names of providers, and promptfoo's."""
FUNCTION = """// {head}
const rows = require("./rows.json");
// Role and pieces of each message: text, input name, text, input name, ..., text.
const turns = {turns};
// promptfoo fills in what a prompt function returns: each brace is written as an expression that comes out as that brace.
const literal = (text) => text.replace(/[{{}}]/g, (brace) => `{{{{"${{brace}}"}}}}`);

module.exports = ({{ vars }}) => {{
  const {{ inputs }} = rows[vars.row];
  return turns
    .map(([role, pieces]) => ({{ role, content: literal(pieces.map((piece, i) => (i % 2 ? inputs[piece] : piece)).join("")) }}))
    .filter((message) => message.content || message.role !== "system");
}};
"""
ASSERTION = '''"""The score of an output, as promptfoo asks for it."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # promptfoo loads this file by its path

from scorer import judged  # noqa: E402

ROWS = json.loads((HERE / "rows.json").read_text(encoding="utf-8"))


def get_assert(output: object, context: dict) -> dict:
    """The task's own score, and whether the row is fully right."""
    row = ROWS[int(context["vars"]["row"])]
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    value, why = judged(text, row["expected"], row["inputs"])
    return {"pass": value >= 1, "score": value, "reason": why or "fully right"}
'''
HELD_OUT = "rows.json holds the held-out rows: whoever changes the prompt after reading their results has selected on them."


def promptfoo(hand_off: HandOff, folder: Path) -> Exported:
    """promptfooconfig.json with prompt.cjs, rows.json, grade.py and scorer.py. Raises UserError for a scorer that cannot travel."""
    offer = hand_off.offer
    code = grader(hand_off.grading, f"The scorer of {offer.name}, from topout. It needs nothing of topout.", "")
    rows: list[Json] = [{"inputs": dict(row.inputs), "expected": row.expected} for row in hand_off.rows]
    found = [[role, list(parts)] for role, parts in turns(offer.prompt, offer.fields)]
    head = " ".join(f"The prompt {offer.name}, from {headline(offer.provenance)}.".split())
    provider, warnings = provider_of(hand_off)
    tests: list[Json] = [{"description": f"row {i}", "vars": {"row": i}} for i in range(len(rows))]
    config: dict[str, Json] = {
        "description": head,
        "prompts": ["file://prompt.cjs"],
        "providers": [provider],
        "defaultTest": {"assert": [{"type": "python", "value": "file://grade.py"}]},
        "tests": tests,
    }
    packages = foreign_imports(code)
    if packages:
        warnings += (
            f"scorer.py imports {', '.join(packages)}: install what it needs for the Python that promptfoo runs (PROMPTFOO_PYTHON).",
        )
    files = {
        "promptfooconfig.json": as_json(config),
        "prompt.cjs": encoded(FUNCTION.format(head=head, turns=json.dumps(found, indent=1))),
        "grade.py": encoded(ASSERTION),
        "scorer.py": encoded(code),
        "rows.json": encoded("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"),
    }
    note = "In the folder: `promptfoo eval`. The scores are the scorer's own: their mean is the held-out score; a test passes when a row is fully right."
    return beside(offer, folder, "promptfooconfig", files, note, (HELD_OUT, *warnings))


def provider_of(hand_off: HandOff) -> tuple[Json, tuple[str, ...]]:
    """promptfoo's name of the run's model with the task's settings; `echo`, which answers with the prompt, where there is none."""
    model = hand_off.offer.provenance.model
    place, _, name = model.partition("/")
    if place not in PROVIDERS or not name:
        return "echo", (
            f"promptfoo has no name for {model}: the provider is 'echo', which sends back the prompt. Put yours into promptfooconfig.json.",
        )
    settings: dict[str, Json] = {}
    if hand_off.offer.temperature is not None:
        settings["temperature"] = hand_off.offer.temperature
    if hand_off.offer.max_output_tokens is not None:
        settings["max_tokens"] = hand_off.offer.max_output_tokens
    return {"id": PROVIDERS[place] + name, "config": settings}, ()
