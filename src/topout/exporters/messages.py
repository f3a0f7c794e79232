"""OpenAI chat messages as JSON: `{"messages": [{"role", "content"}, ...]}` with `{{field}}` where an input goes."""

from __future__ import annotations

from pathlib import Path

from topout.contracts import Exported, Offer
from topout.domain import Json
from topout.exporters.provenance import as_json, beside
from topout.text.rendering import placeholders
from topout.text.templates import to_chat

__all__ = ["messages"]

RENDERING = (
    "In the messages whose numbers (from 0) are in `templates`, replace each {{field}} of `fields` by its value: in one pass, so that what a value "
    "holds is not read again; no escaping. All other messages and braces stay as they are. Leave out a system message that comes out empty."
)


def messages(offer: Offer, folder: Path) -> Exported:
    """messages.json: demos are user and assistant turns, rendered already; only the messages in `templates` are to be filled."""
    turns = to_chat(offer.prompt)
    templates = [i for i, turn in enumerate(turns) if turn.template]
    document: dict[str, Json] = {
        "messages": [{"role": t.message.role, "content": t.message.content} for t in turns],
        "fields": list(offer.fields),
        "templates": [*templates],
        "rendering": RENDERING,
    }
    alike = sorted({name for t in turns if not t.template for name in placeholders(t.message.content)})
    warnings = (
        (f"Demos hold text that looks like a placeholder ({', '.join(alike[:5])}): fill only the messages in `templates`.",)
        if alike
        else ()
    )
    note = 'Fill the {{field}}s as its "rendering" says, and send "messages".'
    return beside(offer, folder, "messages", {"messages.json": as_json(document)}, note, warnings)
