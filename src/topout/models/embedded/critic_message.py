"""What a critic is asked: topout's own message and GEPA's reflection template, read into one value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from topout.models.embedded.splitting import content_text
from topout.models.embedded.styles import output_value

__all__ = ["Brief", "Case", "Job", "brief_of"]

Job = Literal["rewrite", "shorten", "merge"]

_OWN_TEXT: Final = re.compile(r"^Current text:[ \t]*\n(?P<f>`{3,})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$", re.M | re.S)
_OWN_SECOND: Final = re.compile(r"^Second text:[ \t]*\n(?P<f>`{3,})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$", re.M | re.S)
_OWN_CASES: Final = re.compile(r"^Examples:[ \t]*\n(?P<f>`{3,})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$", re.M | re.S)
_HEAD: Final = re.compile(r"^### Example \d+ \((failed|passed|reference)[^)]*\)[ \t]*$", re.M)
_CASE: Final = re.compile(
    r"(?P<text>.*?)(?:^Answer:[ ]?(?P<answer>.*?))?(?:^Expected:[ ]?(?P<expected>.*?)(?:^Feedback:[ ]?(?P<feedback>.*?))?)?"
    r"(?:^(?:Final answer|Other steps):.*)?\Z",
    re.M | re.S,
)
_INPUT: Final = re.compile(r"^Input [^:\n]{1,60}:[ ]?", re.M)
_MOST: Final = re.compile(r"at most (\d+) words", re.I)
_GEPA_TEXT: Final = re.compile(
    r"instructions? to perform a task for me:\s*\n(?P<f>`{3,})\w*\n(?P<text>.*?)\n?(?P=f)\s*\n+The following are examples", re.S
)
_GEPA_CASES: Final = re.compile(r"\n(?P<f>`{3,})\w*\n(?=# Example 1\b)(?P<text>.*)\n(?P=f)\s*\n+Your task is to write", re.S)
_FENCE: Final = re.compile(r"^(?P<f>`{3,})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$", re.M | re.S)
_GEPA_HEAD: Final = re.compile(r"^# Example \d+[ \t]*$", re.M)
_PART: Final = re.compile(r"^## (?P<name>[^\n#]+)\n", re.M)
_GOLD: Final = re.compile(
    r"(?:expected|correct(?: (?:answer|label|category|intent|class|output|response))?|should (?:have been|be)|gold|right answer)"
    r"(?: (?:is|was|answer|label|output|value))*\s*[:=]?\s*(?:['\"`“‘](?P<q>[^'\"`“”‘’\n]{1,120})['\"`”’]|(?P<j>\{[^\n]*\})|(?P<w>[\w-]*_[\w-]*\w))",
    re.I,
)
_WRONG: Final = re.compile(r"\bincorrect\b|\bwrong\b|\bexpected\b|\bnot correct\b|\bmismatch", re.I)


@dataclass(frozen=True, slots=True)
class Case:
    """One example shown to the critic: the input, what was answered, what was expected ('' when the feedback does not tell)."""

    text: str
    answer: str
    expected: str
    feedback: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Brief:
    """A request for an edit. `most_words` is the cap on the new text. `own` is True for topout's message, whose rules forbid
    copying whole examples; GEPA's template allows it."""

    job: Job
    text: str
    second: str
    cases: tuple[Case, ...]
    most_words: int
    own: bool


def brief_of(messages: Sequence[Mapping[str, object]]) -> Brief | None:
    """What the messages ask for, or None when they hold no text to edit."""
    text = "\n\n".join(content_text(m.get("content")) for m in messages if m.get("role") == "user")
    own = _OWN_TEXT.search(text)
    if own:
        cases = _OWN_CASES.search(text, own.end())
        second = _OWN_SECOND.search(text, own.end(), cases.start() if cases else len(text))
        tail = text[cases.end() if cases else own.end() :]
        most = _MOST.search(tail)
        asked = re.search(r"^Job:\s*(rewrite|shorten|merge)\b", text[: own.start()], re.M)
        job: Job = "merge" if asked and asked[1] == "merge" else "shorten" if asked and asked[1] == "shorten" else "rewrite"
        return Brief(
            job,
            own["text"],
            second["text"] if second else "",
            _own_cases(cases["text"]) if cases else (),
            int(most[1]) if most else 600,
            True,
        )
    current = _GEPA_TEXT.search(text) or _FENCE.search(text)
    if current is None:
        return None
    shown = _GEPA_CASES.search(text, max(current.end() - 40, 0)) or _FENCE.search(text, current.end())
    most = _MOST.search(text[shown.end() if shown else current.end() :])
    return Brief("rewrite", current["text"], "", _gepa_cases(shown["text"]) if shown else (), int(most[1]) if most else 900, False)


def _own_cases(text: str) -> tuple[Case, ...]:
    parts = _HEAD.split(text)
    found = []
    for outcome, body in zip(parts[1::2], parts[2::2], strict=True):
        match = _CASE.match(body.strip("\n"))
        if match:
            feedback = (match["feedback"] or "").strip()
            expected = (match["expected"] or "").strip() or _gold(feedback)
            if match["expected"] is None and outcome == "passed":  # one step of a program, which led to the right end
                expected = (match["answer"] or "").strip()
            asked = _INPUT.sub("", match["text"]).strip()
            found.append(Case(asked, (match["answer"] or expected).strip(), expected, feedback, outcome == "failed"))
    return tuple(found)


def _gold(feedback: str) -> str:
    match = _GOLD.search(feedback)
    return (match["q"] or match["j"] or match["w"]).strip() if match else ""


def _gepa_cases(text: str) -> tuple[Case, ...]:
    found = []
    for body in _GEPA_HEAD.split(text)[1:]:
        parts = _PART.split(body)
        named = {parts[i].strip().lower(): parts[i + 1] for i in range(1, len(parts) - 1, 2)}
        asked = answer = feedback = ""
        for name, value in named.items():
            clean = re.sub(r"^#{3,6} [^\n]*\n", "", value, flags=re.M).strip()
            if "feedback" in name:
                feedback = clean
            elif re.search(r"output|response|answer|prediction", name):
                answer = clean
            else:
                asked = f"{asked}\n{clean}".strip()
        right = re.search(r"\bis correct\b", feedback) and not _WRONG.search(feedback)
        found.append(Case(asked, answer, _gold(feedback) or (output_value(answer) if right else ""), feedback, not right))
    return tuple(found)
