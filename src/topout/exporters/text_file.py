"""Plain text: prompt.md as topout reads it (`--prompt FOLDER`), and the demos beside it."""

from __future__ import annotations

import json
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.domain import Prompt
from topout.errors import UserError
from topout.exporters.provenance import beside, encoded
from topout.text.prompts import format_prompt, parse_prompt, tidy

__all__ = ["prompt_files", "text_file"]


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
    lines = [json.dumps({"inputs": dict(d.inputs), "output": d.output}, ensure_ascii=False) + "\n" for d in prompt.demos]
    written = format_prompt(prompt)
    if "\0" in written or any("\\u0000" in line for line in lines):
        raise UserError("the prompt holds a NUL character, which no prompt file takes. Export it with --to messages.")
    back = parse_prompt(written, "the prompt as a text file")
    changed = [c.name for c in prompt.components if c.text != tidy(c.text)]
    if back.components != prompt.components and not changed:
        raise UserError("the prompt does not survive being written as text and read back. Export it with --to messages.")
    warnings = (f"Blank lines around a part and line ends are not kept: {', '.join(changed)}.",) if changed else ()
    return {"prompt.md": encoded(written), "demos.jsonl": encoded("".join(lines))}, warnings
