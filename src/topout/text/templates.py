"""A prompt as chat messages with `{{field}}` where an input goes: what other formats hold, and what makes two prompts the same to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from topout.domain import Component, Demo, Message, Prompt
from topout.text.genes import switched
from topout.text.prompts import tidy
from topout.text.rendering import PLACEHOLDER, placeholders, render

__all__ = ["Turn", "alike", "from_chat", "to_chat"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `template` says whether `{{field}}` in it is to be filled; otherwise (demos) all of it is literal."""

    message: Message
    template: bool


def to_chat(prompt: Prompt) -> tuple[Turn, ...]:
    """What `render` sends, before the inputs are filled in: the system message, demos as user and assistant turns, the user message last."""
    fields = {name for c in prompt.components for name in placeholders(c.text)}
    messages = render(prompt, {name: f"{{{{{name}}}}}" for name in fields})
    last = len(messages) - 1
    return tuple(
        Turn(m, (i == last or (i == 0 and m.role == "system")) and bool(placeholders(m.content))) for i, m in enumerate(messages)
    )


def alike(one: Prompt, other: Prompt) -> bool:
    """Whether a model is sent the same by both, whatever their parts are called and wherever they are cut. Blank lines around a part do not count:
    prompt files do not keep them."""
    return to_chat(tidied(one)) == to_chat(tidied(other)) and switched(one) == switched(other)


def tidied(prompt: Prompt) -> Prompt:
    return replace(prompt, components=tuple(Component(c.name, c.role, tidy(c.text)) for c in prompt.components))


def from_chat(messages: Sequence[Message]) -> Prompt:
    """The prompt that renders as these messages (`{{field}}` in system and last message filled, all others literal).

    System messages come first, then user and assistant in turn as demos, a user message last. Raises ValueError with the reason when they do not:
    topout has no place for other conversations.
    """
    system = [m.content for m in messages if m.role == "system"]
    rest = messages[len(system) :]
    if any(m.role == "system" for m in rest):
        raise ValueError("a system message stands after others")
    if not rest or rest[-1].role != "user":
        raise ValueError("the last message is not the user's, so there is no place for the example")
    if [m.role for m in rest[:-1]] != ["user", "assistant"] * (len(rest) // 2) or len(rest) % 2 == 0:
        raise ValueError("the messages before the last are not user and assistant in turn, so they are no demos")
    if not placeholders(rest[-1].content):
        raise ValueError("the last message has no {{field}}, so a model would never see the example")
    parts = [Component("system" if i == 0 else f"system-{i + 1}", "system", text) for i, text in enumerate(system) if text]
    turns = [(rest[i].content, rest[i + 1].content) for i in range(0, len(rest) - 1, 2)]
    if any(placeholders(text) for turn in turns for text in turn):
        raise ValueError("a demo holds a {{field}}, and topout's demos are literal")
    blocks = rest[-1].content.split("\n\n")
    for cut in range(len(blocks)):
        head, tail = "\n\n".join(blocks[:cut]), "\n\n".join(blocks[cut:])
        if placeholders(head):
            break
        demos = [(found, output) for text, output in turns if (found := taken(tail, text)) is not None]
        if len(demos) == len(turns):
            rules = (Component("rules", "user", head),) if turns and head else ()
            user = Component("user", "user", tail if rules else rest[-1].content)
            return Prompt((*parts, *rules, user), tuple(Demo(inputs, output) for inputs, output in demos))
    raise ValueError("a demo's user message does not have the layout of the last message, so its inputs cannot be told")


def taken(template: str, text: str) -> Mapping[str, str] | None:
    """Inputs that turn the template into the text; None when there are none. Where several do, it is one of them."""
    pieces = PLACEHOLDER.split(template)
    if not text.startswith(pieces[0]):
        return None
    inputs: dict[str, str] = {}
    at = len(pieces[0])
    ends = [*([None] * (len(pieces) // 2 - 1)), len(text)]
    for name, piece, end in zip(pieces[1::2], pieces[2::2], ends, strict=True):
        stop = text.find(piece, at) if end is None else end - len(piece)
        if stop < at:
            return None
        inputs.setdefault(name, text[at:stop])
        at = stop + len(piece)
    filled = PLACEHOLDER.sub(lambda hit: inputs[hit[1]], template)
    return inputs if filled == text else None
