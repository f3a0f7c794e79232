"""Arize Phoenix's prompts, over its REST API (v1).

Phoenix's mustache fills one field after another, so that what a value holds is read again, and takes every `{{word}}` for a field, demos included. It is
used where it cannot go wrong (one field, no look-alikes, no backslash before it); all else is written for Python's `str.format`, with doubled braces, which
fills in one pass. What topout knows of a version stands in its description, below the line for people: a version has no other place of its own.
"""

from __future__ import annotations

import json
import os
import re
import string
from collections.abc import Mapping, Sequence

from topout.contracts import Carried, Offer, Registered
from topout.domain import Json, Message, Prompt
from topout.errors import UserError
from topout.exporters.prompt_json import prompt_from_json, prompt_json
from topout.exporters.provenance import encoded, headline
from topout.exporters.rest import Rest, segment
from topout.exporters.turns import check_fields, turns, vanishing
from topout.text.rendering import placeholders
from topout.text.templates import alike, from_chat

__all__ = ["PhoenixRegistry", "connect"]

NAME = re.compile(r"[a-z0-9]([_a-z0-9-]*[a-z0-9])?")
FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MUSTACHE = re.compile(r"(?<!\\){{\s*(\w+)\s*}}")  # phoenix/client/utils/template_formatters.py
MARK = "topout: "
PAGE = 100
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "azure": ("AZURE_OPENAI", "azure_openai"),
    "ollama_chat": ("OLLAMA", "ollama"),
    "ollama": ("OLLAMA", "ollama"),
    "groq": ("GROQ", "groq"),
    "deepseek": ("DEEPSEEK", "deepseek"),
    "xai": ("XAI", "xai"),
}
"""litellm's provider -> Phoenix's, where the settings have OpenAI's names; all others are written as OpenAI's, under their whole name."""


def connect(uri: str) -> PhoenixRegistry:
    """The registry at an address; '' for PHOENIX_ENDPOINT, PHOENIX_COLLECTOR_ENDPOINT or http://localhost:6006. The key is PHOENIX_API_KEY."""
    address = uri or os.environ.get("PHOENIX_ENDPOINT") or os.environ.get("PHOENIX_COLLECTOR_ENDPOINT") or "http://localhost:6006"
    key = os.environ.get("PHOENIX_API_KEY")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return PhoenixRegistry(Rest(address.removesuffix("/v1/traces"), headers, "PHOENIX_API_KEY"))


class PhoenixRegistry:
    """Prompts of one Phoenix server."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def carries(self, offer: Offer) -> Carried:
        for option, name in (("--name", offer.name), ("--alias", offer.alias)):
            if name and not NAME.fullmatch(name):
                near = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")
                raise UserError(
                    f"{option} {name}: Phoenix takes lower-case letters, digits, '-' and '_'. For example {option} {near or 'prompt'}."
                )
        check_fields(offer.fields, FIELD, ("self",), "Phoenix")
        found = turns(offer.prompt, offer.fields)
        encoded("".join(piece for _, pieces in found for piece in pieces))
        warnings = vanishing(found)
        if template(found, offer.fields)[1] == "F_STRING":
            warnings += ("Written as an f-string template (single braces, literal ones doubled), which Phoenix fills in one pass.",)
        return Carried(bare(offer.prompt), warnings)

    def find(self, name: str, pointer: str) -> Registered | None:
        if NAME.fullmatch(pointer):
            tagged = self._rest.get(f"/v1/prompts/{segment(name)}/tags/{segment(pointer)}") if NAME.fullmatch(name) else None
            return registered(inner(tagged)) if tagged is not None else None
        return next((one for one in self._all(name) if one.version == pointer), None)

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        if not NAME.fullmatch(name):
            return []
        found = self._rest.get(f"/v1/prompts/{segment(name)}/versions", {"limit": min(most, PAGE)})
        return [registered(one) for one in listed(found)][:most]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        messages, kind = template(turns(offer.prompt, offer.fields), offer.fields)
        provider, _, model = offer.provenance.model.partition("/")
        known, settings = PROVIDERS.get(provider, ("OPENAI", "openai"))
        given: dict[str, Json] = {"temperature": offer.temperature, "max_tokens": offer.max_output_tokens}
        parameters: dict[str, Json] = {
            "type": settings,
            settings: {key: value for key, value in given.items() if value is not None},
        }
        version: dict[str, Json] = {
            "description": f"{headline(offer.provenance)}\n\n{MARK}{known_of(offer, record)}",
            "model_provider": known,
            "model_name": model if provider in (*PROVIDERS, "openai") else offer.provenance.model,
            "template": {"type": "chat", "messages": [*messages]},
            "template_type": "CHAT",
            "template_format": kind,
            "invocation_parameters": parameters,
        }
        if offer.output_schema:
            name = re.sub(r"[^A-Za-z0-9_-]+", "_", offer.name)[:64]
            version["response_format"] = {"type": "json_schema", "json_schema": {"name": name, "schema": dict(offer.output_schema)}}
        body: dict[str, Json] = {
            "prompt": {"name": offer.name, "description": f"Found by topout for {offer.provenance.task}."},
            "version": version,
        }
        made = inner(self._rest.send("POST", "/v1/prompts", body))
        return str(made.get("id", ""))

    def point(self, name: str, alias: str, version: str) -> None:
        self._rest.send("POST", f"/v1/prompt_versions/{segment(version)}/tags", {"name": alias})

    def address(self, name: str, pointer: str) -> str:
        if NAME.fullmatch(pointer):
            return f'phoenix.client.Client().prompts.get(prompt_identifier="{name}", tag="{pointer}") at {self._rest.where}'
        return f'phoenix.client.Client().prompts.get(prompt_version_id="{pointer}") at {self._rest.where}'

    def _all(self, name: str) -> list[Registered]:
        """All versions, newest first."""
        if not NAME.fullmatch(name):
            return []
        found: list[Registered] = []
        cursor = ""
        while True:
            page = self._rest.get(f"/v1/prompts/{segment(name)}/versions", {"limit": PAGE} | ({"cursor": cursor} if cursor else {}))
            found += [registered(one) for one in listed(page)]
            following = page.get("next_cursor") if isinstance(page, dict) else None
            if not isinstance(following, str) or not following:
                return found
            cursor = following


def template(found: Sequence[tuple[str, Sequence[str]]], fields: Sequence[str]) -> tuple[list[Json], str]:
    """Messages and their format: mustache where it is exact, f-string else."""
    plain = ["".join(f"{{{{{p}}}}}" if i % 2 else p for i, p in enumerate(pieces)) for _, pieces in found]
    asked = [list(pieces[1::2]) for _, pieces in found]
    if len(fields) <= 1 and all(MUSTACHE.findall(text) == names for text, names in zip(plain, asked, strict=True)):
        return [{"role": role, "content": text} for (role, _), text in zip(found, plain, strict=True)], "MUSTACHE"
    quoted = [
        "".join(f"{{{p}}}" if i % 2 else p.replace("{", "{{").replace("}", "}}") for i, p in enumerate(pieces))
        for _, pieces in found
    ]
    return [{"role": role, "content": text} for (role, _), text in zip(found, quoted, strict=True)], "F_STRING"


def bare(prompt: Prompt) -> Prompt:
    """The prompt as it comes back: demos do not name the rows that they came from."""
    return Prompt(prompt.components, tuple(type(d)(d.inputs, d.output) for d in prompt.demos))


def known_of(offer: Offer, record: Mapping[str, Json]) -> str:
    """What topout writes into a description: the record, and the prompt itself, for its parts and demos."""
    return json.dumps({"record": dict(record), "prompt": prompt_json(offer.prompt)}, ensure_ascii=True, separators=(",", ":"))


def registered(found: Mapping[str, Json]) -> Registered:
    """A version of the registry, whoever wrote it."""
    version = str(found.get("id", ""))
    record, whole = noted(found.get("description"))
    try:
        read = read_template(found.get("template"), found.get("template_format"))
    except ValueError as error:
        if whole is not None and writes(whole, found):
            return Registered(version, whole, record)
        return Registered(version, None, record, str(error))
    return Registered(version, whole if whole is not None and (alike(whole, read) or writes(whole, found)) else read, record)


def noted(description: Json) -> tuple[dict[str, Json], Prompt | None]:
    """Record and prompt out of a description, empty and None where it holds none."""
    _, mark, text = description.rpartition(f"\n{MARK}") if isinstance(description, str) else ("", "", "")
    if not mark:
        return {}, None
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        return {}, None
    match document:
        case {"record": dict(record), "prompt": str(prompt)}:
            return record, prompt_from_json(prompt)
    return {}, None


def writes(prompt: Prompt, found: Mapping[str, Json]) -> bool:
    """Whether a prompt is what a template was written from, so that nobody's edit of the one is lost behind the other."""
    fields = tuple(dict.fromkeys(name for c in prompt.components for name in placeholders(c.text)))
    try:
        messages, kind = template(turns(prompt, fields), fields)
    except KeyError:
        return False
    return found.get("template_format") == kind and texts(found.get("template")) == [
        (m["role"], m["content"]) for m in messages if isinstance(m, dict)
    ]


def texts(found: Json) -> list[tuple[Json, Json]] | None:
    """Role and text of each message of a template; None when one of them is no plain text. Phoenix calls the model's turns `ai` or `assistant`."""
    messages = found.get("messages") if isinstance(found, dict) else None
    out: list[tuple[Json, Json]] = []
    for one in messages if isinstance(messages, list) else []:
        match one:
            case {"role": str(role), "content": str(text)}:
                out.append((role, text))
            case {"role": str(role), "content": [{"type": "text", "text": str(text)}]}:
                out.append((role, text))
            case _:
                return None
    return out or None


def read_template(found: Json, kind: Json) -> Prompt:
    """The prompt that a template renders. Raises ValueError with the reason when topout has no such prompt."""
    known = texts(found)
    if known is None:
        raise ValueError("a message of it is no plain text (a tool call, a picture), or it is no chat")
    messages = []
    for role, text in known:
        if role not in ("system", "user", "assistant"):
            raise ValueError(f"a message of it is of the role '{role}'")
        content = str(text) if kind != "F_STRING" else from_format(str(text))
        messages.append(Message("system" if role == "system" else "user" if role == "user" else "assistant", content))
    return from_chat(messages)


def from_format(text: str) -> str:
    """A template of Python's `str.format` with `{{field}}` for its fields."""
    out = [""]
    for literal, name, spec, conversion in string.Formatter().parse(text):
        out[-1] += literal  # doubled braces come one by one
        if name is not None:
            if not FIELD.fullmatch(name) or spec or conversion:
                raise ValueError(f"it formats a field ({{{name}...}})")
            out += [f"{{{{{name}}}}}", ""]
    if any(placeholders(literal) for literal in out[::2]):
        raise ValueError("it holds {{field}} as plain text")
    return "".join(out)


def inner(answer: Json) -> Mapping[str, Json]:
    """The object under `data`."""
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else {}


def listed(answer: Json) -> list[Mapping[str, Json]]:
    """The objects of the list under `data`."""
    data = answer.get("data") if isinstance(answer, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
