"""Few-shot sets: which train rows to show as worked examples."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

from topout.domain import Demo, Example, Json, Prompt

__all__ = ["answer_text", "as_demo", "edit_demos", "fitting", "spend_words", "spread"]

DROP = 0.15
BY_FAILURE = 0.5
STEPS = (2, 4, 8, 16)


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

    New demos are train rows whose answer no demo shows yet, one of each answer before a second; half of the time those that the prompt is
    known to fail come first, and half of the time chance alone decides, since what a prompt fails is often untypical. Never more
    than `most` demos or `word_cap` words of demos; a set that had more to begin with only loses some. None when there is nothing to do.
    """
    shown = {d.example_id for d in prompt.demos}
    order = [e for e in train if e.id not in shown]
    rng.shuffle(order)
    over = len(prompt.demos) > most or spend_words(prompt.demos) > word_cap
    if prompt.demos and (not order or over or rng.random() < DROP):
        return drop_some(prompt, rng)
    if most < 1 or not order:
        return None
    answers = {d.output for d in prompt.demos}
    by_failure = rng.random() < BY_FAILURE

    def need(example: Example) -> tuple[bool, bool]:
        return (by_failure and known.get(example.id, 0.5) >= 0.5, answer_text(example.expected) in answers)

    order = spread(sorted(order, key=need))
    if len(prompt.demos) >= most:
        return swap_one(prompt, order[0], word_cap, rng)
    return add_some(prompt, order, min(most - len(prompt.demos), rng.choice(STEPS)), word_cap)


def drop_some(prompt: Prompt, rng: random.Random) -> tuple[Prompt, str]:
    """One demo less, or a quarter of them."""
    count = rng.choice((1, max(1, len(prompt.demos) // 4)))
    gone = set(rng.sample(range(len(prompt.demos)), count))
    left = tuple(d for i, d in enumerate(prompt.demos) if i not in gone)
    return prompt.with_demos(left), f"drop {count} demo{'s' if count > 1 else ''}"


def swap_one(prompt: Prompt, example: Example, word_cap: int, rng: random.Random) -> tuple[Prompt, str] | None:
    """A row in the place of a demo."""
    demos = list(prompt.demos)
    place = rng.randrange(len(demos))
    gone, demos[place] = demos[place], as_demo(example)
    if spend_words(demos) > word_cap:
        return None
    return prompt.with_demos(tuple(demos)), f"swap the demo {gone.example_id or 'of the baseline'} for {example.id}"


def add_some(prompt: Prompt, order: Sequence[Example], wanted: int, word_cap: int) -> tuple[Prompt, str] | None:
    """Up to `wanted` rows as demos behind those that are there, as far as the cap on words allows."""
    added = fitting(order, wanted, word_cap - spend_words(prompt.demos))
    if not added:
        return None
    names = ", ".join(d.example_id for d in added)
    return prompt.with_demos(
        (*prompt.demos, *added)
    ), f"add {len(added)} demo{'s' if len(added) > 1 else ''} from train rows ({names})"


def fitting(order: Sequence[Example], wanted: int, words: int) -> list[Demo]:
    """Up to `wanted` of these rows as demos, in order; one that does not fit into what is left of `words` is passed over."""
    out: list[Demo] = []
    for example in order:
        if len(out) >= wanted or words <= 0:
            break
        demo = as_demo(example)
        size = spend_words([demo])
        if size <= words:
            out.append(demo)
            words -= size
    return out


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
