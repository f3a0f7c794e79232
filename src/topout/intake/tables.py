"""Files of rows, whatever wrote them -> plain rows. CSV and TSV, JSON and JSON Lines, YAML, XLSX, Parquet."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from topout.config.toml_files import read_text
from topout.domain import Json
from topout.errors import UserError, place

__all__ = ["KINDS", "Table", "read_table"]

Table = list[dict[str, Json]]

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".yaml", ".yml", ".xlsx", ".parquet")
LISTS = ("rows", "data", "examples", "tests", "samples", "records", "items")
"""Under what name a JSON or YAML document keeps its rows."""

EXTRA = "pip install 'topout[tables]'"


def read_table(path: Path) -> Table:
    """The rows of a file, in its order; blank ones are left out.

    Raises UserError with path and line: no such file, another kind, broken, no rows, or a package missing for this kind.
    """
    kind = path.suffix.lower()
    match kind:
        case ".csv" | ".tsv":
            rows = separated(path, read_text(path), "\t" if kind == ".tsv" else "")
        case ".jsonl" | ".ndjson":
            rows = json_lines(path, read_text(path))
        case ".json":
            rows = listed(path, json_document(path, read_text(path)))
        case ".yaml" | ".yml":
            rows = listed(path, yaml_document(path, read_text(path)))
        case ".xlsx":
            rows = workbook(path)
        case ".parquet":
            rows = parquet(path)
        case _:
            raise UserError(f"{path}: not a kind of file that is read. Use one of {', '.join(KINDS)}.")
    rows = [row for row in rows if any(value not in ("", None) for value in row.values())]
    if not rows:
        raise UserError(f"{path}: no rows in it.")
    return rows


def separated(path: Path, text: str, separator: str) -> Table:
    """CSV: comma, semicolon or tab, whichever stands most often in the first line."""
    first = text.partition("\n")[0]
    separator = separator or max((",", ";", "\t"), key=first.count)
    before = csv.field_size_limit(max(len(text), 1))
    rows: Table = []
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        heads: list[str] = []
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not heads:
                heads = headed(path, cells)
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
    return rows


def headed(path: Path, cells: Sequence[object]) -> list[str]:
    """Column names: trimmed, numbered where they are empty, each once."""
    names: list[str] = []
    for i, cell in enumerate(cells, 1):
        name = " ".join(str(cell if cell is not None else "").split()) or f"column {i}"
        if name in names:
            raise UserError(f"{path}: column '{name}' stands twice in the heads. Rename one.")
        names.append(name)
    return names


def json_lines(path: Path, text: str) -> Table:
    rows: Table = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value: Json = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place(path, number)}: broken JSON: {error}. Write one object a line.") from None
        if not isinstance(value, dict):
            raise UserError(f"{place(path, number)}: expected an object {{...}} on each line.")
        rows.append(value)
    return rows


def json_document(path: Path, text: str) -> Json:
    try:
        document: Json = json.loads(text)
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


def listed(path: Path, document: Json) -> Table:
    """The rows of a document: a list of objects, or an object with such a list in it."""
    if isinstance(document, dict):
        names = [name for name in LISTS if isinstance(document.get(name), list)]
        if not names:
            raise UserError(
                f"{path}: found an object without a list of rows. Expected a list, or one under {', '.join(repr(n) for n in LISTS)}."
            )
        document = document[names[0]]
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise UserError(f"{path}: expected a list of objects {{...}}.")
    return [row for row in document if isinstance(row, dict)]


def workbook(path: Path) -> Table:
    """The first sheet with rows: values, not formulas; the first row that is not empty holds the heads."""
    try:
        import openpyxl
    except ImportError:
        raise UserError(f"{path}: XLSX files need openpyxl: {EXTRA}. Or save the sheet as CSV.") from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except Exception as error:
        raise UserError(f"{path}: not a workbook that can be read: {error}. Save the sheet as CSV.") from error
    for sheet in book.worksheets:
        lines = [cells for cells in sheet.iter_rows(values_only=True) if any(cell is not None for cell in cells)]
        if len(lines) > 1:
            width = max(i + 1 for i, cell in enumerate(lines[0]) if cell is not None)
            heads = headed(path, lines[0][:width])
            return [dict(zip(heads, (plain(cell) for cell in cells[:width]), strict=False)) for cells in lines[1:]]
    return []


def parquet(path: Path) -> Table:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(f"{path}: Parquet files need pyarrow: {EXTRA}. Or save them as CSV or JSON Lines.") from None
    try:
        found: Iterable[object] = pq.read_table(path).to_pylist()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except Exception as error:
        raise UserError(f"{path}: not a Parquet file that can be read: {error}.") from error
    return [row for one in found if isinstance(row := plain(one), dict)]


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
