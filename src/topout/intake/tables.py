"""Files of rows, whatever wrote them -> plain rows. CSV and TSV, JSON and JSON Lines, YAML, XLSX, Parquet."""

from __future__ import annotations

import codecs
import csv
import datetime
import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from topout.config.toml_files import beside, read_text
from topout.domain import Json
from topout.errors import UserError, place
from topout.intake.nested import listed

__all__ = ["IDS", "KINDS", "Sheet", "Table", "document", "json_document", "plain", "read_table", "sampled_lines", "table_of"]

Table = list[dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file, and what had to be guessed to read them (an encoding, the line of the heads), a sentence without its full stop each."""

    rows: Table
    notes: tuple[str, ...] = ()


KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".yaml", ".yml", ".xlsx", ".parquet")

EXTRA = "pip install 'topout[tables]'"
MOST_HELD = 100_000_000
"""Bytes of JSON Lines that are held in memory as a whole; of more, rows are drawn by their hashes while they are read."""
IDS = ("id", "uid", "example_id", "row_id", "ticket_id", "index", "#")
"""Heads of a column that names the rows."""


def read_table(path: Path) -> Sheet:
    """The rows of a file, in its order; blank ones are left out.

    Raises UserError with path and line: no such file, another kind, broken, no rows, or a package missing for this kind.
    """
    match path.suffix.lower():
        case ".xlsx":
            return table_of(path, workbook(path))
        case ".parquet":
            return table_of(path, Sheet(parquet(path)))
        case ".csv" | ".tsv":
            text, notes = decoded(path)
            rows, more = separated(path, text, "\t" if path.suffix.lower() == ".tsv" else "")
            return table_of(path, Sheet(rows, (*notes, *more)))
        case ".jsonl" | ".ndjson" if path.is_file() and path.stat().st_size > MOST_HELD:
            return table_of(path, sampled_lines(path, MOST_HELD))
        case ".jsonl" | ".ndjson":
            text, notes = decoded(path)
            return table_of(path, Sheet(json_lines(path, text), notes))
        case _:
            found, notes = document(path)
            return table_of(path, Sheet(listed(path, found), notes))


def table_of(path: Path | str, sheet: Sheet) -> Sheet:
    """Without blank rows. Raises UserError when nothing is left."""
    rows = [row for row in sheet.rows if any(value not in ("", None) for value in row.values())]
    if not rows:
        raise UserError(f"{path}: no rows in it.")
    return Sheet(rows, sheet.notes)


def document(path: Path) -> tuple[Json, tuple[str, ...]]:
    """A JSON or YAML file as a whole. Raises UserError for any other kind, and for a broken one."""
    match path.suffix.lower():
        case ".json":
            text, notes = decoded(path)
            return json_document(path, text), notes
        case ".yaml" | ".yml":
            text, notes = decoded(path)
            return yaml_document(path, text), notes
        case _:
            raise UserError(f"{path}: not a kind of file that is read. Use one of {', '.join(KINDS)}.")


def decoded(path: Path) -> tuple[str, tuple[str, ...]]:
    """A text file, whatever wrote it: UTF-8; UTF-16 as Excel's "Unicode text" is; else Windows-1252, as its plain CSV is, and that is said.

    Windows-1252 is a guess: every byte but five is a letter in it. So the first word that hangs on it is shown.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file.{beside(path)}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if marked or data[:400].count(0) > len(data[:400]) // 4:
        encoding = "utf-16" if marked else "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
        try:
            return data.decode(encoding), ("read as UTF-16",)
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: broken UTF-16 at offset {error.start}. Save the file as UTF-8.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            return read_text(path), ()  # its message names line and byte
        if "\0" in text:
            return read_text(path), ()
        start = max(text.rfind(mark, 0, error.start) for mark in ' ,;\t\n"') + 1
        word = re.match(r"[\w'-]*", text[start : start + 40])
        return text, (
            f"not UTF-8, read as Windows-1252: is '{word[0] if word else ''}' spelled right? If not, save the file as UTF-8",
        )
    return (text if "\0" not in text else read_text(path)), ()


def separated(path: Path, text: str, separator: str) -> tuple[Table, tuple[str, ...]]:
    """CSV: comma, semicolon, tab or bar, whichever stands most often in the first line. Excel's `sep=;` line is obeyed."""
    first = text.partition("\n")[0].strip()
    if (told := re.fullmatch(r"sep=(.)", first)) is not None:
        separator, text = told[1], "\n" + text.partition("\n")[2]  # a blank line, so that line numbers stay
    separator = separator or max((",", ";", "\t", "|"), key=first.count)
    before = csv.field_size_limit(max(len(text), 1))
    rows: Table = []
    notes: tuple[str, ...] = ()
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        heads: list[str] = []
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not heads:
                heads, notes = headed(cells)
                continue
            if len(cells) > len(heads):
                raise UserError(
                    f"{place(path, start)}: {len(cells)} cells under {len(heads)} heads. A cell with a '{separator}' in it stands in double quotes."
                )
            rows.append(dict(zip(heads, [*cells, *[""] * (len(heads) - len(cells))], strict=True)))
    except csv.Error as error:
        raise UserError(f"{place(path, line)}: broken CSV: {error}. Double a quote inside a quoted cell.") from None
    finally:
        csv.field_size_limit(before)
    return rows, notes


def headed(cells: Sequence[object]) -> tuple[list[str], tuple[str, ...]]:
    """Column names: trimmed, numbered where they are empty or stand there before; and a note on the latter."""
    names: list[str] = []
    twice: list[str] = []
    for i, cell in enumerate(cells, 1):
        name = base = " ".join(str(cell if cell is not None else "").split()) or f"column {i}"
        number = 2
        while name in names:
            name, number = f"{base} {number}", number + 1
        if name != base:
            twice.append(name)
        names.append(name)
    return names, ((f"heads that stand there twice are numbered: {', '.join(twice[:10])}",) if twice else ())


def json_lines(path: Path, text: str) -> Table:
    rows: Table = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            rows.append(json_lines_row(path, number, line))
    return rows


def json_lines_row(path: Path, number: int, line: str) -> dict[str, Json]:
    try:
        value: Json = json.loads(line, parse_constant=no_value)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place(path, number)}: broken JSON: {reason(error)}. Write one object a line.") from None
    if not isinstance(value, dict):
        raise UserError(f"{place(path, number)}: expected an object {{...}} on each line.")
    return value


def sampled_lines(path: Path, most: int) -> Sheet:
    """About so many bytes of a large file of JSON Lines: rows by the hash of each, so that the same file gives the same rows. A row without an id is named
    by its number in the file. Lines that are not drawn are not looked at. Raises UserError with path and line."""
    size = path.stat().st_size
    below = int(most / size * 2**64)
    rows: Table = []
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            data = line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").strip()
            if not data or int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) >= below:
                continue
            try:
                value = json_lines_row(path, number, data.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise UserError(f"{place(path, number)}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from None
            named = any(re.sub(r"[\s-]+", "_", head.strip().casefold()) in IDS for head in value)
            rows.append(value if named else {"id": f"row-{number}", **value})
    return Sheet(rows, (f"{size / 1e6:,.0f} MB: of {number:,} lines {len(rows):,} were read, by the hash of each",))


def no_value(constant: str) -> None:
    """What Python and pandas write for a missing number, NaN, is no JSON and means nothing."""


def reason(error: ValueError | RecursionError) -> str:
    """What is wrong with a line of JSON, without the line's number in a text of its own."""
    return f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def json_document(path: Path, text: str) -> Json:
    if not text.strip():
        raise UserError(f"{path}: no rows in it: the file is empty.")
    try:
        document: Json = json.loads(text, parse_constant=no_value)
    except json.JSONDecodeError as error:
        raise UserError(f"{place(path, error.lineno)}: broken JSON: {error.msg} at column {error.colno}.") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: broken JSON: {error}.") from None
    return document


def yaml_document(path: Path, text: str) -> Json:
    """Plain YAML: tags that would make objects are refused."""
    import yaml

    try:
        return plain(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{place(path, mark.line + 1 if mark else None)}: broken YAML: {str(error).splitlines()[0]}.") from None
    except RecursionError:
        raise UserError(f"{path}: YAML that contains itself.") from None


def workbook(path: Path) -> Sheet:
    """The first sheet with rows: values, not formulas. Lines above the heads (a title, a date) are passed over: the heads are the first line that is at
    least two thirds as wide as the widest (names of groups of columns are not), and has two cells where there are two columns."""
    try:
        import openpyxl
    except ImportError:
        raise UserError(f"{path}: XLSX files need openpyxl: {EXTRA}. Or save the sheet as CSV.") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.{beside(path)}") from None
    except Exception as error:
        raise UserError(f"{path}: not a workbook that can be read: {error}. Save the sheet as CSV.") from error
    try:
        for sheet in book.worksheets:
            lines = [cells for cells in sheet.iter_rows(values_only=True) if any(cell is not None for cell in cells)]
            filled = [sum(cell is not None for cell in cells) for cells in lines]
            widest = max(filled, default=0)
            first = next((i for i, n in enumerate(filled) if 3 * n >= 2 * widest and n >= min(2, widest)), 0)
            if len(lines) - first < 2:
                continue
            width = max(i + 1 for cells in lines[first:] for i, cell in enumerate(cells) if cell is not None)
            heads, notes = headed([*lines[first], *[None] * width][:width])
            if first:
                notes = (*notes, f"{first} line{'s' if first > 1 else ''} above the heads of sheet '{sheet.title}' passed over")
            if len(book.worksheets) > 1:
                notes = (*notes, f"of {len(book.worksheets)} sheets, '{sheet.title}' was read")
            return Sheet([dict(zip(heads, (plain(cell) for cell in cells), strict=False)) for cells in lines[first + 1 :]], notes)
    finally:
        book.close()
    return Sheet([])


def parquet(path: Path) -> Table:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(f"{path}: Parquet files need pyarrow: {EXTRA}. Or save them as CSV or JSON Lines.") from None
    try:
        table = pq.read_table(path)
        found: Iterable[object] = table.to_pylist()
        classes = class_names((table.schema.metadata or {}).get(b"huggingface", b""))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except Exception as error:
        raise UserError(f"{path}: not a Parquet file that can be read: {error}.") from error
    rows = [row for one in found if isinstance(row := plain(one), dict)]
    for column, names in classes.items():
        for row in rows:
            number = row.get(column)
            if isinstance(number, int) and 0 <= number < len(names):
                row[column] = names[number]
    return rows


def class_names(metadata: bytes) -> dict[str, list[str]]:
    """The names behind the numbers of label columns, as the `datasets` library notes them in a Parquet file; empty without such notes."""
    try:
        features = json.loads(metadata)["info"]["features"]
        return {
            str(column): [str(name) for name in feature["names"]]
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def plain(value: object) -> Json:
    """A value as JSON has it: dates as ISO text, whole floats of spreadsheets as whole numbers, what has no value as null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return None if not math.isfinite(value) else int(value) if value.is_integer() and abs(value) < 2**53 else value
        case dict():
            return {str(key): plain(one) for key, one in value.items()}
        case list() | tuple() | set():
            return [plain(one) for one in value]
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case Decimal():
            return plain(float(value))
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return str(value)
