"""A plateau curve in a CSV: what any tool, or a spreadsheet, can write.

    calls,dev,dev_n,holdout,holdout_n,candidate
    300,0.52,100,0.50,200,v1

One row a measured champion, in the order of its calls. `calls` and `dev` are needed; `dev_n` and `holdout_n` may be given for all rows by option. Scores are
means from 0 to 1, or percent with a `%`.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from topout.config.toml_files import read_text
from topout.errors import UserError, did_you_mean, place
from topout.plateau.evidence import Challenger
from topout.plateau.foreign import ForeignRun, Trial, rows_of

__all__ = ["COLUMNS", "read_csv"]

COLUMNS = ("calls", "dev", "dev_n", "holdout", "holdout_n", "candidate")
MOST_ROWS = 1_000_000


def read_csv(path: Path, dev_n: int | None = None, holdout_n: int | None = None) -> ForeignRun:
    """The run in a CSV; `dev_n` and `holdout_n` stand in for columns that it does not have. Raises UserError with path and line."""
    lines = list(csv.reader(io.StringIO(read_text(path), newline="")))
    if not lines or not lines[0]:
        raise UserError(f"{path}: empty. Expected a line of heads: {','.join(COLUMNS)}.")
    heads = [head.strip().lower() for head in lines[0]]
    for head in heads:
        if head not in COLUMNS:
            raise UserError(f"{place(path, 1)}: unknown column '{head[:40]}'.{did_you_mean(head, COLUMNS)}")
    for needed in ("calls", "dev"):
        if needed not in heads:
            raise UserError(f"{place(path, 1)}: no column '{needed}'. Expected: {','.join(COLUMNS)}; 'calls' and 'dev' at least.")
    trials: list[Trial] = []
    dev: dict[str, tuple[float, ...]] = {}
    holdout: dict[str, tuple[float, ...]] = {}
    best, best_at, champion, calls = -math.inf, "", "", 0
    for number, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        row = {head: cell.strip() for head, cell in zip(heads, cells, strict=False)}
        where = place(path, number)
        now = count(where, "calls", row.get("calls", ""))
        if now < calls:
            raise UserError(f"{where}: {now:,} calls after {calls:,}: expected cumulative calls in ascending order.")
        calls = now
        quality = fraction(where, "dev", row.get("dev", ""))
        assert quality is not None
        rows = size(where, "dev", row, dev_n)
        name = row.get("candidate") or f"row {number}"
        again = bool(row.get("candidate")) and name in dev  # a later point of a curve, and no new proposal
        dev[name] = rows_of(quality, rows)
        exam = fraction(where, "holdout", row.get("holdout", ""), optional=True)
        if exam is not None:
            holdout[name] = rows_of(exam, size(where, "holdout", row, holdout_n))
        met = None
        if best_at and not again:
            met = Challenger(
                quality - best, math.sqrt(max(quality * (1 - quality) + best * (1 - best), 0.0) / rows), rows, quality > best
            )
        if quality > best:
            best, best_at, champion = quality, name, name
        trials.append(Trial(calls, champion, met))
    if not trials:
        raise UserError(f"{path}: no rows under the heads. Write one row a measured prompt.")
    missing = ["what was tried and dropped: a curve does not tell it"]
    if not holdout:
        missing.insert(0, "held-out scores: no column 'holdout'")
    return ForeignRun("csv", str(path), trials[0].champion, tuple(trials), dev, holdout, by_row=False, missing=tuple(missing))


def count(where: str, column: str, text: str) -> int:
    """A whole number of at least 0."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e15 or value != int(value):
        raise UserError(f"{where}: '{text[:40]}' under '{column}': expected a whole number.")
    return int(value)


def size(where: str, column: str, row: dict[str, str], given: int | None) -> int:
    """How many rows a mean is over."""
    text = row.get(f"{column}_n", "")
    if not text:
        if given is None:
            raise UserError(f"{where}: over how many rows is '{column}'? Add a column '{column}_n', or give --{column}-n ROWS.")
        return given
    found = count(where, f"{column}_n", text)
    if not 1 <= found <= MOST_ROWS:
        raise UserError(f"{where}: '{text[:40]}' under '{column}_n': expected 1 to {MOST_ROWS:,} rows.")
    return found


def fraction(where: str, column: str, text: str, optional: bool = False) -> float | None:
    """A mean score: `0.52` or `52 %`. None for an empty cell where that may be."""
    if not text and optional:
        return None
    try:
        value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        hint = " Percent need their sign: 52 %." if 1.0 < value <= 100.0 else ""
        raise UserError(f"{where}: '{text[:40]}' under '{column}': expected a mean score from 0 to 1.{hint}")
    return value
