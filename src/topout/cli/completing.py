"""What the shell offers after a tab: task folders, recipes, runs, candidates. Reads names of files and no more: nothing heavy is imported."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

import typer

__all__ = ["candidates", "recipes", "runs", "tasks"]

MOST = 200


def tasks(incomplete: str) -> list[str]:
    """Folders with a task.toml: here, in tasks/, below what is typed, and the shipped ones."""
    from topout.plugins.shipped import shipped

    typed = Path(incomplete)
    start = typed if incomplete.endswith("/") else typed.parent
    found = [path.parent for pattern in ("*/task.toml", "*/*/task.toml") for path in start.glob(pattern)]
    ours = [Path("tasks") / path.parent.name for path in shipped("tasks").glob("*/task.toml")]
    return beginning(incomplete, map(str, [*found, *ours]))


def recipes(incomplete: str) -> list[str]:
    """Names in ./optimizers and of the shipped recipes; paths where one is typed."""
    from topout.plugins.shipped import shipped

    if "/" in incomplete or incomplete.startswith("."):
        start = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
        return beginning(incomplete, (str(path) for path in files(start) if path.suffix in (".toml", ".py") or path.is_dir()))
    folders = (Path("optimizers"), shipped("optimizers"))
    found = (path for folder in folders for path in files(folder) if path.suffix in (".toml", ".py"))
    return beginning(incomplete, (path.stem for path in found if not path.name.startswith("test_")))


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Runs in --runs-dir, the newest first, by name; or by path where one is typed."""
    folder = Path(str(context.params.get("runs_dir") or "runs"))
    by_path = "/" in incomplete
    start = (Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent) if by_path else folder
    found = sorted(
        (path.parent for path in start.glob("*/journal.jsonl")), key=lambda path: (path.name == "latest", path.name), reverse=True
    )
    return beginning(incomplete, (str(path) if by_path else path.name for path in found), keep_order=True)


def candidates(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of a run's candidates, from its candidates.csv (written when a run ends)."""
    run = context.params.get("run")
    named = [str(run)] if run else words_so_far()  # the parser gives up before the run when an option waits for its value
    runs_dir = Path(str(context.params.get("runs_dir") or "runs"))
    for folder in (place for name in named for place in (Path(name), runs_dir / name)):
        try:
            with (folder / "candidates.csv").open(newline="", encoding="utf-8", errors="replace") as file:
                found = [row.get("candidate") or "" for row in csv.DictReader(file)]
        except (OSError, csv.Error):
            continue
        return beginning(incomplete, ["baseline", "winner", *filter(None, found)], keep_order=True)
    return []


def words_so_far() -> list[str]:
    """The words of the line that is being typed, as typer is told them by bash or by the other shells."""
    return (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()[1:]


def files(folder: Path) -> list[Path]:
    """What is in a folder, nothing when it is none."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def beginning(incomplete: str, names: Iterable[str], keep_order: bool = False) -> list[str]:
    """The names that begin so, each once; those with controls are left out, because a shell would print them as they are."""
    fitting = dict.fromkeys(name for name in names if name.startswith(incomplete) and name.isprintable())
    return list(fitting if keep_order else sorted(fitting))[:MOST]
