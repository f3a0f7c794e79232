"""Crossover of texts without a critic: the change that made one text of another, made to a third."""

from __future__ import annotations

import re

from topout.domain import Prompt

__all__ = ["crossed", "graft", "sentences"]

BREAK = re.compile(r"(?<=[.!?])[ \t]+(?=\S)|\n+")

LEAST_SHARED = 0.5


def sentences(text: str) -> list[tuple[str, str]]:
    """The sentences (and list items, and lines) of a text with what follows each: joined, they are the text."""
    out: list[tuple[str, str]] = []
    start = 0
    for found in BREAK.finditer(text):
        out.append((text[start : found.start()], found[0]))
        start = found.end()
    return [*out, (text[start:], "")]


def graft(before: str, after: str, onto: str) -> str | None:
    """`onto` with the change made that led from `before` to `after`: sentences that came in, each behind the one that it follows there, and those
    that went are out. None when that is no change of `onto`, or `after` is a new text rather than an edit (under half of its sentences are kept)."""
    old, new, text = sentences(before), sentences(after), sentences(onto)
    olds, news, held = ({one.strip() for one, _ in part} for part in (old, new, text))
    if len(olds & news) < LEAST_SHARED * len(olds):
        return None
    gone = olds - news
    result = [pair for pair in text if pair[0].strip() not in gone]
    place = len(result)
    ahead = ""
    for one, space in new:
        name = one.strip()
        if name in olds or not name:
            found = next((i for i, (other, _) in enumerate(result) if other.strip() == name), None)
            place = place if found is None else found + 1
        elif name not in held:
            behind = space or " "
            if place:
                last, behind = result[place - 1]
                result[place - 1] = (last, ahead or " ")
            result.insert(place, (one, behind))
            place += 1
        ahead = space
    joined = "".join(one + space for one, space in result).strip()
    return None if not joined or joined == onto.strip() else joined


def crossed(before: Prompt, after: Prompt, onto: Prompt, most: int) -> Prompt | None:
    """`onto` with all that changed from `before` to `after`: texts by `graft` (a text that cannot be grafted stays as it is), demos that came in, up to
    `most` of them. None when that changes nothing."""
    prompt = onto
    names = {c.name for c in onto.components if not c.frozen}
    for old, new in zip(before.components, after.components, strict=True):
        if old.text != new.text and new.name in names:
            text = graft(old.text, new.text, onto.component(new.name).text)
            prompt = prompt.with_text(new.name, text) if text is not None else prompt
    added = [d for d in after.demos if d not in before.demos and d not in onto.demos]
    if added:
        prompt = prompt.with_demos((*onto.demos, *added)[: max(most, len(onto.demos))])
    return None if prompt == onto else prompt
