"""How the critic is shown a program at work: one step of it, or the way that it went.

A step that a row passed once is shown as a question of its own: what it was given, what it answered, and what became of it. A step that ran in a loop
has no answer of its own; there the whole trajectory is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from topout.domain import Example, Rollout, Scored, Step, belongs
from topout.search.demos import answer_text
from topout.text.untrusted import beginning, one_line

__all__ = ["WHAT_STEPS_ARE", "step_block", "trajectory"]

WHAT_STEPS_ARE = (
    "The text is the instruction of one step of a program of several. Each example shows what this step was given (Input), what it answered (Answer), the "
    "program's other steps, and what came of it in the end. A failing example need not be this step's fault. Examples marked as passed show answers of "
    "this step that led to the right end, and so do references: what is expected there is what this step answered."
)

SHOWN_CHARACTERS = 1500
"""So much of a value is shown."""

SHOWN_STEPS = 24
"""Of a longer trajectory the first and the last steps."""


def step_block(number: int, mark: str, rollout: Rollout, example: Example, component: str) -> str:
    """One rollout as the critic of `component` reads it."""
    own = [step for step in rollout.steps if belongs(component, step.component)]
    expected = clipped(answer_text(example.expected))
    feedback = rollout.score.feedback if isinstance(rollout.score, Scored) else ""
    if len(own) != 1:
        reached = "" if own else "\nThe program did not come to this step."
        lines = [f"### Example {number} ({mark})", *inputs(example.inputs)]
        lines += [f"Steps:{reached}", *trajectory(rollout.steps)]
        lines += [f"Answer: {clipped(rollout.answer)}", f"Expected: {expected}"]
        return "\n".join([*lines, f"Feedback: {clipped(feedback)}"] if feedback else lines)
    step = own[0]
    lines = [f"### Example {number} ({mark})", *inputs(step.asked), f"Answer: {clipped(step.answered)}"]
    others = [one for one in rollout.steps if one is not step]
    if step.answered.strip() == rollout.answer.strip():
        lines.append(f"Expected: {expected}")
        lines += [f"Feedback: {clipped(feedback)}"] if feedback else []
    else:
        lines += [f"Final answer: {clipped(rollout.answer)}", f"Final expected: {expected}"]
        lines += [f"Final feedback: {clipped(feedback)}"] if feedback else []
    return "\n".join([*lines, "Other steps:", *trajectory(others)] if others else lines)


def inputs(values: Mapping[str, str]) -> list[str]:
    """A line a value."""
    return [f"Input {one_line(name)}: {clipped(value)}" for name, value in values.items()]


def trajectory(steps: Sequence[Step]) -> list[str]:
    """A line a step, in order."""
    lines = [
        f"{i}. {one_line(step.component)}({one_line(clipped(', '.join(f'{k}={v}' for k, v in step.asked.items())))}) -> {one_line(clipped(step.answered))}"
        for i, step in enumerate(steps, 1)
    ]
    half = SHOWN_STEPS // 2
    return lines if len(lines) <= SHOWN_STEPS else [*lines[:half], f"({len(lines) - 2 * half} more steps)", *lines[-half:]]


def clipped(text: str) -> str:
    """A value as it is shown here."""
    return beginning(text, SHOWN_CHARACTERS)
