"""What the critic gets to read: failing train rows first, fresh ones to find more, a few that pass as a guard."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from topout.domain import Example, Rollout, Scored

NEIGHBOURS = 4

__all__ = ["alike_together", "choose_references", "choose_rows", "choose_shown"]


def choose_rows(
    train: Sequence[Example], known: Mapping[str, float], size: int, fresh: int, enough: int, rng: random.Random
) -> tuple[Example, ...]:
    """Train rows to measure a parent on, at most `size`: `fresh` that it has not answered yet, unless `enough` failures are known, the rest such as it is
    known to fail; where there is room, up to `fresh` more that are known to pass, as a guard.

    Known rows cost nothing again, so a parent that is built on for the second time shows more failures for the same price; fresh ones keep the sample
    from narrowing to what is already known. Without any of both it is rows that pass.
    """
    order = list(train)
    rng.shuffle(order)
    failing = [e for e in order if known.get(e.id, 1.0) < 1.0]
    unseen = [e for e in order if e.id not in known][: min(fresh, size)] if len(failing) < enough else []
    failing = failing[: size - len(unseen)]
    if not failing and not unseen:
        return tuple(order[: min(fresh, size)])
    room = min(fresh, size - len(unseen) - len(failing))
    passing = [e for e in order if known.get(e.id, 0.0) >= 1.0][:room]
    return tuple(failing + unseen + passing)


def choose_shown(
    rollouts: Sequence[Rollout], failures: int, successes: int, words: int, train: Mapping[str, Example]
) -> tuple[list[Rollout], list[Rollout]]:
    """The rollouts that go into the critique: the worst `failures` and the first `successes` that pass; unscored rows stay out.

    Together at most `words` words of inputs and answers, a quarter of them for passing rows; one failing row is always shown.
    """
    scored = [(r, r.score.value) for r in rollouts if isinstance(r.score, Scored)]
    failing = [r for r, _ in sorted((pair for pair in scored if pair[1] < 1.0), key=lambda pair: pair[1])]
    passing = [r for r, value in scored if value >= 1.0]
    shown = within(failing[:failures], words * 3 // 4, train) or failing[:1]
    return shown, within(passing[:successes], words // 4, train)


def alike_together(rollouts: Sequence[Rollout], train: Mapping[str, Example], shares: int) -> list[list[Rollout]]:
    """The rollouts in so many shares of about one size, those that are alike together: by words of inputs and expected answers, rare ones counting more. All of them in
    each share when they are too few for two in each."""
    if len(rollouts) < 2 * shares:
        return [list(rollouts)] * shares
    words = [words_of(train[r.example]) for r in rollouts]
    met = Counter(word for own in words for word in own)
    order, left = [0], list(range(1, len(rollouts)))
    while left:  # the next is the one most like the last few
        near = order[-NEIGHBOURS:]  # the exact sum: sets of words come in another order in every process
        best = max(left, key=lambda i: math.fsum(1 / met[word] for j in near for word in words[i] & words[j]))
        left.remove(best)
        order.append(best)
    cuts = [k * len(order) // shares for k in range(shares + 1)]
    return [[rollouts[i] for i in order[start:stop]] for start, stop in pairwise(cuts)]


def words_of(example: Example) -> set[str]:
    """The words of a row and of what is expected."""
    return set(re.findall(r"\w+", " ".join([*example.inputs.values(), str(example.expected)]).lower()))


def choose_references(train: Sequence[Example], read: Sequence[Example], words: int, rng: random.Random) -> tuple[Example, ...]:
    """Other train rows, as many as `words` words of inputs allow: what is expected elsewhere, at the price of some tokens of the critic."""
    taken = {example.id for example in read}
    order = [e for e in train if e.id not in taken]
    rng.shuffle(order)
    out: list[Example] = []
    for example in order:
        if words <= 0:
            break
        size = sum(len(text.split()) for text in example.inputs.values())
        if size <= words:
            out.append(example)
            words -= size
    return tuple(out)


def within(rollouts: Sequence[Rollout], words: int, train: Mapping[str, Example]) -> list[Rollout]:
    """As many of them, in order, as `words` allow; longer ones are passed over."""
    out: list[Rollout] = []
    for rollout in rollouts:
        size = len(rollout.answer.split()) + sum(len(text.split()) for text in train[rollout.example].inputs.values())
        if size <= words:
            out.append(rollout)
            words -= size
    return out
