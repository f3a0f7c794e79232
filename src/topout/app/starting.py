"""`topout init`: from a file of rows to a task folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from topout.domain import Split
from topout.errors import UserError
from topout.intake.proposal import propose
from topout.intake.shapes import Roles, read_shape
from topout.intake.tables import read_table
from topout.intake.writing import task_files
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch

__all__ = ["Started", "init"]


@dataclass(frozen=True, slots=True)
class Started:
    """A task folder that was made. `mapping` is column -> what it became, `why` what each choice rests on, `notes` what was left out."""

    folder: Path
    shape: str
    mapping: tuple[tuple[str, str], ...]
    scorer: str
    labels: tuple[str, ...]
    rows: dict[Split, int]
    why: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]


def init(
    task: str | Path,
    *,
    source: str | Path,
    inputs: tuple[str, ...] = (),
    expected: str = "",
    id: str = "",
    group: str = "",
    split: str = "",
    scorer: str = "",
    description: str = "",
) -> Started:
    """Make a task folder from a CSV, TSV, JSONL, JSON, YAML, XLSX or Parquet file; what another tool wrote is recognised by its shape.

    The columns are found by their names unless they are given. Raises UserError when `task` is there already, the file cannot be read, or the
    expected answer cannot be told.
    """
    folder, path = Path(task), Path(source)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already, and nothing was written. Choose another name, or remove it.")
    rows = read_table(path)
    try:
        reading = read_shape(rows, Roles(inputs, expected, id, group, split))
        proposal = propose(reading, scorer)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    name = re.sub(r"[^\w.-]+", "-", folder.name).strip("-.") or "task"
    said = description.strip() or (
        f"Say what category the {' and '.join(proposal.fields)} belongs to."
        if proposal.labels
        else f"Answer from {' and '.join(proposal.fields)}."
    )
    files = task_files(name, said, path.name, reading, proposal)
    write_batch(folder, files)
    load_task(folder)  # whatever init writes has to be a task
    counts: dict[Split, int] = {s: len(some) for s, some in proposal.splits.items()}
    return Started(
        folder, reading.shape, reading.mapping, proposal.scorer, proposal.labels, counts, proposal.why, reading.notes,
        tuple(folder / file for file in files),
    )  # fmt: skip
