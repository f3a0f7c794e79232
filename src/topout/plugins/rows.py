"""Data files -> rows. JSONL and CSV, UTF-8 with or without a byte order mark, any line ends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from topout.config.toml_files import read_text
from topout.domain import Json
from topout.errors import UserError, did_you_mean, place

__all__ = ["Row", "as_text", "read_rows", "row_problem", "value_of"]

MAX_ROW_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the line (from 1) that it starts on."""

    path: Path
    line: int
    values: dict[str, Json]

    @property
    def where(self) -> str:
        return place(self.path, self.line)


def read_rows(path: Path, max_row_bytes: int = MAX_ROW_BYTES) -> list[Row]:
    """The rows of a .jsonl or .csv file (in CSV every value is text). Blank lines are passed over.

    Raises UserError with path and line: no such file, another kind of file, not UTF-8, a NUL, broken JSON or CSV, a row that is no object,
    a row longer than `max_row_bytes`.
    """
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return list(jsonl_rows(path, read_text(path), max_row_bytes))
        case ".csv":
            return list(csv_rows(path, read_text(path), max_row_bytes))
        case _:
            raise UserError(f"{path}: not a kind of data file that is read. Use .jsonl (one object a line) or .csv.")


def jsonl_rows(path: Path, text: str, max_row_bytes: int) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        check_size(path, number, line, max_row_bytes)
        try:
            values: Json = json.loads(line, parse_constant=refuse)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{place(path, number)}: broken JSON: {error.msg} at column {error.colno}. Write one JSON object a line."
            ) from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place(path, number)}: broken JSON: {error}. Write one JSON object a line.") from None
        if not isinstance(values, dict):
            raise UserError(
                f"{place(path, number)}: found {kind_of(values)}, expected an object {{...}}. Write one JSON object a line."
            )
        if "\\u" in line:
            check_escapes(path, number, values)
        yield Row(path, number, values)


def csv_rows(path: Path, text: str, max_row_bytes: int) -> Iterator[Row]:
    before = csv.field_size_limit(max(len(text), 1))  # ours is the row limit; the module's own is 128 kB, with a worse message
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header: list[str] = []
        line = 1
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cells):
                continue
            if not header:
                header = [name.strip() for name in cells]
                twice = {name for name in header if header.count(name) > 1}
                if twice:
                    raise UserError(f"{place(path, start)}: column '{min(twice)}' stands twice in the header. Rename one.")
                continue
            if len(cells) != len(header):
                raise UserError(
                    f"{place(path, start)}: {len(cells)} cells, expected {len(header)} ({', '.join(header)}). "
                    "A cell with commas or line breaks stands in double quotes."
                )
            check_size(path, start, "".join(cells), max_row_bytes)
            yield Row(path, start, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise UserError(f"{place(path, line)}: broken CSV: {error}. Double a quote inside a quoted cell.") from None
    finally:
        csv.field_size_limit(before)


def check_size(path: Path, line: int, text: str, limit: int) -> None:
    """Refuse a row that no model could read."""
    if problem := too_long(text, limit):
        raise UserError(
            f"{place(path, line)}: {problem}. Shorten or remove it, or raise max_row_bytes under [splits] in task.toml."
        )


def too_long(text: str, limit: int) -> str:
    """What is wrong with a row of more bytes than `limit`, '' for any other."""
    if len(text) * 4 <= limit or (size := len(text.encode("utf-8", "surrogatepass"))) <= limit:
        return ""
    return f"a row of {size:,} bytes, the limit is {limit:,}"


def check_escapes(path: Path, line: int, values: dict[str, Json]) -> None:
    """Refuse a row that no file or model takes."""
    if problem := unwritable(values):
        raise UserError(f"{place(path, line)}: {problem}. Take it out.")


def unwritable(values: Mapping[str, Json]) -> str:
    """What JSON can spell and no file or model takes: NUL and half surrogates; '' without."""
    text = json.dumps(values, ensure_ascii=False).replace("\\\\", "")
    if "\\u0000" in text:
        return "a NUL character (\\u0000)"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"half a surrogate pair (\\u{ord(text[error.start]):04x})"
    return ""


def row_problem(values: Mapping[str, Json]) -> str:
    """Why a row could not be read back from a data file, as the end of a message with its remedy; '' when it can."""
    if problem := unwritable(values):
        return f"{problem}. Take it out."
    problem = too_long(json.dumps(values, ensure_ascii=False), MAX_ROW_BYTES)
    return f"{problem}. Shorten it, or take the row out." if problem else ""


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")


def kind_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


def value_of(row: Row, column: str) -> Json:
    """A row's value. Raises UserError with the nearest column when there is none."""
    try:
        return row.values[column]
    except KeyError:
        raise UserError(f"{row.where}: no '{column}' in this row.{did_you_mean(column, row.values)}") from None


def as_text(value: Json) -> str:
    """A value as a model reads it: text as it is, null as nothing, all else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
