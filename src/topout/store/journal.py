"""journal.jsonl: the truth, one event a line, append-only.

Each event is written with one `write` to the file before `append` returns, so a killed process loses nothing that it was told. Power loss is
another matter: a thread of the journal's own calls `fsync` a second after the first event that is not on the disk yet, and so does closing. A machine
that goes dark loses what came after the last one, and no more. A torn last line (the one thing that either can leave; zeros count as one) is tolerated
on reading and cut off when the run is taken up again.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from topout.domain import Event, RunStarted
from topout.errors import JournalError, StoreError
from topout.store.codec import SCHEMA, decode, encode

__all__ = ["Follower", "JournalFile", "read_journal"]

SYNC_AFTER_S = 1.0
"""How long an event may wait for its `fsync`: what a power cut can take."""


class JournalFile:
    """A journal on disk, to be opened. Raises StoreError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._fresh = threading.Event()
        self._closing = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="journal", daemon=True)
        self._unsynced: OSError | None = None

    def open(self) -> JournalFile:
        """Open for appending; a torn last line is cut off first."""
        try:
            if self._path.exists():
                trim(self._path)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            sync_folder(self._path.parent)
        except OSError as error:
            raise refused(self._path, error) from error
        self._syncer.start()
        return self

    def append(self, event: Event) -> None:
        """Write one event. When this returns, it survives a kill of the process; a second later a power cut as well."""
        line = (encode(event) + "\n").encode()
        try:
            if self._unsynced is not None:
                raise self._unsynced
            self._write(line)
        except OSError as error:
            raise refused(self._path, error) from error
        self._fresh.set()

    def _sync(self) -> None:
        """The thread: off the event loop, since a disk may take its time."""
        while self._fresh.wait() and not self._closing.wait(SYNC_AFTER_S):
            self._fresh.clear()
            if self._closing.is_set():  # what was cleared may have been the wake-up of `close`
                return
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._unsynced = error

    def _write(self, line: bytes) -> None:
        """All of it or nothing: a disk that fills up in the middle of a line must not leave a piece that the next line is glued to."""
        written = os.write(self._descriptor, line)
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            os.ftruncate(self._descriptor, os.fstat(self._descriptor).st_size - written)
            raise

    def close(self) -> None:
        """Flush to the disk and close."""
        if self._descriptor >= 0:
            self._closing.set()
            self._fresh.set()
            self._syncer.join()
            descriptor, self._descriptor = self._descriptor, -1  # whoever still writes is told, and writes into no other file
            try:
                os.fsync(descriptor)
            except OSError as error:
                raise refused(self._path, error) from error
            finally:
                os.close(descriptor)


def read_journal(path: Path) -> list[Event]:
    """All events of a journal. A torn last line is left out. Raises JournalError on any other damage, with its line."""
    torn = b""

    def whole_lines(file: BinaryIO) -> Iterator[bytes]:
        nonlocal torn
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]
            else:
                torn = line

    try:
        with path.open("rb") as file:
            events = decoded(path, whole_lines(file), 0)
    except OSError as error:
        raise missing(path, error) from error
    if torn and not events:
        raise JournalError(f"{path}:1: the first line is torn, nothing was recorded. Start a new run.")
    if not events:
        raise JournalError(f"{path}:1: a journal begins with RunStarted. Restore the file or start a new run.")
    return events


class Follower:
    """Reads a journal that grows: each `read` gives what came since the one before and reads no byte twice. A line that is not finished waits for its
    end, so a torn one is never an event."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._lines = 0

    def read(self) -> list[Event]:
        """The new events, none when nothing came. Raises JournalError on damage, with its line, and when the file is gone or shorter than it was."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
                shrunk = not data and file.seek(0, os.SEEK_END) < self._at
        except OSError as error:
            raise missing(self._path, error) from error
        if shrunk:
            raise JournalError(f"{self._path}: shorter than it was: somebody else changed it. Restore the file.")
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.split(b"\n")[:-1]
        events = decoded(self._path, lines, self._lines)
        self._at += len(whole)
        self._lines += len(lines)
        return events


def decoded(path: Path, lines: Iterable[bytes], before: int) -> list[Event]:
    """The events of whole lines, `before` of which come before them."""
    events: list[Event] = []
    for number, line in enumerate(lines, before + 1):
        if number == 1:
            check_schema(path, line)
        try:
            events.append(decode(line.decode()))
        except ValueError as error:
            what = str(error).splitlines()[0][:120]
            raise JournalError(f"{path}:{number}: not an event ({what}). Restore the file or start a new run.") from error
    if events and not before and not isinstance(events[0], RunStarted):
        raise JournalError(f"{path}:1: a journal begins with RunStarted. Restore the file or start a new run.")
    return events


def missing(path: Path, error: OSError) -> JournalError:
    """A journal that cannot be read, in words."""
    return JournalError(f"{path}: {error.strerror or error}. Is this the folder of a run?")


def check_schema(path: Path, line: bytes) -> None:
    """Another schema may spell its events in another way, so it is looked for before anything is read as one."""
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return
    schema = first.get("schema", SCHEMA) if isinstance(first, dict) else SCHEMA
    if schema != SCHEMA:
        raise JournalError(
            f"{path}:1: written with journal schema {schema}, this topout reads {SCHEMA}. Read it with the topout that wrote it."
        )


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: a new file that was flushed can still be nameless after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def trim(path: Path) -> None:
    """Cut off a last line without its end."""
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        keep = size
        while keep:
            start = max(0, keep - 65536)
            file.seek(start)
            at = file.read(keep - start).rfind(b"\n")
            if at >= 0:
                keep = start + at + 1
                break
            keep = start
        if keep != size:
            file.truncate(keep)


def refused(path: Path, error: OSError) -> StoreError:
    """The disk's refusal in words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{path}: no space left on the disk. All that was written is kept: free some space, then `topout resume {path.parent}`."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(f"{path}: the folder cannot be written. Give it write permission or choose another with --runs-dir.")
    return StoreError(f"{path}: cannot be written: {error.strerror or error}. Choose another folder with --runs-dir.")
