"""Input and output markers in running text: `Input: ...` / `Label: ...`, `<example>`, `"text" -> label`, `[[ ## field ## ]]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from topout.models.embedded.shapes import Shot

__all__ = ["SECTION", "bare_value", "inline_shots", "open_block", "sections", "tidy_query"]

_INPUT: Final = (
    "inputs?|text|q|questions?|query|utterance|messages?|tickets?|e-?mails?|mail|sentence|reviews?|requests?|documents?|user|"
    "comments?|posts?|articles?|passage|contents?|body|prompt|chat|conversation|letter"
)
_OUTPUT: Final = "outputs?|labels?|a|answers?|intents?|categor(?:y|ies)|class(?:es)?|response|results?|target|prediction|assistant|topic|tags?|json|type"
_MARK: Final = re.compile(
    rf"^[ \t>#*-]*(?:(?P<out>(?:(?:expected|correct|right|gold|true|final|your|the|example)[ ])?(?:{_OUTPUT})|expected)"
    rf"|(?P<in>(?:[\w-]+[ ]){{0,2}}(?:{_INPUT})))(?:[ \t]+\d+)?(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_LEADS: Final = re.compile(
    r"\b(?:classify|extract|read|answer|label|assign|choose|which|determine|return|identify|task|reply|route|sort)\b", re.IGNORECASE
)
_EXAMPLE: Final = re.compile(r"<(example|demo|shot|sample)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<([A-Za-z][\w-]*)>(.*?)</\1>", re.DOTALL)
_ARROW: Final = re.compile(
    r"^[ \t]*(?:[-*•]|\d{1,3}[.)])?[ \t]*[\"“'](?P<text>.+)[\"”'][ \t]*(?:->|→|=>|⇒)[ \t]*(?P<out>\S.*?)[ \t]*$", re.MULTILINE
)
_INPUT_NAME: Final = re.compile(rf"(?:{_INPUT})", re.IGNORECASE)
_HEADER: Final = re.compile(r"^[ \t#*]*(?:example|demo|shot|sample)[ \t]*\d*[ \t]*:?\**[ \t]*$", re.IGNORECASE | re.MULTILINE)
SECTION: Final = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*\n?", re.MULTILINE)
_TAIL: Final = re.compile(
    r"(?:(?:please|now|only)\s+)?(?:answer|reply|respond|return|output|choose|classify|give|write|think|pick|extract|label)\b[^\n]{0,400}",
    re.IGNORECASE,
)


def bare_value(text: str) -> str:
    """The text without quotes, backticks, stars, a closing full stop or blanks around it."""
    return text.strip().strip("`*\"“”'").rstrip(".").strip()


def sections(text: str) -> Mapping[str, str]:
    """The values between `[[ ## name ## ]]` markers, by name; empty without any."""
    parts = SECTION.split(text)
    return {parts[i]: parts[i + 1].strip() for i in range(1, len(parts) - 1, 2) if parts[i] != "completed"}


def _value_end(text: str, start: int, limit: int) -> int:
    """Where the output that begins at `start` ends: its JSON object's brace, else its line; within `limit`."""
    first = start + len(text[start:limit]) - len(text[start:limit].lstrip())
    if text[first : first + 1] == "{":
        depth = 0
        for at in range(first, limit):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if depth == 0:
                return at + 1
        return limit
    newline = text.find("\n", first, limit)
    return limit if newline < 0 else newline


def inline_shots(text: str) -> tuple[tuple[Shot, ...], str]:
    """The worked examples written inside a text, in order, and the text without them."""
    shots: list[Shot] = []

    def from_example(match: re.Match[str]) -> str:
        inner = match.group(2)
        tags = _TAG.findall(inner)
        if len(tags) >= 2:
            shots.append(Shot(tags[0][1].strip(), tags[-1][1].strip()))
        else:
            shots.extend(_pairs(inner)[0])
        return "\n"

    def from_arrow(match: re.Match[str]) -> str:
        shots.append(Shot(match["text"].strip(), match["out"].strip().strip("`\"'")))
        return ""

    text = _EXAMPLE.sub(from_example, text)
    text = _ARROW.sub(from_arrow, text)
    pairs, text = _pairs(text)
    return (*shots, *pairs), _HEADER.sub("", text)


def _pairs(text: str) -> tuple[list[Shot], str]:
    marks = list(_MARK.finditer(text))
    shots: list[Shot] = []
    rest: list[str] = []
    begin: re.Match[str] | None = None
    done = 0
    for number, mark in enumerate(marks):
        if mark["in"] is not None:
            if begin is None or _same(mark, begin):
                begin = mark
        elif begin is not None:
            limit = marks[number + 1].start() if number + 1 < len(marks) else len(text)
            end = _value_end(text, mark.end(), limit)
            output = text[mark.end() : end].strip()
            question = text[begin.end() : mark.start()].strip()
            if output and question:
                shots.append(Shot(tidy_query(question)[0], output.strip("`")))
                rest.append(text[done : begin.start()])
                done = end
                begin = None
    return shots, "".join((*rest, text[done:]))


def _same(one: re.Match[str], other: re.Match[str]) -> bool:
    return one["in"].lower() == other["in"].lower()


def open_block(text: str, alone: bool) -> tuple[int, int, int, bool] | None:
    """Where the open question of a text stands: start of its marker, start and end of its content, and whether an empty output
    marker follows. None when no input-like block is open.

    `alone`: the text is the whole prompt, so the last block counts. Otherwise it is the last message of a longer prompt and a
    marker counts only at its start or below a line of instruction: key-value lines inside a mail are no markers.
    """
    start: re.Match[str] | None = None
    end, open_mark = len(text), False
    pair = ""
    marks = list(_MARK.finditer(text))
    for number, mark in enumerate(marks):
        if mark["in"] is not None:
            if start is None:
                if (not pair or mark["in"].lower() == pair) and (alone or _leads(text[: mark.start()])):
                    start = mark
            elif alone and _same(mark, start):
                start = mark
            end, open_mark = len(text), False
        elif start is not None:
            limit = marks[number + 1].start() if number + 1 < len(marks) else len(text)
            if not text[mark.end() : limit].strip("*`\"' \n\t"):
                end, open_mark = mark.start(), True
            elif alone:
                pair, start = start["in"].lower(), None
    if start is not None and text[start.end() : end].strip():
        return start.start(), start.end(), end, open_mark
    closed = "</" in text
    found = max(_TAG.finditer(text), key=lambda match: match.start(), default=None) if closed else None
    if found and _INPUT_NAME.fullmatch(found[1].replace("_", " ")) and len(text) - found.end() < 600:
        return found.start(), found.start(2), found.end(2), False
    return None


def _leads(before: str) -> bool:
    return not before.strip() or bool(len(before) < 1500 and before.rstrip(" ").endswith("\n") and _LEADS.search(before))


def tidy_query(text: str) -> tuple[str, str]:
    """The input without quotes, fences or tags around it, and an instruction that trailed behind it."""
    tail = ""
    text = text.strip()
    at = text.rfind("\n\n")
    if at > 0 and _TAIL.fullmatch(text[at + 2 :].lstrip("\n")):
        tail = text[at:].strip()
        text = text[:at]
    text = text.strip()
    for fence in ("```", '"""', "'''"):
        if text.startswith(fence) and text.endswith(fence) and len(text) > 2 * len(fence):
            text = text[len(fence) : -len(fence)].strip()
    tag = _TAG.fullmatch(text)
    if tag:
        text = tag[2].strip()
    if len(text) > 1 and text[0] in '"“' and text[-1] in '"”':
        text = text[1:-1]
    return text, tail
