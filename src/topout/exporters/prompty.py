"""A .prompty file (version 2: Jinja2 template, role lines).

Prompty renders one text and then cuts it into messages at lines such as `user:`, so there is text that it cannot carry. A fixed text with such
a line is refused here; an input with one is refused by Prompty itself, because the file asks for its strict mode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.errors import UserError
from topout.exporters.provenance import beside, encoded
from topout.exporters.turns import arguments, check_fields, turns, vanishing

__all__ = ["prompty"]

NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TAKEN = ("self", "true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else")
BOUNDARY = re.compile(r"#?\s*(?:system|user|assistant|developer)(?:\[[^\]]*\])?\s*:", re.IGNORECASE)
OPENING = re.compile(r"\{(?=[{%#]|\Z)")
LITERAL = "{{ '{' }}"
ON_INPUTS = (
    "Prompty cuts the filled text into messages: an input with a line that is only a role (such as 'system:') is refused when it is rendered, and at the "
    "end of the prompt such a line is lost without a word; line ends other than \\n become \\n, and blank lines around a message are dropped."
)


def prompty(offer: Offer, folder: Path) -> Exported:
    """NAME.prompty. Raises UserError for fixed text that Prompty would take for a role, and for names that Jinja2 reads otherwise."""
    check_fields(offer.fields, NAMES, TAKEN, "Prompty")
    found = turns(offer.prompt, offer.fields)
    texts = ["x".join(parts[::2]) for _, parts in found]
    for _, parts in found:
        for line in (*"{}".join(parts[::2]).splitlines(), *"".join(parts[::2]).splitlines()):  # an input may be empty
            if BOUNDARY.fullmatch(line.strip()):
                raise UserError(
                    f"Prompty would take the line '{line.strip()[:40]}' of the prompt for the start of a message. Export with --to messages."
                )
    warnings = (ON_INPUTS, *vanishing(found))
    if any(kept(text) != text for text in texts):
        warnings += ("Of the prompt's own text, line ends other than \\n and blank lines around a message are not kept.",)
    body = "\n\n".join(f"{role}:\n{template(parts)}" for role, parts in found)
    inputs = "".join(f'  - name: "{name}"\n    kind: string\n    required: true\n' for name in offer.fields)
    name = "" if "---" in offer.name else f'name: "{offer.name}"\n'  # dashes would end the head
    head = f"{name}inputs:\n{inputs}template:\n  format:\n    kind: jinja2\n    strict: true\n  parser:\n    kind: prompty\n"
    file = f"{offer.name}.prompty"
    note = f"prompty.prepare(prompty.load({file!r}), {arguments(offer.fields)}) gives the messages; name a model in the file to run it."
    return beside(offer, folder, offer.name, {file: encoded(f"---\n{head}---\n{body}\n")}, note, warnings)


def template(parts: Sequence[str]) -> str:
    """A message's template: braces that Jinja2 would read are written as texts of its own."""
    return "".join(f"{{{{ {part} }}}}" if i % 2 else OPENING.sub(LITERAL, part) for i, part in enumerate(parts))


def kept(text: str) -> str:
    """What Prompty keeps of a message's text."""
    return "\n".join(text.splitlines()).strip("\n")
