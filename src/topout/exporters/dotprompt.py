"""A .prompt file (dotprompt: Handlebars template, roles by a helper).

Roles become markers in the filled text (`<<<dotprompt:role:user>>>`), and only then are messages made of it. So an input that holds a marker makes
messages of its own: whoever fills the prompt with text of strangers has to keep such inputs out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.errors import UserError
from topout.exporters.provenance import beside, encoded
from topout.exporters.turns import arguments, check_fields, turns, vanishing

__all__ = ["dotprompt"]

NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HELPERS = (
    "json",
    "role",
    "history",
    "section",
    "media",
    "ifEquals",
    "unlessEquals",
    "if",
    "unless",
    "each",
    "with",
    "log",
    "lookup",
)
WORDS = ("else", "this", "true", "false", "null", "undefined", "as", "constructor", "__proto__")
MARKER = "<<<dotprompt:"
NOTHING = "@nothing"
"""An expression without a text."""
ON_INPUTS = (
    f"dotprompt reads roles out of the filled text: an input that holds '{MARKER}' can add messages of any role. Refuse such inputs before you fill it. "
    "A message that is only white space is dropped."
)


def dotprompt(offer: Offer, folder: Path) -> Exported:
    """NAME.prompt. Raises UserError for fixed text with a role marker, a turn that is only white space, and names that Handlebars reads otherwise."""
    check_fields(offer.fields, NAMES, (*HELPERS, *WORDS), "dotprompt")
    found = turns(offer.prompt, offer.fields)
    for role, parts in found:
        if any(MARKER in text for text in parts[::2]):
            raise UserError(f"the prompt holds '{MARKER}', which dotprompt reads as a role. Export with --to messages.")
        if len(parts) == 1 and not parts[0].strip():
            raise UserError(f"a demo's {role} turn is only white space, which dotprompt drops. Export with --to messages.")
    schema = "".join(f'    "{name}": string\n' for name in offer.fields)
    file = f"{offer.name}.prompt"
    text = f"---\ninput:\n  schema:\n{schema}---\n{template(found)}\n"
    note = f"new Dotprompt().render(text of {file}, {{input: {arguments(offer.fields)}}}) gives the messages; name a model in the file to run it."
    return beside(offer, folder, offer.name, {file: encoded(text)}, note, (ON_INPUTS, *vanishing(found)))


def template(found: Sequence[tuple[str, Sequence[str]]]) -> str:
    """The body: a role helper ahead of each message, and an empty expression at the end, so that no white space is trimmed.

    Braces of the text itself become `\\{{`; white space with `~`, which Handlebars takes away again, keeps a brace apart from those of an
    expression; and a backslash ahead of an expression is doubled, or it would escape it.
    """
    written = ""
    for role, parts in found:
        name = "model" if role == "assistant" else role
        for expression, text in zip((f'role "{name}"', *parts[1::2]), parts[::2], strict=True):
            written += opened(written, expression) + ("~}} " if text.startswith("}") else "}}")
            first, *others = text.split("{{")
            written += first
            for piece in others:
                written += (opened(written, NOTHING) + "}}" if written.endswith("\\") else "") + "\\{{" + piece
    return written + opened(written, NOTHING) + "}}"


def opened(before: str, expression: str) -> str:
    """The beginning of an expression, after this text."""
    if before.endswith("{") and not before.endswith("\\{{"):
        return f" {{{{~{expression}"
    return ("\\" if before.endswith("\\") else "") + f"{{{{{expression}"
