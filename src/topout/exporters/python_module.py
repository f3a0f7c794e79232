"""A Python module without dependencies: `render(**fields)` returns the chat messages. Everything in it is a literal."""

from __future__ import annotations

import keyword
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.exporters.provenance import beside, encoded, headline
from topout.exporters.turns import turns

__all__ = ["python_module"]

CODE = '''

def render(**fields: str) -> list[dict[str, str]]:
    """The chat messages for one input: render(NAME=text, ...) with a text for each name in FIELDS; other names are passed over."""
    missing = [name for name in FIELDS if name not in fields]
    if missing:
        raise TypeError(f"render() needs a text for: {', '.join(missing)}")
    filled = [
        {"role": role, "content": "".join(fields[piece] if i % 2 else piece for i, piece in enumerate(pieces))}
        for role, pieces in TURNS
    ]
    return [message for message in filled if message["content"] or message["role"] != "system"]
'''


def python_module(offer: Offer, folder: Path) -> Exported:
    """NAME.py, where characters that no module name has become `_`."""
    stem = offer.name.replace("-", "_").replace(".", "_")
    if stem[0].isdigit() or keyword.iskeyword(stem):
        stem = f"prompt_{stem}"
    rows = ["(", *(f"    ({role!r}, {literal(pieces)})," for role, pieces in turns(offer.prompt, offer.fields)), ")"]
    source = "\n".join(
        [
            repr(f"The prompt {offer.name}, from {headline(offer.provenance)}."),
            "",
            f"FIELDS: tuple[str, ...] = {offer.fields!r}",
            "",
            "# Role and pieces of each message: text, field name, text, field name, ..., text.",
            f"TURNS: tuple[tuple[str, tuple[str, ...]], ...] = {chr(10).join(rows)}",
        ]
    )
    note = f"from {stem} import render; render({', '.join(f'{name}=...' for name in offer.fields)}) gives the messages."
    return beside(offer, folder, stem, {f"{stem}.py": encoded(source + "\n" + CODE)}, note, ())


def literal(parts: list[str]) -> str:
    """A tuple of text literals, a line of text a line of code, for people and for git."""
    return "(\n        " + ",\n        ".join("\n        ".join(lines(part)) for part in parts) + ",\n    )"


def lines(part: str) -> list[str]:
    """The lines of a text as literals that Python joins again."""
    *ended, last = part.split("\n")
    found = [repr(line + "\n") for line in ended]
    return [*found, repr(last)] if last or not found else found
