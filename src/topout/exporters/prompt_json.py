"""A prompt as JSON, for registries whose own format loses the names of its parts, what is frozen, or the inputs of its demos."""

from __future__ import annotations

import json
from typing import Literal

from topout.domain import Component, Demo, Json, Prompt

__all__ = ["prompt_from_json", "prompt_json"]

ROLES: dict[str, Literal["system", "user"]] = {"system": "system", "user": "user"}


def prompt_json(prompt: Prompt) -> str:
    """Compact JSON. Demos do not name the train rows that they came from."""
    document = {
        "components": [{"name": c.name, "role": c.role, "text": c.text, "frozen": c.frozen} for c in prompt.components],
        "demos": [
            {**({"component": d.component} if d.component else {}), "inputs": dict(d.inputs), "output": d.output}
            for d in prompt.demos
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def prompt_from_json(text: str) -> Prompt | None:
    """The prompt, or None for a text that is none: it comes from a server, and anybody may have written it."""
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match document:
        case {"components": [*parts], "demos": [*turns]}:
            components = [component(part) for part in parts]
            demos = [demo(turn) for turn in turns]
            if components and None not in components and None not in demos:
                return Prompt(tuple(c for c in components if c), tuple(d for d in demos if d))
    return None


def component(part: Json) -> Component | None:
    match part:
        case {"name": str(name), "role": "system" | "user" as role, "text": str(text), "frozen": bool(frozen)}:
            return Component(name, ROLES[role], text, frozen)
    return None


def demo(turn: Json) -> Demo | None:
    match turn:
        case {"inputs": dict(inputs), "output": str(output)} if all(isinstance(value, str) for value in inputs.values()):
            return Demo({name: str(value) for name, value in inputs.items()}, output)
    return None
