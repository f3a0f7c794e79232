"""A LangChain chat prompt, as `langchain_core.load.dumps` writes it.

f-string templates with doubled braces: LangChain's mustache escapes inputs for HTML, and its jinja2 can run code. What has no input in it (demos
too) is a plain message, in which nothing is ever filled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from topout.contracts import Exported, Offer
from topout.domain import Json
from topout.exporters.provenance import as_json, beside
from topout.exporters.turns import arguments, check_fields, turns, vanishing

__all__ = ["langchain"]

FILE = "langchain.json"
NAMES = re.compile(r"[^\W\d][\w-]*")  # a point would be read as access to an attribute
PLAIN = {"system": "SystemMessage", "user": "HumanMessage", "assistant": "AIMessage"}
TEMPLATE = {"system": "SystemMessagePromptTemplate", "user": "HumanMessagePromptTemplate"}
KIND = {"system": "system", "user": "human", "assistant": "ai"}


def langchain(offer: Offer, folder: Path) -> Exported:
    """langchain.json: a ChatPromptTemplate that `langchain_core.load.loads` reads. Raises UserError for a field with a point in its name."""
    check_fields(offer.fields, NAMES, ("self",), "LangChain")
    found = turns(offer.prompt, offer.fields)
    shown: list[Json] = [message(role, parts) for role, parts in found]
    document = constructor(
        ("prompts", "chat", "ChatPromptTemplate"),
        {"input_variables": [*sorted(offer.fields)], "messages": shown},
    )
    note = f"from langchain_core.load import loads; loads(open({FILE!r}).read(), allowed_objects='core').invoke({arguments(offer.fields)})."
    return beside(offer, folder, "langchain", {FILE: as_json(document)}, note, vanishing(found))


def message(role: str, parts: Sequence[str]) -> Json:
    """A message, or the template of one where inputs go into it."""
    if len(parts) == 1:
        return constructor(("schema", "messages", PLAIN[role]), {"content": parts[0], "type": KIND[role]})
    template = "".join(f"{{{part}}}" if i % 2 else part.replace("{", "{{").replace("}", "}}") for i, part in enumerate(parts))
    prompt: dict[str, Json] = {"input_variables": [*sorted(set(parts[1::2]))], "template": template, "template_format": "f-string"}
    return constructor(
        ("prompts", "chat", TEMPLATE[role]), {"prompt": constructor(("prompts", "prompt", "PromptTemplate"), prompt)}
    )


def constructor(path: tuple[str, ...], arguments: dict[str, Json]) -> dict[str, Json]:
    """A LangChain object as its own serialization writes it."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", *path], "kwargs": arguments}
