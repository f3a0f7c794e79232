"""The steps of a program and the parts of its prompt: which belongs to which."""

from __future__ import annotations

from collections.abc import Iterable

from topout.domain import Prompt, Step, belongs

__all__ = ["asking", "step_of_part", "steps_of"]


def step_of_part(part: str, steps: set[str]) -> str:
    """The step that a part belongs to, of those that were seen at work: the one with the longest name; the part's own name when there is none."""
    return max((step for step in steps if belongs(part, step)), key=len, default=part)


def steps_of(prompt: Prompt) -> list[str]:
    """The parts of a prompt that are a step each: of `answer` and `answer.input`, the first."""
    names = [c.name for c in prompt.components]
    return [name for name in names if not any(name != other and belongs(name, other) for other in names)]


def asking(steps: Iterable[Step], prompt: Prompt) -> list[Step]:
    """The steps that asked the model with a part of this prompt, without those of tools."""
    names = [c.name for c in prompt.components]
    return [step for step in steps if any(belongs(name, step.component) for name in names)]
