"""Logs of other optimizers: files of theirs -> `ForeignRun`. All of it is untrusted: nothing in a log is executed."""

from __future__ import annotations

from pathlib import Path

from topout.errors import UserError, did_you_mean
from topout.logs.csv_log import read_csv
from topout.logs.dspy_log import read_dspy
from topout.logs.gepa_run import read_gepa
from topout.plateau.foreign import ForeignRun

__all__ = ["TOOLS", "read_log"]

TOOLS = ("gepa", "dspy", "csv")


def read_log(source: str, dev_n: int | None = None, holdout_n: int | None = None) -> ForeignRun:
    """The run behind `gepa:RUN_DIR`, `dspy:LOG` or `csv:FILE`. Raises UserError when it cannot be read; `dev_n` and `holdout_n` are for a CSV."""
    tool, colon, path = source.partition(":")
    if not colon or not path or tool not in TOOLS:
        near = did_you_mean(tool, TOOLS) if colon else ""
        raise UserError(f"--from {source[:120]}: expected gepa:RUN_DIR, dspy:LOG or csv:FILE.{near}")
    match tool:
        case "gepa":
            return read_gepa(Path(path))
        case "dspy":
            return read_dspy(Path(path))
        case _:
            return read_csv(Path(path), dev_n, holdout_n)
