"""A critic's reply is checked before it becomes a prompt: a truncated, refused or copied text must never be tried as one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from topout.contracts import Critique, Move
from topout.domain import Example
from topout.text.rendering import placeholders
from topout.text.replies import read_proposal

__all__ = ["WHOLE", "check_reply"]

WHOLE = ("stop", "end_turn", "eos", "")
"""How a reply that is all there finishes."""

COPY_WORDS = 12
"""So many words in a row that stand in a train row's input, and not in the text before, make a verbatim copy."""

LEAST_WORDS = 6
"""Rows with fewer words are too common to be copies."""


def check_reply(text: str, finish_reason: str, move: Move, train: Iterable[Example]) -> Critique:
    """The proposal of a critic's reply, or why it is refused."""
    component = move.parents[0].candidate.prompt.component(move.component)
    proposal = read_proposal(text)
    if finish_reason == "length":
        return refused("the critic's reply was cut off at its token limit")
    if finish_reason not in WHOLE:
        return refused(f"the critic stopped with '{finish_reason[:40]}'")
    if proposal is None:
        return refused("the critic's reply has no fenced block")
    if not proposal.closed:
        return refused("the fenced block of the critic's reply is not closed")
    new, rationale = proposal.text.strip(), proposal.rationale
    if not new:
        return refused("the critic's text is empty", rationale)
    old_names, new_names = set(placeholders(component.text)), set(placeholders(new))
    if old_names - new_names:
        return refused(f"lost the placeholder {{{{{min(old_names - new_names)}}}}}", rationale)
    if new_names - old_names:
        return refused(f"invented the placeholder {{{{{min(new_names - old_names)}}}}}", rationale)
    words = len(new.split())
    if words > move.word_cap:
        return refused(f"{words} words, at most {move.word_cap} are allowed", rationale)
    if any(new == m.candidate.prompt.component(move.component).text.strip() for m in move.parents):
        return refused("no change to the text", rationale)
    if move.operator == "shorten" and words >= len(component.text.split()):
        return refused("not shorter than before", rationale)
    copied = copied_row(new, " ".join(m.candidate.prompt.component(move.component).text for m in move.parents), train)
    if copied:
        return refused(f"copies the train row {copied} verbatim", rationale)
    prompt = move.parents[0].candidate.prompt.with_text(move.component, new)
    return Critique(prompt, rationale)


def refused(reason: str, rationale: str = "") -> Critique:
    return Critique(None, rationale, reason)


def copied_row(new: str, old: str, train: Iterable[Example]) -> str:
    """The id of a train row of which the text repeats `COPY_WORDS` words in a row (or a shorter row of six words or more, whole); '' when none."""
    fresh, known = folded(new), folded(old)
    runs = {size: set(in_a_row(fresh, size)) - set(in_a_row(known, size)) for size in range(LEAST_WORDS, COPY_WORDS + 1)}
    for example in train:
        for value in example.inputs.values():
            words = folded(value)
            size = min(len(words), COPY_WORDS)
            if size >= LEAST_WORDS and not runs[size].isdisjoint(in_a_row(words, size)):
                return example.id
    return ""


def in_a_row(words: list[str], size: int) -> Iterable[tuple[str, ...]]:
    """All runs of `size` words."""
    return zip(*(words[start:] for start in range(size)), strict=False)


def folded(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"\w+", text.lower())
