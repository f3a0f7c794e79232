"""Causes of failures, as far as a program can tell them from the message alone: it knows only what is shown to it.

Three causes have a mark that can be seen: an answer that is none of the allowed values, words that neither prompt nor demos have, equal inputs under
two expected answers. A row without such a mark is left out: it may be any of the other causes, and a guess would be no knowledge.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from topout.models.embedded.features import STOP, stem, words
from topout.models.embedded.fields import values_of
from topout.models.embedded.listing import inline_names
from topout.models.embedded.reading import read
from topout.models.embedded.shapes import Split
from topout.models.embedded.sheet import fenced
from topout.models.embedded.styles import output_value

__all__ = ["causes_of"]

_JOB: Final = re.compile(r"^Job: causes[ \t]*$", re.M)
_BLOCK: Final = r"^{}[ \t]*\n(?P<f>`{{3,}})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$"
_PROMPT: Final = re.compile(_BLOCK.format("Prompt:"), re.M | re.S)
_DEMOS: Final = re.compile(_BLOCK.format("Demos in the prompt:"), re.M | re.S)
_ROWS: Final = re.compile(_BLOCK.format("Failing rows:"), re.M | re.S)
_HEAD: Final = re.compile(r"^### (?:Row|Demo) (\d+)[ \t]*$", re.M)
_ROW: Final = re.compile(
    r"(?P<text>.*?)(?:^Answer:[ ]?(?P<answer>.*?))?^Expected:[ ]?(?P<expected>.*?)(?:^(?:Feedback|Steps):[ ]?.*)?\Z", re.M | re.S
)
_INPUT: Final = re.compile(r"^Input [^:\n]{1,60}:[ ]?", re.M)

UNSEEN_SHARE = 0.5
"""So large a part of a row's words must stand neither in the prompt nor in its demos."""

ALIKE = 0.8
"""Two inputs are alike that share so large a part of their words."""

LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    text: str
    answer: str
    expected: str

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(stem(word) for word in words(self.text) if word not in STOP)


def causes_of(text: str) -> str | None:
    """The reply to a message that asks for causes; None when the text is no such message."""
    prompt = _PROMPT.search(text)
    if prompt is None or _JOB.search(text, 0, prompt.start()) is None:
        return None
    demos = _DEMOS.search(text, prompt.end())
    shown = _ROWS.search(text, (demos or prompt).end())
    rows = _rows(shown["text"]) if shown else []
    examples = _rows(demos["text"]) if demos else []
    drifted = _drifted(prompt["text"], examples, rows)
    doubtful = _doubtful(examples, [row for row in rows if row.number not in drifted])
    told = {*drifted, *doubtful}
    unseen = _unseen(f"{prompt['text']}\n{demos['text'] if demos else ''}", [row for row in rows if row.number not in told])
    clusters = [
        ("format drift", "The answer is none of the allowed values", "What was answered is neither listed in the prompt nor shown in its demos, or is not in the form of the expected answer.", drifted),
        ("ambiguous or wrong label", "Alike inputs expect different answers", f"At least {100 * ALIKE:.0f} % of the words are those of another row or demo that expects something else.", doubtful),
        ("missing knowledge", "Words that the prompt does not know", f"At least {100 * UNSEEN_SHARE:.0f} % of the words stand neither in the prompt nor in its demos, such as {_named(unseen)}.", list(unseen)),
    ]  # fmt: skip
    found = [
        {"cause": cause, "title": title, "explanation": explanation, "rows": numbers}
        for cause, title, explanation, numbers in clusters
        if numbers
    ]
    return fenced(json.dumps({"clusters": found}, ensure_ascii=False))


def _rows(text: str) -> list[_Row]:
    parts = _HEAD.split(text)
    found = []
    for number, body in zip(parts[1::2], parts[2::2], strict=True):
        match = _ROW.match(body.strip("\n"))
        if match:
            found.append(
                _Row(int(number), _INPUT.sub("", match["text"]).strip(), (match["answer"] or "").strip(), match["expected"].strip())
            )
    return found


def _drifted(prompt: str, demos: Sequence[_Row], rows: Sequence[_Row]) -> list[int]:
    """Rows whose answer has not the form of the expected one: no object of values where one is expected, or no allowed label."""
    named = [label.name for label in read(Split(prompt, (), "")).labels]
    expected = [output_value(row.expected) for row in (*demos, *rows) if len(values_of(row.expected) or {}) < 2]
    listed = inline_names(prompt, list(dict.fromkeys(expected)))
    allowed = {name.lower() for name in (*named, *listed, *(output_value(d.expected) for d in demos))} - {""}
    found = []
    for row in rows:
        wanted = values_of(row.expected) or {}
        if len(wanted) > 1:
            if (values_of(row.answer) or {}).keys() != wanted.keys():
                found.append(row.number)
        elif row.expected.lower() in allowed and row.answer.lower() not in allowed:
            found.append(row.number)
    return found


def _doubtful(demos: Sequence[_Row], rows: Sequence[_Row]) -> list[int]:
    """Rows whose words are those of another row or demo that expects something else."""
    known = [(one, one.stems) for one in (*demos, *rows)]
    found = []
    for row in rows:
        mine = row.stems
        for other, theirs in known:
            if other.expected != row.expected and mine and len(mine & theirs) >= ALIKE * len(mine | theirs):
                found.append(row.number)
                break
    return found


def _unseen(seen: str, rows: Sequence[_Row]) -> dict[int, list[str]]:
    """Rows most of whose words the prompt does not have, with those words."""
    known = {stem(word) for word in words(seen)}
    found = {}
    for row in rows:
        mine = list(dict.fromkeys(word for word in words(row.text) if word not in STOP))
        missing = [word for word in mine if stem(word) not in known]
        if len(mine) >= LEAST_WORDS and len(missing) >= UNSEEN_SHARE * len(mine):
            found[row.number] = missing
    return found


def _named(unseen: dict[int, list[str]]) -> str:
    """The words that are missing most often."""
    counts = Counter(word for missing in unseen.values() for word in missing)
    return ", ".join(f"'{word}'" for word, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:5])
