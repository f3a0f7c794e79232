"""The prompt file: plain text that a person reads and edits, and that reads back as what was written.

    --- system: policy (frozen) ---
    Answer politely.

    --- user ---
    Ticket: {{text}}

A line `--- role ---`, `--- role: name ---` or `--- role: name (frozen) ---` starts a part; everything up to the next such line is its
text, without blank lines around it. The name is the role when none is given. A file without such a line is one user part. A line of
the text itself that looks like `--- ... ---` starts with a backslash, which is taken off again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from topout.domain import Component, Prompt
from topout.errors import UserError, did_you_mean, place

__all__ = ["format_prompt", "parse_prompt", "tidy"]

LOOKS_LIKE_A_MARKER = re.compile(r"\\*---[ \t]+\S(?:.*\S)?[ \t]+---[ \t]*")
MARKER = re.compile(r"---[ \t]+(\w+)[ \t]*(?::[ \t]*([\w.\[\]-]+)[ \t]*)?(?:\([ \t]*(\w+)[ \t]*\)[ \t]*)?---[ \t]*")


def tidy(text: str) -> str:
    """A text as a prompt file keeps it: line ends `\\n`, no blank lines around it. What is tidy survives writing and reading."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    full = [i for i, line in enumerate(lines) if line.strip(" \t")]
    return "\n".join(lines[full[0] : full[-1] + 1]) if full else ""


def parse_prompt(text: str, where: str, steps: bool = False) -> Prompt:
    """The prompt of a prompt file's text, without demos. `where` (the file's path) leads the messages. With `steps` its parts are those of a program's
    steps, which need no user part.

    Raises UserError with the line for a malformed or unknown marker, text before the first marker, a name used twice, a file
    without text and a prompt without a user part.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not "".join(lines).strip():
        raise UserError(f"{where}: the prompt is empty. Write at least one line, with a {{{{field}}}} in it.")
    starts = [i for i, line in enumerate(lines) if line.startswith("---") and LOOKS_LIKE_A_MARKER.fullmatch(line)]
    if not starts:
        return Prompt((Component("user", "user", body(lines)),))
    for i in range(starts[0]):
        if lines[i].strip():
            raise UserError(f"{place(where, i + 1)}: text before the first part. Put it below a line '--- system ---'.")
    components: list[Component] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        role, name, frozen = read_marker(lines[start], place(where, start + 1))
        if any(name == c.name for c in components):
            raise UserError(
                f"{place(where, start + 1)}: a second part named '{name}'. Name the parts apart: '--- {role}: other-name ---'."
            )
        components.append(Component(name, role, body(lines[start + 1 : end]), frozen))
    if not steps and not any(c.role == "user" and c.text for c in components):
        raise UserError(f"{where}: no user part, and models answer a user. Add a line '--- user ---' and a text below it.")
    return Prompt(tuple(components))


def read_marker(line: str, where: str) -> tuple[Literal["system", "user"], str, bool]:
    """Role, name and frozen mark of a marker line."""
    match = MARKER.fullmatch(line)
    escape = "A line of the text that looks like this starts with a backslash."
    if match is None:
        raise UserError(
            f"{where}: '{line.strip()[:80]}' is no part. Write '--- system: name (frozen) ---' or '--- user ---'. {escape}"
        )
    role, name, mark = match.groups()
    if mark is not None and mark != "frozen":
        raise UserError(f"{where}: unknown mark '({mark})', only (frozen) is known. {escape}")
    if role == "system":
        return "system", name or "system", mark is not None
    if role == "user":
        return "user", name or "user", mark is not None
    raise UserError(f"{where}: unknown part '{role}'.{did_you_mean(role, ('system', 'user'))} {escape}")


def body(lines: Iterable[str]) -> str:
    """A part's text from its lines."""
    return tidy("\n".join(line[1:] if line.startswith("\\") and LOOKS_LIKE_A_MARKER.fullmatch(line) else line for line in lines))


def format_prompt(prompt: Prompt) -> str:
    """The prompt file's text. `parse_prompt` gives the same components back, with their texts tidied; demos are kept elsewhere."""
    parts: list[str] = []
    for c in prompt.components:
        name = "" if c.name == c.role else f": {c.name}"
        lines = tidy(c.text).split("\n")
        text = "\n".join("\\" + line if LOOKS_LIKE_A_MARKER.fullmatch(line) else line for line in lines)
        parts.append(f"--- {c.role}{name}{' (frozen)' if c.frozen else ''} ---\n{text}\n")
    return "\n".join(parts)
