"""The rows of a task by split, checked: what is in two places at once would make a gain look better than it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from topout.config.task_file import JsonScorer, LabelScorer, Ratios, TaskFile
from topout.domain import SPLITS, Example, Json, Split
from topout.errors import UserError, did_you_mean
from topout.plugins.rows import Row, as_text, read_rows, value_of
from topout.text.fingerprints import digest

__all__ = ["Located", "read_splits", "split_of"]

Located = tuple[Example, Row]


def read_splits(folder: Path, settings: TaskFile) -> dict[Split, list[Located]]:
    """The examples of each split with the row that each came from; shift only when there is one.

    Raises UserError for missing files and columns, empty splits, ids that are used twice, and for inputs or groups in two splits.
    """
    rows: dict[Split, list[Located]] = {}
    where: dict[Split, Path] = {}
    if settings.splits.file:
        path = folder / settings.splits.file
        rows = {"train": [], "dev": [], "holdout": []}
        where = dict.fromkeys(rows, path)
        for example, row in read_file(path, settings):
            rows[split_of(example.group or example.id, settings.splits.ratios)].append((example, row))
        shift = file_of(folder, settings, "shift", required=False)
        if shift is not None:
            where["shift"], rows["shift"] = shift, read_file(shift, settings)
    else:
        for split in SPLITS:
            file = file_of(folder, settings, split, required=split != "shift")
            if file is not None:
                where[split], rows[split] = file, read_file(file, settings)
    for split, located in rows.items():
        if not located:
            reason = (
                f"split '{split}' gets no row of this file. Add rows or change 'ratios'"
                if settings.splits.file
                else "no rows in it"
            )
            raise UserError(f"{where[split]}: {reason}. An empty {split} split cannot be used.")
    check_ids(rows, settings.id or "id")
    check_leaks(rows)
    return rows


def file_of(folder: Path, settings: TaskFile, split: Split, *, required: bool) -> Path | None:
    """A split's data file: the one that task.toml names, else data/<split>.jsonl or .csv."""
    named: dict[Split, str] = {
        "train": settings.splits.train,
        "dev": settings.splits.dev,
        "holdout": settings.splits.holdout,
        "shift": settings.splits.shift,
    }
    if named[split]:
        return folder / named[split]
    choices = [folder / "data" / f"{split}{suffix}" for suffix in (".jsonl", ".csv")]
    found = [path for path in choices if path.is_file()]
    if len(found) == 2:
        raise UserError(
            f"{found[0]}: there is {found[1].name} beside it. Remove one, or name the right one under [splits] in task.toml."
        )
    if not found and required:
        names = sorted(p.name for p in (folder / "data").glob("*")) if (folder / "data").is_dir() else []
        near = did_you_mean(choices[0].name, names)
        raise UserError(
            f"{choices[0]}: no such file (nor {choices[1].name}).{near if near.startswith(' Did') else ''} "
            "Every task has train, dev and holdout rows; name other files, or one 'file' for all three, under [splits] in task.toml."
        )
    return found[0] if found else None


def read_file(path: Path, settings: TaskFile) -> list[Located]:
    """The examples of one file."""
    parse = isinstance(settings.scorer, JsonScorer) and path.suffix.lower() == ".csv"
    return [(example_of(row, settings, parse), row) for row in read_rows(path, settings.splits.max_row_bytes)]


def example_of(row: Row, settings: TaskFile, parse: bool) -> Example:
    """The example of a row. `parse`: the expected value is JSON in a text, as CSV has it."""
    inputs = {name: as_text(value_of(row, name)) for name in settings.fields}
    expected = value_of(row, settings.expected)
    if isinstance(settings.scorer, LabelScorer):
        expected = as_text(expected)
    elif parse:
        expected = parsed(row, settings.expected, as_text(expected))
    group = as_text(value_of(row, settings.group)) if settings.group is not None else ""
    return Example(id_of(row, settings, inputs, expected), inputs, expected, group)


def id_of(row: Row, settings: TaskFile, inputs: Mapping[str, str], expected: Json) -> str:
    """The row's id: its column's value, or a hash of its content."""
    column = settings.id if settings.id is not None else "id"
    if settings.id is None and column not in row.values:
        return digest([dict(inputs), expected])[:16]
    name = as_text(value_of(row, column)).strip()
    if not name:
        raise UserError(f"{row.where}: '{column}' is empty. Give the row an id of its own.")
    return name


def parsed(row: Row, column: str, text: str) -> Json:
    """The JSON value in a cell."""
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{row.where}: '{column}' is not JSON: {error.msg} at column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise UserError(
            f"{row.where}: '{column}' is JSON with too long a number in it, or nested too deeply. Shorten it."
        ) from None
    return value


def split_of(key: str, ratios: Ratios) -> Split:
    """The split of an id or group: a function of its hash alone, so it stays where it is whatever else is in the file."""
    point = int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big") / 2**64
    if point < ratios.train:
        return "train"
    return "dev" if point < ratios.train + ratios.dev else "holdout"


def check_ids(rows: Mapping[Split, list[Located]], column: str) -> None:
    """Ids are unique over all splits. Without a column for them they stand for the row's content, and mean nothing to a person."""
    seen: dict[str, tuple[Split, Row]] = {}
    for split, located in rows.items():
        for example, row in located:
            before, first = seen.setdefault(example.id, (split, row))
            if first is row:
                continue
            named = column in row.values
            if before != split:
                name = f"example '{example.id}'" if named else "the same example"
                raise UserError(f"{row.where}: {name} ({split}) is also in {before}, at {first.where}. Keep one.")
            if named:
                raise UserError(
                    f"{row.where}: id '{example.id}' stands already at {first.where}. Ids are unique: rename or remove one."
                )
            raise UserError(f"{row.where}: repeats the row at {first.where}. Remove one, or give the rows an id column.")


def check_leaks(rows: Mapping[Split, list[Located]]) -> None:
    """No inputs in two splits, and no group in two of train, dev and holdout."""
    inputs: dict[tuple[str, ...], tuple[Split, Row]] = {}
    groups: dict[str, tuple[Split, Row]] = {}
    for split, located in rows.items():
        for example, row in located:
            before = inputs.setdefault(tuple(example.inputs.values()), (split, row))
            if before[0] != split:
                raise UserError(
                    f"{row.where}: the inputs of this {split} row are also in {before[0]}, at {before[1].where}. Keep one."
                )
            if example.group and split != "shift":
                held = groups.setdefault(example.group, (split, row))
                if held[0] != split:
                    raise UserError(
                        f"{row.where}: group '{example.group}' ({split}) is also in {held[0]}, at {held[1].where}. Keep it in one."
                    )
