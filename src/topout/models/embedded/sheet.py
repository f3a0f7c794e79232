"""A prompt text as lines that can be edited: the line of each named entry, its quoted phrases, and where new lines may go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from topout.models.embedded.listing import Block

__all__ = ["Sheet", "fenced", "size"]

_QUOTE = re.compile(r",?\s*[\"“]([^\"“”\n]+)[\"”]")


_PARTS = re.compile(r";\s+(?=[\"“]|not )|(?<=:)\s+(?=[\"“]|not [\w-]+ \(|not [\"“])|(?<=[\"”)]);\s+")
_ONLY_QUOTES = re.compile(r"(?:,?\s*[\"“][^\"“”]+[\"”])+")
_AGAINST = re.compile(r"not (?P<name>[\w-]*) ?\(?(?P<rest>(?:,?\s*[\"“][^\"“”]+[\"”])+)\)?")


def _listed(phrases: Sequence[str]) -> str:
    return ", ".join(f'"{phrase}"' for phrase in dict.fromkeys(phrases))


def size(text: str) -> int:
    """Words of a text, as a cap counts them."""
    return len(text.split())


def fenced(text: str) -> str:
    """The text in one `text` fence that is longer than any fence inside it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


@dataclass(slots=True)
class Sheet:
    """Mutable while one edit is being made. `entries` maps a name to the line that speaks of it."""

    lines: list[str]
    entries: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, lists: Sequence[Block]) -> Sheet:
        """The text with the entries of those lists; the first line of a name counts."""
        sheet = cls(text.split("\n"))
        for block in lists:
            for item in block.items:
                if "{{" not in sheet.lines[item.last]:
                    sheet.entries.setdefault(item.name, item.last)
        return sheet

    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")

    def _insert(self, at: int, added: Sequence[str]) -> None:
        self.lines[at:at] = added
        for name, line in self.entries.items():
            if line >= at:
                self.entries[name] = line + len(added)

    def home(self) -> int:
        """Where new sections may stand: before the paragraph that holds the first placeholder, else at the end."""
        at = next((i for i, line in enumerate(self.lines) if "{{" in line), len(self.lines))
        while 0 < at < len(self.lines) and self.lines[at - 1].strip():
            at -= 1
        return at

    def add_entries(self, heading: str, names: Sequence[str]) -> None:
        """Lines for names that have none: below the last entry in its spelling, else as a new list under `heading`."""
        if not names:
            return
        if self.entries:
            last = max(self.entries.values())
            row = self.lines[last].lstrip().startswith("|")
            added = [f"| {name} |  |" if row else f"- {name}" for name in names]
            self._insert(last + 1, added)
            first = last + 1
        else:
            at = self.home()
            before = [""] if at and self.lines[at - 1].strip() else []
            after = [""] if at < len(self.lines) else []
            self._insert(at, [*before, heading, *(f"- {name}" for name in names), *after])
            first = at + len(before) + 1
        for number, name in enumerate(names):
            self.entries[name] = first + number

    def add_line(self, line: str) -> None:
        """A line of its own where new sections may stand."""
        at = self.home()
        self._insert(at, [*([""] if at and self.lines[at - 1].strip() else []), line, *([""] if at < len(self.lines) else [])])

    def append(self, name: str, addition: str) -> None:
        """Something more behind an entry: `; addition`, or `: addition` when the line is a bare name. Table rows stay rows."""
        at = self.entries[name]
        line = self.lines[at].rstrip()
        row = line.lstrip().startswith("|") and line.endswith("|")
        body = line[:-1].rstrip() if row else line.rstrip(".;, ")
        bare = bool(re.fullmatch(r"(?:\s*(?:[-*+•]|\d+[.)])\s+|#+\s+)?[*_`\"']*" + re.escape(name) + r"[*_`\"':]*", body))
        if row:
            body = f"{body} {addition}" if body.endswith("|") else f"{body}; {addition}"
        elif body.lstrip().startswith("#"):
            self._insert(at + 1, [addition])
            self.entries[name] = at + 1
            return
        else:
            body = f"{body.rstrip(':')}: {addition}" if bare else f"{body}; {addition}"
        self.lines[at] = f"{body} |" if row else body

    def tidy(self) -> None:
        """Gather what edits left scattered over an entry's line: first its words, then its phrases, then what is not meant."""
        for at in self.entries.values():
            line = self.lines[at]
            row = line.rstrip().endswith("|") and line.lstrip().startswith("|")
            words_of: list[str] = []
            phrases: list[str] = []
            against: dict[str, list[str]] = {}
            for part in _PARTS.split(line.rstrip().removesuffix("|").rstrip() if row else line.rstrip()):
                other = _AGAINST.fullmatch(part.strip())
                if _ONLY_QUOTES.fullmatch(part.strip()):
                    phrases.extend(m[1] for m in _QUOTE.finditer(part))
                elif other:
                    against.setdefault(other["name"], []).extend(m[1] for m in _QUOTE.finditer(other["rest"]))
                else:
                    words_of.append(part.strip() if words_of else part)
            joined = "; ".join(words_of)
            if phrases:
                joined += ("; " if not joined.endswith(":") else " ") + _listed(phrases)
            for name, anti in against.items():
                joined += ("; " if not joined.endswith(":") else " ") + (
                    f"not {name} ({_listed(anti)})" if name else f"not {_listed(anti)}"
                )
            if phrases or against:
                self.lines[at] = f"{joined} |" if row else joined

    def quoted(self, name: str) -> list[str]:
        """The quoted phrases on an entry's line."""
        return [match[1] for match in _QUOTE.finditer(self.lines[self.entries[name]])]

    def drop_quote(self, name: str, phrase: str) -> None:
        """Take one quoted phrase off an entry's line, with the comma that it leaves behind."""
        at = self.entries[name]
        line = re.sub(r",?\s*[\"“]" + re.escape(phrase) + r"[\"”]", "", self.lines[at], count=1)
        line = re.sub(r";\s*not \w[\w-]* \(\s*\)", "", re.sub(r"\(\s*,\s*", "(", line))
        self.lines[at] = re.sub(r";\s*,\s*", "; ", re.sub(r":\s*,\s*", ": ", re.sub(r";\s*(?=;|\||$)", "", line))).rstrip()
