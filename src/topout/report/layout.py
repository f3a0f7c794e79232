"""Pieces of terminal output: titled blocks of aligned lines that fit 80 columns and wrap on narrower ones."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from topout.report.words import safe_text

__all__ = ["block", "broken", "bullets", "commands", "grid", "table", "text"]


MOST = 2000
"""Characters of a line of text, and of a line of a command."""


def text(value: str, style: str = "", limit: int | None = None, lines: bool = False) -> Text:
    """Foreign or own text as it is: no markup is read in it, controls are made visible. Without a `limit`, a line has at most 2,000 characters: whoever
    names something with a megabyte does not get the terminal for it."""
    return Text(safe_text(value, limit or (None if lines else MOST), lines), style=style)


def block(title: str, *parts: RenderableType) -> Group:
    """A title and its lines, indented, with an empty line before."""
    return Group(Text(), Text(title, style="bold"), *(Padding(part, (0, 0, 0, 2), expand=False) for part in parts))


def grid(rows: Sequence[Sequence[RenderableType]], right: Sequence[int] = ()) -> Table:
    """Columns without lines between them; those in `right` are aligned to the right. The last one wraps."""
    found = Table.grid(padding=(0, 2, 0, 0))
    columns = max((len(row) for row in rows), default=0)
    for i in range(columns):
        found.add_column(justify="right" if i in right else "left", no_wrap=i < columns - 1)
    for row in rows:
        found.add_row(*row)
    return found


def table(heads: Sequence[str], rows: Sequence[Sequence[RenderableType]], right: Sequence[int] = ()) -> Table:
    """The same with a line of dim heads."""
    return grid([[Text(head, style="dim") for head in heads], *rows], right)


def bullets(lines: Sequence[str], mark: str = "-") -> Table:
    """One line each, wrapped beside its mark."""
    return grid([(Text(mark, style="dim"), text(line)) for line in lines])


def commands(title: str, lines: Sequence[tuple[Sequence[str], str]]) -> Group:
    """A block of commands to copy, each with what it does. Printed without padding: a blank after a backslash would spoil it."""
    parts: list[RenderableType] = [Text(), Text(title, style="bold")]
    for words, meaning in lines:
        parts += [Text(f"  {safe_text(line, MOST)}", style="cyan", overflow="fold") for line in broken(words)]
        parts.append(Padding(text(meaning, "dim"), (0, 0, 0, 6), expand=False))
    return Group(*parts)


def broken(words: Sequence[str], width: int = 74) -> list[str]:
    """A command as a shell takes it, in lines of at most `width` characters where its words allow for that; an option stays with its value."""
    units: list[str] = []
    for word in words:
        part = shlex.quote(word)
        if units and units[-1].startswith("--") and " " not in units[-1]:
            units[-1] += f" {part}"
        else:
            units.append(part)
    found = units[:1]
    for unit in units[1:]:
        if len(found[-1]) + len(unit) + 3 > width:
            found[-1] += " \\"
            found.append(f"    {unit}")
        else:
            found[-1] += f" {unit}"
    return found
