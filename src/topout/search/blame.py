"""Which step of a program is to blame: what its traces on train rows say of each part of the prompt.

Two kinds of evidence, both read off the steps of a failing row:

- A *twin*: the same row, passed by another candidate. The first step of the model that answered otherwise there is where the ways parted.
- The expected answer itself. A step that was given it and passed something else on has lost it; where no step ever saw it, those before the last one
  did not bring it up.

A row without either blames nobody. GEPA (arXiv 2507.19457) takes the parts in turn; that is what the rest of the draws do here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from topout.contracts import History, Member
from topout.domain import Component, Example, Step
from topout.search.demos import answer_text
from topout.search.steps import asking, step_of_part

__all__ = ["blamed", "choose_part"]

UNBLAMED = 0.15
"""So large a share of the blame is spread over all parts alike: evidence can mislead."""


def choose_part(parts: Sequence[Component], parent: Member, history: History, rng: random.Random, share: float) -> Component:
    """The part to edit: with probability `share` by blame, else each in its turn."""
    if len(parts) == 1:
        return parts[0]
    if rng.random() < share:
        weights = blamed(parent, history)
        steps = set(weights)
        mine = [weights.get(step_of_part(part.name, steps), 0.0) for part in parts]
        if sum(mine) > 0:
            even = UNBLAMED * sum(mine) / (1 - UNBLAMED) / len(parts)
            return rng.choices(parts, [weight + even for weight in mine])[0]
    return parts[len(history.attempts) % len(parts)]


def blamed(parent: Member, history: History) -> dict[str, float]:
    """How many failing train rows of this member each step is to blame for, by the step's name; rows count in parts where several share it."""
    own = history.train_steps.get(parent.candidate.id, {})
    scores = history.train_scores.get(parent.candidate.id, {})
    prompt = parent.candidate.prompt
    passed = twins(history)
    found: dict[str, float] = {}
    for example in history.task.rows("train"):
        steps = asking(own.get(example.id, ()), prompt)
        if not steps or scores.get(example.id, 1.0) >= 1.0:
            continue
        culprits = parted(steps, asking(passed[example.id], prompt)) if example.id in passed else lost(steps, example)
        for name in culprits:
            found[name] = found.get(name, 0.0) + 1 / len(culprits)
    return found


def twins(history: History) -> dict[str, tuple[Step, ...]]:
    """The steps of the latest candidate that passed a train row, by row."""
    found: dict[str, tuple[Step, ...]] = {}
    for candidate, traces in history.train_steps.items():
        scores = history.train_scores.get(candidate, {})
        found.update({row: steps for row, steps in traces.items() if scores.get(row, 0.0) >= 1.0})
    return found


def parted(failing: Sequence[Step], passing: Sequence[Step]) -> list[str]:
    """The first step of the model that answered otherwise in the trace that passed; the last one when one is as the other as far as it goes."""
    for mine, other in zip(failing, passing, strict=False):
        if mine.component != other.component or folded(mine.answered) != folded(other.answered):
            return [mine.component]
    return [failing[-1].component]


def lost(steps: Sequence[Step], example: Example) -> list[str]:
    """The steps of the model that the expected answer was lost in, or that did not bring it up; none where that cannot be told."""
    wanted = folded(answer_text(example.expected))
    if not wanted or len(wanted) > 200 or any(step.cut for step in steps):
        return []
    for step in steps:
        if holds(" ".join(step.asked.values()), wanted) and not holds(step.answered, wanted):
            return [step.component]
    if any(holds(step.answered, wanted) for step in steps):
        return [steps[-1].component]  # it was there, and the last step gave it in a form that does not count
    before = list(dict.fromkeys(step.component for step in steps[:-1] if step.component != steps[-1].component))
    return before or [steps[-1].component]


def holds(text: str, wanted: str) -> bool:
    """Whether a text has these words in a row."""
    return f" {wanted} " in f" {folded(text)} "


def folded(text: str) -> str:
    """Lower-case words without punctuation."""
    return " ".join(re.findall(r"\w+", text.lower()))
