"""Prompts: what a model is told, apart from the example at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

__all__ = ["AnswerFormat", "Component", "Demo", "Message", "Prompt", "Reasoning", "belongs"]

Role = Literal["system", "user", "assistant"]
Reasoning = Literal["direct", "think"]
AnswerFormat = Literal["plain", "json"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, in the shape every chat model takes."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Component:
    """One named instruction text of a prompt.

    `text` may hold `{{field}}` placeholders. A `frozen` component is never edited by an optimizer.
    """

    name: str
    role: Literal["system", "user"]
    text: str
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Demo:
    """A worked example shown in the prompt. `example_id` names the train example that it came from ('' when hand-written). `component` is the step of
    a program that it is shown to, '' in a prompt that is one call."""

    inputs: Mapping[str, str]
    output: str
    example_id: str = ""
    component: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Instructions by component (in order, names unique), an ordered few-shot set, and genes: how the model is asked with them. Immutable: an edit
    makes another prompt.

    `reasoning` "think" has the model think first and give its final answer apart. `answer_format` "json" asks for a JSON object. `votes` answers are
    drawn and the one that most agree on counts. `retrieved` train examples that are most like the input are shown besides the demos.
    """

    components: tuple[Component, ...]
    demos: tuple[Demo, ...] = field(default=())
    reasoning: Reasoning = "direct"
    answer_format: AnswerFormat = "plain"
    votes: int = 1
    retrieved: int = 0

    def component(self, name: str) -> Component:
        """The component of that name. Raises KeyError when there is none."""
        for one in self.components:
            if one.name == name:
                return one
        raise KeyError(name)

    def with_text(self, name: str, text: str) -> Prompt:
        """This prompt with the text of one component replaced."""
        self.component(name)
        parts = tuple(Component(c.name, c.role, text, c.frozen) if c.name == name else c for c in self.components)
        return replace(self, components=parts)

    def with_demos(self, demos: tuple[Demo, ...]) -> Prompt:
        """This prompt with another few-shot set."""
        return replace(self, demos=demos)


def belongs(part: str, step: str) -> bool:
    """Whether a part of a program's prompt is one of this step's: named like it, or `step.anything`."""
    return part == step or part.startswith(step + ".")
