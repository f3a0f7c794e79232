"""What changed between two texts, word by word, as a person reads it.

Joining the `same` and `removed` pieces gives the text before, joining `same` and `added` the one after: nothing is lost, and whoever shows the pieces
decides how they look.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from topout.domain import Demo, Prompt
from topout.text.genes import described

__all__ = ["Change", "ChangedComponent", "ChangedDemo", "Piece", "PromptDiff", "prompt_diff", "word_diff"]

Kind = Literal["same", "added", "removed"]
Change = Literal["same", "added", "removed", "changed"]

WORDS = re.compile(r"\w+|\s|[^\w\s]")
PAIRS = 250_000
"""Above so many pairs of words difflib, which is quadratic, is not asked: the texts are cut at their common rare words first."""

DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text and what became of it."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class ChangedComponent:
    """An instruction text of either prompt, by name, and what became of it. `frozen` as in the prompt after, or before where it was removed."""

    name: str
    role: str
    frozen: bool
    change: Change
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class ChangedDemo:
    """A demo of either prompt; equal inputs and output make it the same."""

    kind: Kind
    demo: Demo


@dataclass(frozen=True, slots=True)
class PromptDiff:
    """What changed from a prompt to another: components in the order of the one after (removed ones last), demos in reading order, genes that are or were
    switched on in words."""

    components: tuple[ChangedComponent, ...]
    demos: tuple[ChangedDemo, ...]
    genes: tuple[Piece, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        kinds = [*(one.kind for one in self.demos), *(one.kind for one in self.genes)]
        return all(c.change == "same" for c in self.components) and all(kind == "same" for kind in kinds)


def prompt_diff(before: Prompt, after: Prompt) -> PromptDiff:
    """Instructions by component, word by word, and demos as wholes; a demo that moved is removed at one place and added at another."""
    old, new = ({c.name: c for c in prompt.components} for prompt in (before, after))
    components = []
    for name in dict.fromkeys([*new, *old]):
        c = new.get(name) or old[name]
        a, b = (side[name].text if name in side else "" for side in (old, new))
        kept: Change = "same" if a == b else "changed"
        change: Change = "added" if name not in old else "removed" if name not in new else kept
        components.append(ChangedComponent(name, c.role, c.frozen, change, word_diff(a, b)))
    demos: list[ChangedDemo] = []
    a_keys, b_keys = (
        [(d.component, tuple(sorted(d.inputs.items())), d.output) for d in prompt.demos] for prompt in (before, after)
    )
    for tag, i, i_end, j, j_end in SequenceMatcher(None, a_keys, b_keys, autojunk=False).get_opcodes():
        if tag == "equal":
            demos += [ChangedDemo("same", d) for d in after.demos[j:j_end]]
        else:
            demos += [ChangedDemo("removed", d) for d in before.demos[i:i_end]]
            demos += [ChangedDemo("added", d) for d in after.demos[j:j_end]]
    was, now = described(before), described(after)
    genes = [Piece("same" if phrase in now else "removed", phrase) for phrase in was]
    genes += [Piece("added", phrase) for phrase in now if phrase not in was]
    return PromptDiff(tuple(components), tuple(demos), tuple(genes))


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces in reading order, neighbours of different kinds, what was removed ahead of what was added in its place.

    White space and punctuation alone between two changes count as changed, so that a rewritten sentence is one change. A whole text of 100,000 characters takes well
    under a second, also when nothing of it stayed. Equal texts give one piece, empty ones none.
    """
    return tuple(tidy(changes(WORDS.findall(before), WORDS.findall(after), 0)))


def changes(a: Sequence[str], b: Sequence[str], depth: int) -> Iterator[Piece]:
    """Pieces of two lists of words, neighbours not joined yet."""
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    yield Piece("same", "".join(a[:head]))
    yield from middle(a[head : len(a) - tail], b[head : len(b) - tail], depth)
    yield Piece("same", "".join(a[len(a) - tail :]))


def middle(a: Sequence[str], b: Sequence[str], depth: int) -> Iterator[Piece]:
    """Pieces of two lists that begin and end differently."""
    if len(a) * len(b) <= PAIRS:
        yield from small(a, b)
        return
    anchors = common_rare(a, b) if depth < DEEPEST else []
    if not anchors:
        yield from (Piece("removed", "".join(a)), Piece("added", "".join(b)))
        return
    i = j = 0
    for at, to in anchors:
        yield from changes(a[i:at], b[j:to], depth + 1)
        yield Piece("same", a[at])
        i, j = at + 1, to + 1
    yield from changes(a[i:], b[j:], depth + 1)


def small(a: Sequence[str], b: Sequence[str]) -> Iterator[Piece]:
    """Pieces of two short lists, by difflib; blanks and punctuation only match beside words that do."""
    for tag, i, i_end, j, j_end in SequenceMatcher(wordless, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(a[i:i_end]))
        else:
            yield from (Piece("removed", "".join(a[i:i_end])), Piece("added", "".join(b[j:j_end])))


def wordless(text: str) -> bool:
    """Whether no letter or digit is in it: such a piece alone is nothing to hold on to between two changes."""
    return not any(map(str.isalnum, text))


def common_rare(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places of words that stand once in each list, the most that keep their order in both: Cohen's patience diff, by Fredman's (1975) piles."""
    in_a, in_b = Counter(a), Counter(b)
    where = {word: j for j, word in enumerate(b) if in_b[word] == 1}
    places = [(i, where[word]) for i, word in enumerate(a) if in_a[word] == 1 and word in where]
    tops: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for k, (_, j) in enumerate(places):
        pile = bisect_left(tops, j)
        before.append(last[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        last[pile : pile + 1] = [k]
    found = []
    k = last[-1] if last else -1
    while k >= 0:
        found.append(places[k])
        k = before[k]
    return found[::-1]


def tidy(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same with neighbours joined, what holds no word between changes taken into them, and removed ahead of added."""
    changed: dict[Kind, list[str]] = {"removed": [], "added": []}
    same: list[str] = []  # what stayed before the change at hand
    held: list[str] = []  # what holds no word, after it
    for piece in pieces:
        if not piece.text:
            continue
        if piece.kind != "same":
            for words in changed.values():
                words += held
            held.clear()
            changed[piece.kind].append(piece.text)
        elif any(changed.values()) and wordless(piece.text):
            held.append(piece.text)
        else:
            if any(changed.values()):
                yield from told(same, changed)
            same += [*held, piece.text]
            held.clear()
    yield from told(same, changed)
    if held:
        yield Piece("same", "".join(held))


def told(same: list[str], changed: dict[Kind, list[str]]) -> Iterator[Piece]:
    """What stayed, then what was removed and added; the lists are emptied."""
    if same:
        yield Piece("same", "".join(same))
    same.clear()
    for kind, words in changed.items():
        if words:
            yield Piece(kind, "".join(words))
        words.clear()
