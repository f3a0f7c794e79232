"""A task folder with its train and dev rows shared out anew: one folder a fold, each a task like any other, all with the same held-out rows."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from topout.config.task_file import TaskFile
from topout.config.toml_files import read_toml
from topout.domain import Example, Json
from topout.errors import UserError
from topout.plugins.rows import as_text
from topout.plugins.splits import Located, read_splits
from topout.plugins.tasks import load_task

__all__ = ["LEAST_DEV", "fold_folders"]

LEAST_DEV = 5
"""Dev rows of a fold below which selecting on them is drawing lots."""
SKIPPED = ("runs", "exports", "node_modules", "__pycache__")
MOST_BYTES = 20_000_000


def fold_folders(folder: Path, k: int) -> list[dict[str, bytes]]:
    """The files of k task folders. Fold i has the i-th part of the train and dev rows as dev and the others as train.

    Parts are drawn by a hash of each row, within each expected answer where that is one of the task's labels; rows of a group, and rows with equal inputs,
    stay together. Raises UserError when a fold would have under 5 dev rows, and for what `load_task` raises it for.
    """
    task = load_task(folder).task
    settings = read_toml(folder / "task.toml", TaskFile)
    rows = read_splits(folder, settings)
    pool = [*rows["train"], *rows["dev"]]
    parts = shared_out(pool, k, bool(task.labels))
    least = min((len(part) for part in parts), default=0)
    if least < LEAST_DEV:
        raise UserError(
            f"--folds {k}: {len(pool)} train and dev rows{' in groups' if any(e.group for e, _ in pool) else ''} leave a fold with {least} dev rows; "
            f"{LEAST_DEV} are the least. Give fewer folds (2 or more), or more rows."
        )
    common = {f"data/{split}.jsonl": lines(located, settings) for split, located in rows.items() if split in ("holdout", "shift")}
    common |= others(folder, settings)
    common["task.toml"] = toml(settings, task.labels, "shift" in rows).encode()
    found = []
    for i, dev in enumerate(parts):
        train = [row for j, part in enumerate(parts) if j != i for row in part]
        found.append({**common, "data/train.jsonl": lines(train, settings), "data/dev.jsonl": lines(dev, settings)})
    return found


def shared_out(pool: Sequence[Located], k: int, by_label: bool) -> list[list[Located]]:
    """The rows in k parts of about the same size."""
    units: dict[str, list[Located]] = defaultdict(list)
    for located in pool:
        units[unit(located[0])].append(located)
    strata: dict[str, list[str]] = defaultdict(list)
    for key, members in units.items():
        strata[as_text(members[0][0].expected) if by_label else ""].append(key)
    parts: list[list[Located]] = [[] for _ in range(k)]
    for stratum in sorted(strata):
        for key in sorted(strata[stratum], key=lambda key: hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()):
            parts[min(range(k), key=lambda i: (len(parts[i]), i))] += units[key]
    return parts


def unit(example: Example) -> str:
    """What may not be torn apart: a group, or equal inputs."""
    return f"group {example.group}" if example.group else json.dumps(list(example.inputs.values()), ensure_ascii=False)


def lines(located: Sequence[Located], settings: TaskFile) -> bytes:
    """Rows as they were, each with the id that it had."""
    column = settings.id or "id"
    out = []
    for example, row in located:
        values: dict[str, Json] = {**row.values, settings.expected: example.expected}
        out.append(json.dumps({column: example.id, **values} if column not in values else values, ensure_ascii=False) + "\n")
    return "".join(out).encode("utf-8", "surrogatepass")


def others(folder: Path, settings: TaskFile) -> dict[str, bytes]:
    """All other files of the folder: prompt, demos, scorer, schema, program and what these may import or read. Data files, hidden ones and runs stay behind."""
    s = settings.splits
    data = {folder / name for name in (s.train, s.dev, s.holdout, s.shift, s.file) if name}
    data |= {folder / "data" / f"{split}{kind}" for split in ("train", "dev", "holdout", "shift") for kind in (".jsonl", ".csv")}
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        way = path.relative_to(folder)
        if path in data or path.name == "task.toml" or any(part.startswith(".") or part in SKIPPED for part in way.parts):
            continue
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_BYTES:
            found[way.as_posix()] = path.read_bytes()
    return found


def toml(settings: TaskFile, labels: Sequence[str], shift: bool) -> str:
    """task.toml with the fold's own data files, and the labels of the whole task (a fold's train rows may lack one)."""
    values = settings.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    values["splits"] = {split: f"data/{split}.jsonl" for split in ("train", "dev", "holdout", *(("shift",) if shift else ()))}
    values["splits"]["max_row_bytes"] = settings.splits.max_row_bytes
    if labels:
        values["labels"] = list(labels)
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    tables = {name: value for name, value in values.items() if isinstance(value, dict)}
    out = [f"{name} = {written(value)}" for name, value in plain.items()]
    for name, table in tables.items():
        out += ["", f"[{name}]", *(f"{key} = {written(value)}" for key, value in table.items())]
    return (
        "# One fold of a task: train and dev rows shared out anew, the same held-out rows. Made by topout optimize --folds.\n"
        + "\n".join(out)
        + "\n"
    )


def written(value: Json | Mapping[str, Json]) -> str:
    """A TOML value. JSON's strings are TOML's, but for the control that JSON leaves bare."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{json.dumps(str(key))} = {written(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(written(one) for one in value) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
