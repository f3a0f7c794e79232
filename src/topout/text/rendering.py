"""Prompt + inputs -> chat messages.

`{{field}}` is replaced literally, in one pass: what an input holds is never read again, so an input cannot pull in another field
or be evaluated. All other braces stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from topout.domain import Component, Message, Prompt

__all__ = ["placeholders", "render", "renderer"]

PLACEHOLDER = re.compile(r"\{\{[ \t]*([^\W\d][\w.-]*)[ \t]*\}\}")


def placeholders(text: str) -> tuple[str, ...]:
    """The field names that a text asks for, each once, in order of appearance."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


def renderer(prompt: Prompt) -> Callable[[Mapping[str, str]], tuple[Message, ...]]:
    """A function inputs -> messages for this prompt; everything that does not depend on the inputs is done once, here.

    System parts become one system message, joined by a blank line. Each demo is a user turn (only the user parts with a placeholder:
    standing instructions are not repeated) and an assistant turn. The last message holds all user parts. Empty parts are left out.
    Raises KeyError for a placeholder without an input, here for demos, in the function for its argument.
    """
    user = [c for c in prompt.components if c.role == "user" and c.text]
    shown = [c for c in user if PLACEHOLDER.search(c.text)] or user
    fill_system = filler([c for c in prompt.components if c.role == "system" and c.text])
    fill_demo = filler(shown)
    fill_user = filler(user)
    turns: list[Message] = []
    for demo in prompt.demos:
        turns += [Message("user", fill_demo(demo.inputs)), Message("assistant", demo.output)]
    middle = tuple(turns)

    def to_messages(inputs: Mapping[str, str]) -> tuple[Message, ...]:
        system = fill_system(inputs)
        last = Message("user", fill_user(inputs))
        return (Message("system", system), *middle, last) if system else (*middle, last)

    return to_messages


def render(prompt: Prompt, inputs: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages for one example. To render many examples of one prompt, keep a `renderer`."""
    return renderer(prompt)(inputs)


def filler(components: list[Component]) -> Callable[[Mapping[str, str]], str]:
    """A function that fills the joined texts."""
    pieces = PLACEHOLDER.split("\n\n".join(c.text for c in components))
    names = tuple(enumerate(pieces))[1::2]

    def fill(inputs: Mapping[str, str]) -> str:
        filled = pieces.copy()
        for i, name in names:
            filled[i] = inputs[name]
        return "".join(filled)

    if not names:
        constant = pieces[0]
        return lambda inputs: constant
    return fill
