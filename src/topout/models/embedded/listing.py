"""Lists of names with definitions in running text: bullets, numbers, tables, headings and `name: definition` lines."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

__all__ = ["Block", "Item", "blocks", "enumeration", "inline_names", "is_coded", "lead_kind"]

LeadKind = Literal["labels", "fields", "rules", "none"]

_LABEL_LEAD: Final = re.compile(
    r"label|intent|categor|class(?:es|\b)|option|following|choices|one of|tags?\b|topics?\b|teams?\b|queues?\b", re.I
)
_FIELD_LEAD: Final = re.compile(r"field|\bkeys?\b|extract|propert|column|attribute|json|object|schema", re.I)
_RULE_LEAD: Final = re.compile(
    r"\brules?\b|\bnotes?\b|guideline|steps?\b|format|hints?\b|remember|instructions?\b|tips?\b|when in doubt|examples?\b", re.I
)
_BULLET: Final = re.compile(r"^(?P<indent>\s*)(?:[-*+•]|\d{1,3}[.)])\s+(?P<rest>\S.*)$")
_ITEM: Final = re.compile(
    r"^(?P<open>[*_`\"“'\[<]{0,4})(?P<name>[^\W_][\w./&+-]*(?:[ ][\w./&+-]+){0,4}?)(?P<close>[*_`\"”'\]>]{0,4})"
    r"(?:\s*(?:\[[^\]]*\])?\s*(?P<sep>:\**|—|–|->|→|=|\(|\s-)\s*\**\s*(?P<definition>.*))?$"
)
_ROW: Final = re.compile(r"^\s*\|(.+)\|\s*$")
_RULER: Final = re.compile(r"^[\s|:-]+$")
_HEADING: Final = re.compile(r"^#{2,6}\s+(?P<rest>.+?)\s*:?\s*$")
_LIST: Final = re.compile(
    r"(?:one of|labels?|intents?|categor(?:y|ies)|class(?:es)?|options?|following|choose (?:from|between|among)|choices|between|topics?|tags?)\b"
    r"[^:\n.]{0,60}?(?::\s*|\s+(?=[\[(\"'`{]))(?P<list>[^\n]+(?:\n[ \t]+[^\n]+)*)|"
    r"(?:one of|either|choose (?:from|between|among)|must be)(?: these| the)?\s+(?P<bare>[^\n:]+)",
    re.I,
)
_SEPARATOR: Final = re.compile(r"\s*(?:,\s*(?:or|and)\s+|[,;|]|\s+or\s+|\s+and\s+|\s/\s)\s*", re.I)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list: the line it begins on, the lines it covers, its name and its definition ('' when there is none)."""

    line: int
    last: int
    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Block:
    """A run of entries and the line that led into it ('' without one; `lead_line` is then -1)."""

    lead: str
    lead_line: int
    items: tuple[Item, ...]
    kind: Literal["bullet", "row", "plain", "heading"]


def is_coded(name: str) -> bool:
    """True for a name in code spelling (snake_case, kebab-case or with a digit inside), which running prose does not have."""
    return bool(re.fullmatch(r"[A-Za-z][\w]*_[\w]+|[a-z]+(?:-[a-z]+)+|[A-Za-z]+\d+", name))


def lead_kind(lead: str) -> LeadKind:
    """What a lead-in line announces. Fields win over labels ("extract the following fields")."""
    if _FIELD_LEAD.search(lead):
        return "fields"
    if _LABEL_LEAD.search(lead):
        return "labels"
    return "rules" if _RULE_LEAD.search(lead) else "none"


def _entry(text: str) -> tuple[str, str] | None:
    match = _ITEM.match(text.strip())
    if match is None or (match["sep"] is None and match["definition"]):
        return None
    definition = match["definition"] or ""
    if match["sep"] == "(" and definition.endswith(")"):
        definition = definition[:-1]
    return match["name"], definition.strip()


def blocks(text: str) -> list[Block]:
    """All lists of a text in order, with line numbers counted from 0. Single entries are lists of one."""
    lines = text.split("\n")
    found: list[Block] = []
    items: list[Item] = []
    kind: Literal["bullet", "row", "plain", "heading"] = "bullet"
    lead, lead_line, blank = "", -1, 0
    indent = 0

    def close() -> None:
        nonlocal items
        if items:
            found.append(Block(lead, lead_line, tuple(items), kind))
        items = []

    def add(number: int, entry: tuple[str, str], what: Literal["bullet", "row", "plain", "heading"]) -> None:
        nonlocal kind
        if items and kind != what:
            close()
        kind = what
        items.append(Item(number, number, *entry))

    for number, line in enumerate(lines):
        if not line.strip():
            blank += 1
            continue
        bullet, row, heading = _BULLET.match(line), _ROW.match(line), _HEADING.match(line)
        if row:
            cells = [c.strip() for c in row[1].split("|")]
            header = number + 1 < len(lines) and _RULER.match(lines[number + 1]) and "-" in lines[number + 1]
            entry = _entry(cells[0])
            if _RULER.match(line) is None and not header and entry and not entry[1]:
                add(number, (entry[0], " ".join(cells[1:]).strip()), "row")
        elif bullet:
            inner = len(bullet["indent"])
            entry = _entry(bullet["rest"])
            if items and kind == "bullet" and inner > indent:
                items[-1] = replace(items[-1], last=number, definition=f"{items[-1].definition} {bullet['rest']}".strip())
            elif entry:
                indent = inner
                add(number, entry, "bullet")
            else:
                close()
                lead, lead_line = ("", -1)
        elif heading and (entry := _entry(heading["rest"])) and not entry[1] and is_coded(entry[0]):
            add(number, entry, "heading")
        elif (items and kind == "heading") or (items and kind == "bullet" and not blank and line[:1] in " \t"):
            items[-1] = replace(items[-1], last=number, definition=f"{items[-1].definition} {line.strip()}".strip())
        elif (plain := _entry(line)) and plain[1] and " " not in plain[0] and not line.rstrip().endswith(":"):
            add(number, plain, "plain")
        else:
            close()
            lead, lead_line = line.strip(), number
        blank = 0
    close()
    return found


def inline_names(text: str, known: Collection[str] = ()) -> list[str]:
    """The names of the first enumeration in running text: "one of: a, b, c", "(a | b)", "either a or b"; empty without one."""
    return enumeration(text, known)[0]


def enumeration(text: str, known: Collection[str] = ()) -> tuple[list[str], str]:
    """The names of the first enumeration in running text, and the text without it."""
    for match in _LIST.finditer(text):
        group = "list" if match["list"] is not None else "bare"
        listed = match[group]
        if match["list"] is None or not listed.lstrip().startswith(("[", "{", "(")):
            listed = re.split(r"\.(?:\s|$)|\.\n", listed, maxsplit=1)[0]
        else:
            listed = re.split(r"[\])}]", listed.lstrip()[1:], maxsplit=1)[0]
        names = [part.strip().strip("`*\"'“”[](){}<>").strip() for part in _SEPARATOR.split(listed) if part.strip()]
        short = [name for name in names if name and len(name.split()) <= 4 and re.fullmatch(r"[\w./&+ -]+", name)]
        if len(short) >= 2 and len(short) == len(names):
            coded = sum(1 for name in short if is_coded(name) or name in known)
            if match["list"] is not None or coded or len(short) >= 3:
                return list(dict.fromkeys(short)), text[: match.start()] + text[match.start(group) + len(listed) :]
    return [], text
