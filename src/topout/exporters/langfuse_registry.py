"""Langfuse's prompt management, over its public API (v2).

Versions are numbers, aliases are labels. What topout knows of a version is in its `config` under `topout`, beside the model's settings. Langfuse fills
`{{field}}` in one pass and leaves unknown names alone; it takes the first `}}` after a `{{` for the end of a field. Where a prompt would come out otherwise than it
was measured (a demo that holds `{{text}}`, a lone `{{` before a field), it is refused.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence

from topout.contracts import Carried, Offer, Registered
from topout.domain import Json, Message, Prompt
from topout.errors import UserError
from topout.exporters.prompt_json import prompt_from_json, prompt_json
from topout.exporters.provenance import encoded, headline
from topout.exporters.rest import Rest, segment
from topout.exporters.turns import turns, vanishing
from topout.text.rendering import render
from topout.text.templates import alike, from_chat

__all__ = ["LangfuseRegistry", "connect"]

LABEL = re.compile(r"[a-z0-9_.-]{1,36}")
REFERENCE = "@@@langfusePrompt:"
KEY = "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"
PAGE = 100
"""Items of a dataset that are asked for at once."""
CLOUD = "https://cloud.langfuse.com"


def connect(uri: str) -> LangfuseRegistry:
    """The registry at an address; '' for LANGFUSE_BASE_URL, LANGFUSE_HOST or the EU cloud. Raises UserError without keys."""
    address = uri or os.environ.get("LANGFUSE_BASE_URL") or os.environ.get("LANGFUSE_HOST") or CLOUD
    public, secret = os.environ.get("LANGFUSE_PUBLIC_KEY"), os.environ.get("LANGFUSE_SECRET_KEY")
    if not public or not secret:
        raise UserError(f"Langfuse needs {KEY} in the environment (project settings, API keys). Set them and try again.")
    basic = base64.b64encode(f"{public}:{secret}".encode()).decode()
    return LangfuseRegistry(Rest(address, {"authorization": f"Basic {basic}"}, KEY, (secret,)))


class LangfuseRegistry:
    """Prompts of one Langfuse project."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def carries(self, offer: Offer) -> Carried:
        if offer.alias and (not LABEL.fullmatch(offer.alias) or offer.alias == "latest"):
            raise UserError(
                f"--alias {offer.alias}: Langfuse takes lower-case letters, digits, '-', '_' and '.', 36 at most, and not 'latest'. For example 'production'."
            )
        found = turns(offer.prompt, offer.fields)
        text = "".join(piece for _, pieces in found for piece in pieces)
        encoded(text)
        if REFERENCE in text:
            raise UserError(
                f"the prompt holds '{REFERENCE}', by which Langfuse puts in another prompt. Export it with --to registry."
            )
        if not fills_alike(offer):
            raise UserError(
                "Langfuse would not fill this prompt as it was measured: a demo or instruction holds braces that it takes for a field. "
                "Export another candidate (--candidate ID), or --to registry."
            )
        return Carried(
            Prompt(offer.prompt.components, tuple(type(d)(d.inputs, d.output) for d in offer.prompt.demos)), vanishing(found)
        )

    def find(self, name: str, pointer: str) -> Registered | None:
        if not pointer.isdigit() and not LABEL.fullmatch(pointer):
            return None
        by: dict[str, str | int] = {"version": int(pointer)} if pointer.isdigit() else {"label": pointer}
        found = self._rest.get(f"/api/public/v2/prompts/{segment(name)}", by)
        return registered(found) if isinstance(found, dict) else None

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        listed = self._rest.get("/api/public/v2/prompts", {"name": name, "limit": 1})
        numbers: list[int] = []
        match listed:
            case {"data": [{"name": str(known), "versions": [*found]}, *_]} if known == name:
                numbers = sorted((n for n in found if isinstance(n, int)), reverse=True)[:most]
        return [one for number in numbers if (one := self.find(name, str(number))) is not None]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        messages = chat(turns(offer.prompt, offer.fields))
        alone = len(messages) == 1
        config: dict[str, Json] = {"model": offer.provenance.model}
        config |= {
            key: value
            for key, value in (("temperature", offer.temperature), ("max_tokens", offer.max_output_tokens))
            if value is not None
        }
        if offer.output_schema:
            config["response_schema"] = dict(offer.output_schema)
        config["topout"] = {"record": dict(record), "prompt": prompt_json(offer.prompt)}
        body: dict[str, Json] = {
            "type": "text" if alone else "chat",
            "name": offer.name,
            "prompt": messages[0]["content"] if alone else [{"type": "chatmessage", **message} for message in messages],
            "config": config,
            "labels": [],
            "tags": ["topout"],
            "commitMessage": headline(offer.provenance),
        }
        made = self._rest.send("POST", "/api/public/v2/prompts", body)
        return str(made.get("version", "")) if isinstance(made, dict) else ""

    def point(self, name: str, alias: str, version: str) -> None:
        self._rest.send("PATCH", f"/api/public/v2/prompts/{segment(name)}/versions/{segment(version)}", {"newLabels": [alias]})

    def dataset(self, name: str) -> list[dict[str, Json]] | None:
        """The items of a dataset that are not archived (`id`, `input`, `expectedOutput`, `metadata`), None when there is none of that name."""
        items: list[dict[str, Json]] = []
        page = 1
        while True:
            found = self._rest.get("/api/public/dataset-items", {"datasetName": name, "page": page, "limit": PAGE})
            match found:
                case {"data": [*data], "meta": {"totalPages": int(pages)}}:
                    items += [one for one in data if isinstance(one, dict) and one.get("status") != "ARCHIVED"]
                case _:
                    return None
            if page >= pages or not data:
                return items or None
            page += 1

    def address(self, name: str, pointer: str) -> str:
        by = f"version={pointer}" if pointer.isdigit() else f'label="{pointer}"'
        return f'langfuse.get_client().get_prompt("{name}", {by}) at {self._rest.where}'


def chat(found: Sequence[tuple[str, Sequence[str]]]) -> list[dict[str, Json]]:
    """The messages with `{{field}}` in them."""
    return [
        {"role": role, "content": "".join(f"{{{{{p}}}}}" if i % 2 else p for i, p in enumerate(pieces))} for role, pieces in found
    ]


def filled(text: str, inputs: Mapping[str, str]) -> str:
    """As Langfuse's SDK fills a template (langfuse/model.py, TemplateParser): from each `{{` to the next `}}`; unknown names stay."""
    out: list[str] = []
    at = 0
    while True:
        start = text.find("{{", at)
        end = text.find("}}", start) if start >= 0 else -1
        if end < 0:
            return "".join([*out, text[at:]])
        name = text[start + 2 : end].strip()
        out += [text[at:start], inputs[name] if name in inputs else text[start : end + 2]]
        at = end + 2


def fills_alike(offer: Offer) -> bool:
    """Whether every message comes out as topout renders it: tried with values that are no field."""
    inputs = {name: f"\u2063{name}\u2063" for name in offer.fields}
    ours = [(m.role, m.content) for m in render(offer.prompt, inputs)]
    theirs = [(str(m["role"]), filled(str(m["content"]), inputs)) for m in chat(turns(offer.prompt, offer.fields))]
    return ours == theirs


def registered(found: Mapping[str, Json]) -> Registered:
    """A version of the registry, whoever wrote it."""
    version = str(found.get("version", ""))
    config = found.get("config")
    ours = config.get("topout") if isinstance(config, dict) else None
    record: Mapping[str, Json] = {}
    whole: Prompt | None = None
    match ours:
        case {"record": dict(known), "prompt": str(text)}:
            record, whole = known, prompt_from_json(text)
    try:
        read = read_prompt(found.get("prompt"))
    except ValueError as error:
        return Registered(version, None, record, str(error))
    return Registered(version, whole if whole is not None and alike(whole, read) else read, record)


def read_prompt(found: Json) -> Prompt:
    """The prompt in a version. Raises ValueError with the reason when topout has no such prompt."""
    messages: list[Message] = []
    for one in [{"role": "user", "content": found}] if isinstance(found, str) else found if isinstance(found, list) else []:
        match one:
            case {"type": "placeholder"}:
                raise ValueError("it has a placeholder for messages")
            case {"role": "system" | "user" | "assistant" as role, "content": str(text)}:
                messages.append(Message(role, text))
            case _:
                raise ValueError("a message of it is no plain text of system, user or assistant")
    return from_chat(messages)
