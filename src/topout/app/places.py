"""Where the files that a run was made from lie, so that it can be taken up from any folder.

What the user typed is relative to the folder that they stood in. A run remembers the way from its own folder instead: that holds wherever the next
command is typed, and when all of it is moved together. No absolute path is written anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from topout.domain import Json, RunStarted
from topout.plugins.shipped import shipped

__all__ = ["places_from", "resolved", "task_path", "to_type", "typed"]

SETTINGS = {"task": "task", "recipe": "recipe", "cache": "cache_dir"}
"""What is typed again in the next command, and the setting that it was typed for. (A study's file is remembered too; its setting is a URL.)"""


def places_from(run: Path, files: Mapping[str, Path]) -> dict[str, Json]:
    """The way from a run's folder to each of these files, by name."""
    start = run.resolve()
    return {name: os.path.relpath(path.resolve(), start) for name, path in files.items()}


def resolved(run: Path, manifest: Mapping[str, Json]) -> dict[str, Path]:
    """Those of the remembered files that are where they were, as one would type them from here."""
    known = manifest.get("places")
    found: dict[str, Path] = {}
    for name, way in known.items() if isinstance(known, dict) else ():
        path = Path(os.path.normpath(run.resolve() / str(way)))
        if path.exists():
            found[name] = typed(path)
    return found


def task_path(task: str | Path) -> Path:
    """The task folder that a user named; a shipped task when there is no such folder here."""
    path = Path(task)
    ours = shipped("tasks") / path.name
    return ours if not path.exists() and path.parent in (Path("tasks"), Path()) and ours.is_dir() else path


def to_type(run: Path, started: RunStarted) -> dict[str, str]:
    """How one names the task, the recipe and the cache of a run from here: as it was typed where that still leads there, else the way to it."""
    asked = {name: str(started.settings.get(setting, "")) for name, setting in SETTINGS.items()}
    found = resolved(run, started.manifest)
    for name, path in found.items():
        if name not in SETTINGS:
            continue
        here = task_path(asked[name]) if name == "task" else Path(asked[name])
        by_name = name == "recipe" and here.suffix not in (".toml", ".py")
        if not by_name and here.resolve() != path.resolve():
            asked[name] = str(path)
    return {SETTINGS[name]: text for name, text in asked.items()}


def typed(path: Path) -> Path:
    """A path as a person would type it here: relative when it is below this folder."""
    here, full = Path.cwd(), path.absolute()
    return full.relative_to(here) if full.is_relative_to(here) else full
