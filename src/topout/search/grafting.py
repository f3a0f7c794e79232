"""Crossover of texts without a critic: the change that made one text of another, made to a third; and several edits of one text, made together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from topout.domain import Prompt

__all__ = ["crossed", "graft", "joined", "sentences"]

BREAK = re.compile(r"(?<=[.!?])[ \t]+(?=\S)|\n+")

LEAST_SHARED = 0.5

VOTES = 2
"""So many edits have to leave a sentence out before it goes: what one of them leaves out is mostly forgotten, not refuted."""


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


def joined(before: str, afters: Sequence[str]) -> str:
    """One text with the changes of several edits of `before`, which know nothing of each other: what any of them adds or words anew (of two wordings of one
    sentence the first), less what `VOTES` of them leave out. An edit that is a new text (over half of the sentences are gone) is left aside; when all are, the
    first one is taken as it is."""
    old = led(before)
    names = [name for _, name in old]
    edits = [edit for edit in (changes(names, led(after)) for after in afters) if 2 * len(edit.lost) <= len(old)]
    if not edits:
        return afters[0]
    added = [[pair for edit in edits for pair in edit.added.get(place, ())] for place in range(len(old) + 1)]
    worded = {place: name for edit in reversed(edits) for place, name in edit.worded.items()}
    votes = Counter(place for edit in edits for place in edit.lost)
    need = min(VOTES, len(edits))
    out: list[tuple[str, str]] = []
    for place in range(len(old) + 1):
        out += [pair for pair in dict.fromkeys(added[place]) if pair[1] not in {name for _, name in out}]
        if place < len(old) and (votes[place] < need or place in worded):
            out.append((old[place][0], worded.get(place, names[place])))
    text = ""
    for lead, one in out:
        text += (lead if "\n" in lead or (lead and text.endswith((".", "!", "?"))) else "\n") + one
    return text.strip()


@dataclass(frozen=True, slots=True)
class Changes:
    """What an edit did to a text's sentences, by their place: those that it lost, those that it has in other words, and what it has new before each (with what stands
    before it)."""

    lost: set[int]
    worded: dict[int, str]
    added: dict[int, list[tuple[str, str]]]


def changes(old: Sequence[str], new: Sequence[tuple[str, str]]) -> Changes:
    """From the sentences `old` to `new`. One that only stands elsewhere is no change."""
    found = Changes(set(), {}, {})
    held, known = {name for _, name in new}, {*old}
    for _, start, stop, first, last in SequenceMatcher(None, old, [name for _, name in new], autojunk=False).get_opcodes():
        fresh = [pair for pair in new[first:last] if pair[1] not in known]
        anew: dict[str, int] = {}
        for place in range(start, stop):
            if old[place] in held:
                continue
            other = next((name for _, name in fresh if name not in anew and alike(old[place], name)), None)
            if other is None:
                found.lost.add(place)
            else:
                anew[other] = place
                found.worded[place] = other
        at = start
        for pair in fresh:
            if pair[1] in anew:
                at = anew[pair[1]] + 1
            else:
                found.added.setdefault(at, []).append(pair)
    return found


def led(text: str) -> list[tuple[str, str]]:
    """The sentences of a text, each with what stands before it."""
    pairs = sentences(text)
    leads = ["", *(space for _, space in pairs)]
    return [(lead, one) for lead, (one, _) in zip(leads, pairs, strict=False)]


def alike(old: str, new: str) -> bool:
    """Whether `new` may be `old` in other words: it has half of its words."""
    words = set(re.findall(r"\w+", old.lower()))
    return 2 * len(words & set(re.findall(r"\w+", new.lower()))) >= len(words) > 0


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
