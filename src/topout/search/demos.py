"""Few-shot sets: which train rows to show as worked examples."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

from topout.domain import Demo, Example, Json, Prompt

__all__ = ["answer_text", "edit_demos", "spend_words"]


def answer_text(expected: Json) -> str:
    """The expected answer as the model should write it: text as it is, anything else as compact JSON."""
    return expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)


def spend_words(demos: Sequence[Demo]) -> int:
    """Words that a few-shot set adds to each call."""
    return sum(len(d.output.split()) + sum(len(text.split()) for text in d.inputs.values()) for d in demos)


def edit_demos(
    prompt: Prompt, train: Sequence[Example], known: Mapping[str, float], most: int, word_cap: int, rng: random.Random
) -> tuple[Prompt, str] | None:
    """A prompt with another few-shot set, and what was done: rows added, one swapped, or one dropped.

    New demos are train rows that the prompt is known to fail, those first whose answer no demo shows yet; rows not seen with it fill
    up. Never more than `most` demos or `word_cap` words of demos. None when there is nothing to do.
    """
    demos = list(prompt.demos)
    shown = {d.example_id for d in demos}
    order = [e for e in train if e.id not in shown]
    rng.shuffle(order)
    answers = {d.output for d in demos}

    def need(example: Example) -> tuple[bool, bool]:
        return (known.get(example.id, 0.5) >= 0.5, answer_text(example.expected) in answers)

    order.sort(key=need)
    move = rng.random()
    if demos and (move < 0.15 or not order):
        gone = demos.pop(rng.randrange(len(demos)))
        return prompt.with_demos(tuple(demos)), f"drop the demo {gone.example_id or 'of the baseline'}"
    if not order:
        return None
    if demos and (move < 0.35 or len(demos) >= most):
        place = rng.randrange(len(demos))
        gone, demos[place] = demos[place], as_demo(order[0])
        if spend_words(demos) <= word_cap:
            return prompt.with_demos(tuple(demos)), f"swap the demo {gone.example_id or 'of the baseline'} for {order[0].id}"
        return None
    added: list[Demo] = []
    wanted = min(most - len(demos), rng.choice((2, 4, 6, 8)))
    for example in spread(order):
        demo = as_demo(example)
        if len(added) >= wanted:
            break
        if spend_words(demos) + spend_words(added) + spend_words([demo]) <= word_cap:
            added.append(demo)
    if not added:
        return None
    text = f"add {len(added)} demo{'s' if len(added) > 1 else ''} from train rows ({', '.join(d.example_id for d in added)})"
    return prompt.with_demos((*demos, *added)), text


def as_demo(example: Example) -> Demo:
    """A train row as a worked example."""
    return Demo(dict(example.inputs), answer_text(example.expected), example.id)


def spread(order: Sequence[Example]) -> list[Example]:
    """The same rows, one of each answer first, then the second of each, and so on."""
    turns: dict[str, int] = {}
    ranked: list[tuple[int, int]] = []
    for position, example in enumerate(order):
        text = answer_text(example.expected)
        turns[text] = turns.get(text, 0) + 1
        ranked.append((turns[text], position))
    return [order[position] for _, position in sorted(ranked)]
