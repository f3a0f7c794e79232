"""Rows that lie deeper in a document than a list of flat objects: in a list below, as columns, by their keys; and columns that hold objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from topout.domain import Json
from topout.errors import UserError

__all__ = ["LISTS", "listed", "unfolded"]

Table = list[dict[str, Json]]
LISTS = ("rows", "data", "examples", "tests", "samples", "records", "items")
"""Under what name a JSON or YAML document keeps its rows."""
DEEP = 4
"""Levels that are looked through for a list of rows under another name."""
FEW_KEYED = 6
"""An object of fewer objects than that is taken for settings, not for rows by their keys."""
MOST_KEYS = 40


def listed(path: Path, document: Json) -> Table:
    """The rows of a document: a list of objects, wherever it lies if there is one alone; columns as lists (`{"text": [...], "label": [...]}`) or by
    row numbers, as pandas writes them; or objects by their keys. Raises UserError for anything else."""
    match document:
        case list():
            return objects(path, document)
        case dict():
            if rows := by_column(document):
                return rows
            named = next((name for name in LISTS if isinstance(document.get(name), list)), None)
            if named is not None:
                return objects(path, document[named])
            if rows := by_key(document):
                return rows
            below = lists_in(document, "", DEEP)
            if len(below) == 1:
                return objects(path, below[0][1])
            if below:
                raise UserError(
                    f"{path}: several lists of rows ({', '.join(name for name, _ in below[:6])}). Save the one you want as a file of its own."
                )
    raise UserError(
        f"{path}: found an object without a list of rows. Expected a list, or one under {', '.join(repr(n) for n in LISTS)}."
    )


def objects(path: Path, found: Json) -> Table:
    """A list of objects. Raises UserError for any other."""
    rows = found if isinstance(found, list) else []
    kept = [row for row in rows if isinstance(row, dict)]
    if len(kept) < len(rows):
        other = next(row for row in rows if not isinstance(row, dict))
        kind = "a list" if isinstance(other, list) else f"'{str(other)[:40]}'"
        raise UserError(
            f'{path}: expected a list of objects {{...}}, found {kind} in it. Write each row as {{"text": ..., "label": ...}}.'
        )
    return kept


def by_column(document: Mapping[str, Json]) -> Table:
    """Rows of columns, or of heads and lines of cells; [] when the document has neither."""
    heads, lines = document.get("columns"), document.get("data")
    if isinstance(heads, list) and isinstance(lines, list):
        cells = [line for line in lines if isinstance(line, list) and len(line) == len(heads)]
        return [dict(zip(map(str, heads), line, strict=True)) for line in cells] if len(cells) == len(lines) else []
    columns = list(document.values())
    if len(columns) < 2:
        return []
    if all(isinstance(one, list) for one in columns):
        lists = [one for one in columns if isinstance(one, list)]
        if len({len(one) for one in lists}) == 1 and not any(isinstance(cell, dict | list) for one in lists for cell in one[:5]):
            return [dict(zip(document, cells, strict=True)) for cells in zip(*lists, strict=True)]
    if all(isinstance(one, dict) for one in columns):
        tables = [one for one in columns if isinstance(one, dict)]
        keys = list(tables[0])
        if keys and all(key.isdigit() for key in keys) and all(list(one) == keys for one in tables):
            return [{name: one[key] for name, one in zip(document, tables, strict=True)} for key in keys]
    return []


def by_key(document: Mapping[str, Json]) -> Table:
    """Rows that are named by their keys, which become ids; [] when these are none."""
    rows = [(key, row) for key, row in document.items() if isinstance(row, dict) and row]
    if len(rows) < max(len(document), FEW_KEYED) or not set.intersection(*(set(row) for _, row in rows)):
        return []
    return [row if "id" in row else {"id": key, **row} for key, row in rows]


def lists_in(value: Json, name: str, levels: int) -> list[tuple[str, Json]]:
    """Lists of objects below, by their way (`results.rows`)."""
    if isinstance(value, list):
        return [(name, value)] if value and all(isinstance(row, dict) for row in value) else []
    if not isinstance(value, dict) or not levels:
        return []
    return [one for key, below in value.items() for one in lists_in(below, f"{name}.{key}" if name else key, levels - 1)]


def unfolded(rows: Sequence[Mapping[str, Json]], kept: Sequence[str]) -> tuple[Table, dict[str, str]]:
    """Columns whose values are objects of much the same keys as a column a key, but for those in `kept`; and each column's way in the file (`input.text`)
    by its name, which is the last part of that way where no other column has it."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    ways: list[tuple[str, str | None]] = []
    for head in heads:
        inner = keys_of(rows, head) if head not in kept else ()
        ways += [(head, key) for key in inner] or [(head, None)]
    if all(key is None for _, key in ways):
        return [dict(row) for row in rows], {head: head for head in heads}
    last = Counter(key or head for head, key in ways)
    names = {(head, key): key if key and last[key] == 1 else f"{head}.{key}" if key else head for head, key in ways}
    out: Table = []
    for row in rows:
        cells: dict[str, Json] = {}
        for (head, key), name in names.items():
            value = row.get(head)
            cells[name] = value if key is None else value.get(key) if isinstance(value, dict) else None
        out.append(cells)
    return out, {name: f"{head}.{key}" if key else head for (head, key), name in names.items()}


def keys_of(rows: Sequence[Mapping[str, Json]], head: str) -> tuple[str, ...]:
    """The keys of a column of objects, () when it is none or each row has keys of its own."""
    values = [row.get(head) for row in rows]
    tables = [one for one in values if isinstance(one, dict)]
    if not tables or any(one is not None and not isinstance(one, dict) for one in values):
        return ()
    keys = tuple(dict.fromkeys(key for one in tables for key in one))
    regular = 2 * sum(len(one) for one in tables) >= len(keys) * len(tables)
    return keys if regular and 0 < len(keys) <= MOST_KEYS else ()
