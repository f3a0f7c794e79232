"""Plain text: prompt.md as topout reads it (`--prompt FOLDER`), and the demos beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from topout.contracts import Exported, Offer
from topout.domain import Demo, Json, Prompt
from topout.errors import UserError
from topout.exporters.provenance import beside, encoded
from topout.text.prompts import format_prompt, parse_prompt, tidy

__all__ = ["files_prompt", "prompt_files", "text_file"]


def text_file(offer: Offer, folder: Path) -> Exported:
    """prompt.md and demos.jsonl (empty without demos, so that an earlier export's do not stay)."""
    files, warnings = prompt_files(offer.prompt)
    if offer.prompt.demos:
        warnings += (f"prompt.md alone lacks the {len(offer.prompt.demos)} demos, which are in demos.jsonl: keep both.",)
    note = "Read both with `topout evaluate TASK --prompt FOLDER`, or copy the text."
    return beside(offer, folder, "prompt", files, note, warnings)


def prompt_files(prompt: Prompt) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """prompt.md and demos.jsonl, and what they do not carry. Demos do not name the train rows that they came from.

    Raises UserError when the files would read back as another prompt.
    """
    lines = [json.dumps(demo_json(d), ensure_ascii=False) + "\n" for d in prompt.demos]
    written = format_prompt(prompt)
    if "\0" in written or any("\\u0000" in line for line in lines):
        raise UserError("the prompt holds a NUL character, which no prompt file takes. Export it with --to messages.")
    back = parse_prompt(written, "the prompt as a text file", steps=True)
    changed = [c.name for c in prompt.components if c.text != tidy(c.text)]
    if back.components != prompt.components and not changed:
        raise UserError("the prompt does not survive being written as text and read back. Export it with --to messages.")
    warnings = (f"Blank lines around a part and line ends are not kept: {', '.join(changed)}.",) if changed else ()
    return {"prompt.md": encoded(written), "demos.jsonl": encoded("".join(lines))}, warnings


def files_prompt(files: Mapping[str, bytes]) -> Prompt:
    """The prompt of such files, whatever git did to line ends. Raises UserError for what is no such prompt."""
    try:
        text = files["prompt.md"].decode("utf-8")
        lines = files.get("demos.jsonl", b"").decode("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        demos = tuple(demo_of(row) for row in rows)
    except KeyError as error:
        raise UserError(f"no {error.args[0]} there. Restore it.") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"prompt.md or demos.jsonl is damaged ({str(error)[:80]}). Restore it.") from error
    return parse_prompt(text, "prompt.md", steps=True).with_demos(demos)


def demo_json(demo: Demo) -> dict[str, Json]:
    """A demo as a line of demos.jsonl, with the step of a program that it belongs to."""
    return {**({"component": demo.component} if demo.component else {}), "inputs": dict(demo.inputs), "output": demo.output}


def demo_of(row: dict[str, Any]) -> Demo:
    """The demo of such a line."""
    inputs = {str(name): str(value) for name, value in row["inputs"].items()}
    return Demo(inputs, str(row["output"]), component=str(row.get("component", "")))
