"""`topout init`: from rows, wherever they are, to a task folder."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from topout.app.importing import suits
from topout.app.sourcing import bring
from topout.domain import Split
from topout.errors import UserError
from topout.exporters.text_file import prompt_files
from topout.intake.proposal import MOST_ROWS, propose
from topout.intake.shapes import Roles, read_shape
from topout.intake.writing import task_files
from topout.plugins.rows import row_problem
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch

__all__ = ["Started", "init"]


@dataclass(frozen=True, slots=True)
class Started:
    """A task folder that was made. `mapping` is column -> what it became, `why` what each choice rests on, `notes` what was left out or guessed,
    `prompt` where the first prompt comes from ('': made up from the fields)."""

    folder: Path
    shape: str
    mapping: tuple[tuple[str, str], ...]
    scorer: str
    labels: tuple[str, ...]
    rows: dict[Split, int]
    why: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    prompt: str = ""


def init(
    task: str | Path,
    *,
    source: str | Path | Sequence[str | Path],
    inputs: tuple[str, ...] = (),
    expected: str = "",
    id: str = "",
    group: str = "",
    split: str = "",
    scorer: str = "",
    description: str = "",
    max_rows: int = MOST_ROWS,
    choose: Callable[[str, str], str] | None = None,
) -> Started:
    """Make a task folder from a file of rows, a folder, `hf:org/name`, `mlflow:NAME` or `langfuse:NAME`; what another tool wrote is recognised by its shape.

    Several sources: one brings the rows, another (a saved DSPy program, a registered prompt) the baseline. The columns are found by their names unless
    they are given; where the answers' form tells no scorer, `choose(proposed, why)` is asked. Raises UserError when `task` is there already, a source cannot
    be read, the expected answer cannot be told, or the task would not load: then nothing is left of it.
    """
    folder = Path(task)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already, and nothing was written. Choose another name, or remove it.")
    brought = [bring(str(one)) for one in ([source] if isinstance(source, str | Path) else source)]
    rows_of = [(one, one.sheet) for one in brought if one.sheet is not None]
    prompts = [(one, one.prompt) for one in brought if one.prompt is not None]
    if not rows_of:
        raise UserError(
            f"{brought[0].name}: a prompt, and no rows to measure it on. Name them beside it: --from ROWS.csv --from {brought[0].name}."
        )
    if len(rows_of) > 1:
        raise UserError(
            f"{rows_of[0][0].name} and {rows_of[1][0].name}: both bring rows, a task has one source of them. Join the files first."
        )
    if len(prompts) > 1 and prompts[0][0] is rows_of[0][0]:
        prompts = prompts[1:]  # a prompt that was named of its own counts, not the one that came along with the rows
    if len(prompts) > 1:
        raise UserError(
            f"{prompts[0][0].name} and {prompts[1][0].name}: both bring a prompt, a task begins with one. Name one of them."
        )
    (origin, sheet), notes = rows_of[0], tuple(note for one in brought for note in one.notes)
    try:
        reading = read_shape(sheet.rows, Roles(inputs, expected, id, group, split))
        baseline, said = prompts[0][1](reading.fields) if prompts else (None, ())
        if baseline is not None:
            try:
                suits(baseline, reading.fields, prompts[0][0].name)
            except UserError as error:
                if prompts[0][0] is not origin:
                    raise
                baseline, said = None, (f"its prompt was left out: {error}".rstrip("."),)  # it came along with the rows
        proposal = propose(reading, scorer, max_rows, [d.inputs for d in baseline.demos] if baseline else (), choose)
    except UserError as error:
        raise UserError(f"{origin.name}: {error}") from None
    reading = replace(reading, notes=(*sheet.notes, *reading.notes, *notes, *said))
    for entry in (e for rows in proposal.splits.values() for e in rows):
        if problem := row_problem({**entry.inputs, "expected": entry.expected, "id": entry.id}):
            raise UserError(f"{origin.name}: row '{entry.id}': {problem}")
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "task"
    about = (description or reading.about).strip() or (
        f"Say what category the {' and '.join(proposal.fields)} belong{'' if len(proposal.fields) > 1 else 's'} to."
        if proposal.labels
        else f"Answer from {' and '.join(proposal.fields)}."
    )
    where = ", ".join(dict.fromkeys(one.name for one in (origin, *(found for found, _ in prompts))))
    files = task_files(name, about, where, reading, proposal)
    if baseline is not None:
        made, warnings = prompt_files(baseline)
        files |= made if baseline.demos else {"prompt.md": made["prompt.md"]}
        reading = replace(reading, notes=(*reading.notes, *warnings))
    empty = folder.exists()
    write_batch(folder, files, remedy="Name a folder that can be written.")
    try:
        load_task(folder)  # whatever init writes has to be a task
    except UserError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if empty:
            folder.mkdir()
        raise UserError(f"{origin.name}: makes no task, and nothing was kept of it: {error}") from None
    counts: dict[Split, int] = {s: len(some) for s, some in proposal.splits.items()}
    begins = f"{prompts[0][0].name}{f', {len(baseline.demos)} demos' if baseline.demos else ''}" if baseline is not None else ""
    return Started(
        folder, reading.shape, reading.mapping, proposal.scorer, proposal.labels, counts, proposal.why, reading.notes,
        tuple(folder / file for file in files), begins,
    )  # fmt: skip
