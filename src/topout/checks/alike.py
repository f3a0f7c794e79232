"""Rows that say the same: across splits they make a gain look better than it is, with two answers they cannot both be right."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

from topout.checks.found import Found, Subject, counted
from topout.domain import Example, Split
from topout.text.fingerprints import digest

__all__ = ["contradictions", "near_duplicates", "similarity"]

WORD = re.compile(r"\w+")
SHINGLE = 3  # words
SKETCH = 12  # shingles of a text that are looked up: those with the smallest hashes
ALIKE = 0.8  # share of common shingles
CROWD = 50  # a shingle in more texts than this is a phrase of the house, and points nowhere


def words(inputs: Mapping[str, str]) -> list[str]:
    """The words of a row's inputs, without case, marks and spacing."""
    return WORD.findall("\n".join(inputs.values()).casefold())


def shingles(tokens: list[str]) -> frozenset[int]:
    """Hashes of all runs of three words; of all words where there are fewer."""
    if len(tokens) < SHINGLE:
        return frozenset(zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens)
    runs = (" ".join(tokens[i : i + SHINGLE]) for i in range(len(tokens) - SHINGLE + 1))
    return frozenset(zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs)


def similarity(one: frozenset[int], other: frozenset[int]) -> float:
    """Jaccard similarity: common shingles among all; 0 for two empty texts."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def near_duplicates(subject: Subject) -> Iterable[Found]:
    """Rows of two different splits whose inputs are the same but for case, marks and spacing, or nearly the same.

    Candidates are pairs that share one of the smallest shingle hashes (Broder 1997's sketch), which are then compared in full: linear in the rows.
    """
    rows = subject.located()
    sets = [shingles(words(example.inputs)) for _, example in rows]
    index: dict[int, list[int]] = defaultdict(list)
    pairs: dict[tuple[Split, Split], list[tuple[float, Example, Example]]] = defaultdict(list)
    for i, (split, example) in enumerate(rows):
        sketch = sorted(sets[i])[:SKETCH]
        near = {j for key in sketch if len(index[key]) <= CROWD for j in index[key] if rows[j][0] != split}
        best = max(((similarity(sets[i], sets[j]), j) for j in near), default=(0.0, -1))
        if best[0] >= ALIKE:
            before, other = rows[best[1]]
            pairs[before, split].append((best[0], other, example))
        for key in sketch:
            index[key].append(i)
    for (before, split), found in pairs.items():
        found.sort(key=lambda one: -one[0])
        alike, other, example = found[0]
        same = sum(score == 1.0 for score, _, _ in found)
        held = split in ("holdout", "dev")
        yield Found(
            "error" if same and held else "warning",
            "near-duplicates",
            subject.place(example),
            f"{counted(len(found), f'{split} row is', f'{split} rows are')} nearly the same as {before} rows ({same} but for case and marks); this one as {subject.place(other)}, "
            f"{100 * alike:.0f} % alike",
            "Keep them in one split: give rows that belong together the same 'group', or remove one of each pair.",
        )


def contradictions(subject: Subject) -> Iterable[Found]:
    """The same inputs with different expected answers: at most one of them can be got right."""
    seen: dict[str, Example] = {}
    clash: list[tuple[Example, Example]] = []
    for _, example in subject.located():
        first = seen.setdefault(" ".join(words(example.inputs)), example)
        if first is not example and digest([first.expected]) != digest([example.expected]):
            clash.append((first, example))
    if clash:
        first, example = clash[0]
        yield Found(
            "error",
            "contradictions",
            subject.place(example),
            f"{counted(len(clash), 'row has', 'rows have')} the inputs of another row and another expected answer; this one those of {subject.place(first)}",
            "Correct the wrong one, or add the input that tells them apart.",
        )
