"""What a foreign optimizer is given in the place of models: a host that measures prompts, asks the critic and hears of each step.

Its loop is plain blocking code, so these are plain blocking calls. Behind them stands one attempt of a run (`bridged`), or a benchmark.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from topout.domain import Component, Example, Message, Prompt, Rollout, Scored, Task
from topout.errors import UserError
from topout.search.trial import instructs
from topout.text.rendering import placeholders

__all__ = ["Host", "Over", "Step", "answerable", "editable", "needs", "points"]


class Over(BaseException):
    """No call is left. Not an Exception: what foreign code does with errors (log, retry, score 0, go on) must not be done with this."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the foreign optimizer has just decided. `kept`: the prompt is one that it may return (its baseline is the first of them), measured on
    what it takes for its validation rows; `parent` is the prompt
    that it was made from, `score` what the optimizer itself takes it to be worth. `reason` is one line for a person."""

    kind: Literal["kept", "dropped", "rejected"]
    reason: str
    prompt: Prompt | None = None
    parent: Prompt | None = None
    score: float | None = None


class Host(Protocol):
    """All that a foreign loop may touch. Every method raises `Over` when the budget has ended."""

    @property
    def task(self) -> Task: ...

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout]:
        """One rollout a row, in their order."""
        ...

    def ask(self, messages: Sequence[Message]) -> str:
        """The critic's reply; '' when it has none to this question."""
        ...

    def tell(self, step: Step) -> None: ...


def needs(package: str, recipe: str) -> None:
    """Raise UserError when a package that a recipe drives is not installed."""
    if importlib.util.find_spec(package) is None:
        raise UserError(f"recipe '{recipe}': the package '{package}' is not installed. `pip install {package}` brings it.")


def editable(task: Task) -> tuple[Component, ...]:
    """The texts that may be written anew."""
    return tuple(c for c in task.baseline.components if instructs(c))


def answerable(prompt: Prompt, task: Task) -> bool:
    """Whether the prompt has all placeholders of the baseline and no others. A text that lost the row's own cannot be answered at all."""
    return all(
        set(placeholders(component.text)) == set(placeholders(task.baseline.component(component.name).text))
        for component in prompt.components
    )


def points(rollouts: Sequence[Rollout]) -> list[float]:
    """Scores as numbers, for code that knows no other. A row that could not be scored counts as the mean of the others: an outage is not a
    wrong answer, and leaves comparisons on equal rows as they were. 0 when none could."""
    known = [r.score.value for r in rollouts if isinstance(r.score, Scored)]
    mean = math.fsum(known) / len(known) if known else 0.0
    return [r.score.value if isinstance(r.score, Scored) else mean for r in rollouts]
