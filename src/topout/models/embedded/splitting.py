"""Messages to instruction, worked turns and the question at hand. Runs on every call, so it does no more than it must."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from topout.models.embedded.marks import SECTION, bare_value, open_block, sections, tidy_query
from topout.models.embedded.shapes import Split

__all__ = ["content_text", "split", "squeezed"]

_RUN = re.compile(r"[ \t]{65,}|\n{9,}")


def content_text(content: object) -> str:
    """A message's content as text: a string, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def squeezed(text: str) -> str:
    """The text without absurd runs of blanks, which patterns would walk again and again."""
    return _RUN.sub(lambda run: run[0][:64] if run[0][0] != "\n" else "\n" * 8, text)


def split(messages: Sequence[Mapping[str, object]]) -> Split:
    """Take the messages apart. The question is the last open input-like block of the last user message; without one it is that
    message when there is a system message or an earlier turn, else its last paragraph."""
    turns = [(str(m.get("role", "")), content_text(m.get("content"))) for m in messages]
    last = max((i for i, (role, _) in enumerate(turns) if role == "user"), default=-1)
    system = "\n\n".join(text for role, text in turns if role in ("system", "developer"))
    pairs: list[tuple[str, str]] = []
    asked = ""
    for role, text in turns[: max(last, 0)]:
        if role == "user":
            asked = text
        elif role == "assistant" and asked:
            pairs.append((asked, text))
            asked = ""
    if last < 0:
        return Split(system, (), "")
    text = squeezed(turns[last][1])
    if "[[ ## " in text:
        return _marked(system, pairs, text)
    alone = not system.strip() and not pairs
    block = open_block(text, alone)
    if block is not None:
        start, begin, end, open_mark = block
        query, tail = tidy_query(text[begin:end])
        around = "\n".join(part for part in (text[:start].strip(), tail) if part)
        return Split("\n\n".join(part for part in (system, around) if part), tuple(pairs), query, open_mark)
    if alone:
        before, _, query = text.rstrip().rpartition("\n\n")
        body, tail = tidy_query(text)
        if tail and before:
            before, _, query = body.rpartition("\n\n")
            before = f"{before}\n\n{tail}"
        return Split(before, (), tidy_query(query)[0]) if before else Split(text, (), bare_value(text))
    query, tail = tidy_query(text)
    return Split(f"{system}\n\n{tail}" if tail else system, tuple(pairs), query)


def _marked(system: str, pairs: list[tuple[str, str]], text: str) -> Split:
    """The shape of DSPy's adapters: `[[ ## field ## ]]` sections, the request for output fields behind the last one."""
    body, tail = tidy_query(text)
    if not tail:
        at = text.rfind("\nRespond with ")
        body, tail = (text[:at], text[at + 1 :]) if at >= 0 else (text, "")
    shots = []
    for asked, reply in pairs:
        shots.append(("\n".join(sections(tidy_query(asked)[0]).values()) or asked, reply))
    return Split(f"{system}\n\n{tail}", tuple(shots), "\n".join(sections(body).values()) or SECTION.sub("", body))
