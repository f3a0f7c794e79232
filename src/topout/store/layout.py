"""Where a run lives: runs/<utc>-<task>-<recipe>-<id>/, its lock, and `runs/latest`."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from topout.errors import JournalError, UserError, did_you_mean
from topout.store.journal import refused, sync_folder

__all__ = ["RunFolder", "create_run_folder", "find_run", "list_runs", "slug", "whole", "write_bytes", "write_pieces", "write_text"]


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of one run."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def owed(self) -> Path:
        """What a run with a limit of money may owe beside its journal."""
        return self.path / "owed"

    @property
    def stop(self) -> Path:
        """While this file is there, the session that writes the run is asked to end it cleanly."""
        return self.path / "stop"

    def ask_to_stop(self) -> None:
        """Ask the session that writes this run to end it, as Ctrl-C would. Raises StoreError when the disk refuses."""
        try:
            self.stop.touch()
        except OSError as error:
            raise refused(self.stop, error) from error

    def forget_stop(self) -> None:
        """Take the wish back. What cannot be deleted stays."""
        with suppress(OSError):
            self.stop.unlink()

    def held(self) -> bool:
        """Whether a process on this machine has the lock, so that the run is going on. Looking takes nothing from it."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def lock(self) -> Lock:
        """Hold this run against other processes. Raises JournalError, naming the holder, when another one has it."""
        return Lock(self.path / "lock")

    def point_latest(self) -> None:
        """`latest` -> this run; by a fresh link renamed over the old one, so that it is never missing. Raises StoreError."""
        runs_dir = self.path.parent
        fresh = runs_dir / f".latest-{os.getpid()}"
        try:
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(self.name)
            fresh.replace(runs_dir / "latest")
        except OSError as error:
            raise refused(runs_dir / "latest", error) from error

    def remove(self) -> None:
        """Delete the folder of a run that never came to ask anything worth keeping. What cannot be deleted stays."""
        shutil.rmtree(self.path, ignore_errors=True)


class Lock:
    """An advisory lock that ends with its process, however that ends. The file tells who holds it. Released at the end of a `with`."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise refused(path, error) from error
        try:
            seize(self._descriptor)
        except OSError as error:
            holder = os.read(self._descriptor, 100).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise JournalError(
                f"{path.parent}: this run is being written by {holder or 'another process'}. Wait for it or stop it."
            ) from error
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"process {os.getpid()}\n".encode())
        except OSError as error:
            self.release()
            raise refused(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def seize(descriptor: int) -> None:
    """Lock at once; with a second try, as `RunFolder.held` holds the lock for a moment."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        time.sleep(0.05)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def create_run_folder(runs_dir: Path, task: str, recipe: str, run_id: str, now: datetime | None = None) -> RunFolder:
    """Make the folder of a new run. `latest` is another matter: see `RunFolder.point_latest`. Raises StoreError when the disk refuses."""
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    name = "-".join((stamp, slug(task), slug(recipe), run_id))
    path = runs_dir / name
    try:
        path.mkdir(parents=True, exist_ok=False)
        sync_folder(runs_dir)
    except OSError as error:
        raise refused(runs_dir, error) from error
    return RunFolder(path)


def find_run(path: Path, runs_dir: Path) -> RunFolder:
    """The run that a user named: a folder, or the name of one in `runs_dir`. Raises UserError with the nearest name."""
    for candidate in (path, runs_dir / path):
        if (candidate / "journal.jsonl").is_file():
            return RunFolder(candidate.resolve())
    names = [run.name for run in list_runs(runs_dir)]
    if (runs_dir / "latest").exists():
        names.append("latest")
    near = did_you_mean(path.name, names)
    hint = near if near.startswith(" Did") else " `topout runs` lists what there is."
    raise UserError(f"{path}: no run there (a run is a folder with a journal.jsonl).{hint}")


def list_runs(runs_dir: Path) -> list[RunFolder]:
    """The runs of a folder, oldest first."""
    if not runs_dir.is_dir():
        return []
    found = [p.parent for p in runs_dir.glob("*/journal.jsonl") if not p.parent.is_symlink()]
    return [RunFolder(path) for path in sorted(found)]


def write_text(path: Path, text: str) -> None:
    """Write a derived file whole or not at all, as UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a derived file whole or not at all, also when the power goes. Raises StoreError when the disk refuses."""
    with whole(path) as fresh:
        fresh.write_bytes(data)


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """Write a long derived text piece by piece, whole or not at all, as UTF-8. Raises StoreError when the disk refuses."""
    with whole(path) as fresh, fresh.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write a derived file to, which takes its place when all is written and flushed, also when the power goes. Raises StoreError when the disk
    refuses."""
    fresh, placed = path.with_name(f".{path.name}-{os.getpid()}"), False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        with fresh.open("rb") as file:
            os.fsync(file.fileno())  # renamed without it, the file could be there and empty
        fresh.replace(path)
        placed = True
    except OSError as error:
        raise refused(path, error) from error
    finally:
        if not placed:
            with suppress(OSError):
                fresh.unlink()


def slug(text: str) -> str:
    """Letters, digits and dashes, at most 40."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:40] or "run"
