"""Datasets of the Hugging Face hub, and folders laid out like them: files whose names say their split (`data/train-00000-of-00001.parquet`, `test.csv`).

No script of a dataset is ever run: only files of rows are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from topout.errors import UserError, did_you_mean
from topout.intake.tables import KINDS, Sheet, Table, read_table

__all__ = ["fetch_dataset", "folder_sheet"]

SOURCE = re.compile(r"(?P<name>[\w.-]+(?:/[\w.-]+)?)(?::(?P<config>[\w.-]+))?(?:@(?P<revision>[\w./-]+))?")
SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "test": "test",
    "holdout": "holdout",
}
ROWS = tuple(kind for kind in KINDS if kind not in (".yaml", ".yml", ".xlsx"))
NOT_ROWS = ("dataset_infos.json", "dataset_info.json", "config.json", "metadata.json", "state.json", "package.json")
MOST_BYTES = 500_000_000
CONVERTED = "refs/convert/parquet"
"""Where the hub keeps its own Parquet copy of a dataset that is written another way."""
MISSING = "pip install 'topout[hub]'"


@dataclass(frozen=True, slots=True)
class Part:
    """A file of rows: its path in the dataset, its size (0 when not known), its split ('' when the name tells none) and configuration."""

    path: str
    bytes: int
    split: str
    config: str


def part_of(path: str, size: int) -> Part | None:
    """What a file is by its name; None for one without rows."""
    found = Path(path)
    if found.suffix.lower() not in ROWS or found.name in NOT_ROWS or any(p.startswith(".") for p in found.parts):
        return None
    words = [word for part in reversed(found.with_suffix("").parts) for word in re.split(r"[^a-z0-9]+", part.casefold())]
    split = next((SPLITS[word] for word in words if word in SPLITS), "")
    folders = [part for part in found.parts[:-1] if part.casefold() not in (*SPLITS, "data", "partial-train")]
    return Part(path, size, split, folders[0] if folders else "")


def chosen(parts: Sequence[Part], config: str, where: str) -> list[Part]:
    """The files of one configuration, of the kind that most of them are. Raises UserError when it cannot be told which."""
    configs = sorted({part.config for part in parts})
    if config and config not in configs:
        raise UserError(f"{where}: no configuration '{config}'.{did_you_mean(config, [c for c in configs if c])}")
    if not config and len(configs) > 1 and "" not in configs and "default" not in configs:
        raise UserError(f"{where}: {len(configs)} configurations ({', '.join(configs[:12])}). Name one: {where}:{configs[0]}.")
    wanted = config or ("default" if "default" in configs else "" if "" in configs else configs[0])
    own = [part for part in parts if part.config == wanted]
    kinds = [Path(part.path).suffix.lower() for part in own]
    kind = ".parquet" if ".parquet" in kinds else max(dict.fromkeys(kinds), key=kinds.count)
    return [part for part in own if Path(part.path).suffix.lower() == kind]


def read_parts(files: Sequence[tuple[Part, Path]]) -> Sheet:
    """The rows of all files, each with the split that its file's name tells (unless the rows tell one)."""
    rows: Table = []
    notes: list[str] = []
    for part, path in files:
        sheet = read_table(path)
        notes += sheet.notes
        rows += [row if "split" in row or not part.split else {**row, "split": part.split} for row in sheet.rows]
    splits = sorted({part.split for part, _ in files if part.split})
    if splits:
        notes.append(f"splits by the names of the files: {', '.join(splits)}")
    return Sheet(rows, tuple(dict.fromkeys(notes)))


def folder_sheet(folder: Path, config: str = "") -> Sheet:
    """The rows of a dataset that lies in a folder. Raises UserError when there are none."""
    parts = [
        part
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (part := part_of(str(path.relative_to(folder)), path.stat().st_size)) is not None
    ]
    if not parts:
        raise UserError(f"{folder}: no files of rows in it ({', '.join(ROWS)}).")
    return read_parts([(part, folder / part.path) for part in chosen(parts, config, str(folder))])


def fetch_dataset(source: str, environ: Mapping[str, str]) -> tuple[Sheet, str]:
    """The rows of `org/name`, `org/name:config`, `org/name@revision`, and what they come from with the commit.

    Its server, cache and token are those of huggingface_hub (HF_ENDPOINT, HF_HOME, HF_TOKEN). Raises UserError: the package is missing, no such
    dataset, not allowed, no answer, more than 500 MB of rows, several configurations.
    """
    asked = SOURCE.fullmatch(source)
    if asked is None:
        raise UserError(
            f"--from hf:{source}: not the name of a dataset. Write it as hf:org/name, hf:org/name:config or hf:org/name@revision."
        )
    try:
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import (
            EntryNotFoundError,
            GatedRepoError,
            HfHubHTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )
    except ImportError:
        raise UserError(
            f"--from hf:{source}: datasets of the hub need huggingface_hub: {MISSING}. Or download the files and name the folder."
        ) from None
    import httpx

    name, config, revision = asked["name"], asked["config"] or "", asked["revision"]
    where = f"hf:{name}"
    server = environ.get("HF_ENDPOINT") or "https://huggingface.co"
    api = HfApi(endpoint=server)
    try:
        info = api.dataset_info(name, revision=revision, files_metadata=True, timeout=30)
        parts = files_of(info.siblings)
        commit = info.sha
        if not parts and revision is None:
            info = api.dataset_info(name, revision=CONVERTED, files_metadata=True, timeout=30)
            parts, commit = files_of(info.siblings), info.sha
        if not parts:
            raise UserError(
                f"{where}: no files of rows in it ({', '.join(ROWS)}); scripts are not run. Export the rows to a CSV, and name that."
            )
        own = chosen(parts, config, where)
        size = sum(part.bytes for part in own)
        if size > MOST_BYTES:
            raise UserError(
                f"{where}: {size / 1e6:,.0f} MB of rows, the limit is {MOST_BYTES / 1e6:,.0f}. Save a part of it as a file, and name that."
            )
        files = [
            (part, Path(hf_hub_download(name, part.path, repo_type="dataset", revision=commit, endpoint=server, etag_timeout=30)))
            for part in own
        ]
    except GatedRepoError as error:
        raise UserError(f"{where}: its owner has to grant access. Ask for it on its page, and set HF_TOKEN.") from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        what = "revision" if isinstance(error, RevisionNotFoundError) else "dataset"
        raise UserError(
            f"{where}: {server} has no such {what}, or it is private. Check the name; for a private one set HF_TOKEN."
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise UserError(
            f"{where}: no answer from {server} ({type(error).__name__}). Check the network, or set HF_ENDPOINT to a mirror."
        ) from error
    sheet = read_parts(files)
    return sheet, f"{name}{f':{config}' if config else ''}@{(commit or '')[:12]}"


def files_of(siblings: object) -> list[Part]:
    """The files of rows in what the hub lists."""
    found = []
    for one in siblings if isinstance(siblings, list) else []:
        size = one.size if isinstance(one.size, int) else 0
        part = part_of(str(one.rfilename), size)
        if part is not None:
            found.append(part)
    return found
