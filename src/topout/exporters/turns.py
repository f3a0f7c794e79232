"""A prompt as the messages of a template: what is fixed, and where inputs go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from topout.domain import Component, Prompt
from topout.errors import UserError
from topout.text.rendering import PLACEHOLDER, render

__all__ = ["arguments", "check_fields", "turns", "vanishing"]


def turns(prompt: Prompt, fields: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Role and pieces (text and field names in turn) of each message; demos are plain text already."""
    found: list[tuple[str, list[str]]] = []
    system = [c for c in prompt.components if c.role == "system" and c.text]
    if system:
        found.append(("system", pieces(system)))
    shown = render(Prompt(tuple(c for c in prompt.components if c.role == "user"), prompt.demos), dict.fromkeys(fields, ""))
    found += [(message.role, [message.content]) for message in shown[:-1]]
    return [*found, ("user", pieces([c for c in prompt.components if c.role == "user" and c.text]))]


def pieces(components: list[Component]) -> list[str]:
    return PLACEHOLDER.split("\n\n".join(c.text for c in components))


def vanishing(found: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """A warning where the system message is inputs alone: topout leaves an empty one out, other renderers send it."""
    for role, parts in found:
        if role == "system" and not "".join(parts[::2]):
            return (
                "The system message is made of inputs alone: where they are empty, topout sends none, and this format an empty one.",
            )
    return ()


def check_fields(fields: Iterable[str], allowed: re.Pattern[str], taken: Iterable[str], target: str) -> None:
    """Raises UserError for a field whose name means something else in the target's template language."""
    words = frozenset(taken)
    for name in fields:
        if name in words or not allowed.fullmatch(name):
            raise UserError(f"{target} cannot take an input named '{name}'. Rename the field, or export with --to messages.")


def arguments(fields: Iterable[str]) -> str:
    """The inputs of a prompt as an object to fill in, for a line of code."""
    return "{" + ", ".join(f"{name!r}: ..." for name in fields) + "}"
