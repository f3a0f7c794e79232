"""Replies on disk, shared by all runs. Nothing is evicted, nothing is unpickled.

diskcache unpickles what it reads (CVE-2025-69872) and evicts beyond 1 GiB by default; both are switched off here, and the settings
are checked after opening because they persist in the file. Reads take about 10 microseconds and writes under 100, so that they
are called on the event loop directly: a thread would cost more.

SQLite's write-ahead log reaches the disk when SQLite sees fit, megabytes later. A thread of the cache's own calls `fsync` on it a second after the
first reply that is not on the disk yet, and so does closing: that is what a power cut can take, as with the journal.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, Self

import diskcache

from topout.domain import Usage
from topout.errors import StoreError

__all__ = ["Entry", "Replies", "ReplyCache", "entry_of", "text_of"]

SYNC_AFTER_S = 1.0
"""How long a reply may wait for its `fsync`."""

_SETTINGS = {
    "eviction_policy": "none",
    "size_limit": 2**62,
    "cull_limit": 0,
    "statistics": 0,
    "tag_index": 0,
    "disk_min_file_size": 2**30,  # everything in the one database file
}

_PAGE = "SELECT rowid, key, raw, mode, value FROM Cache WHERE rowid > ? ORDER BY rowid LIMIT ?"
_PAGE_ROWS = 1000
_STRANGE = "number "
"""How a row is called whose key is none of ours: keys are hashes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A reply as it was first received. `run` is the run that paid for it; `cost_usd` is None when the price was unknown."""

    text: str
    finish_reason: str
    usage: Usage
    cost_usd: float | None
    latency_s: float
    model: str
    run: str


class Replies(Protocol):
    """What keeps replies, by request key: this module's files, or a database.

    `lanes` is how many calls it takes at once in other threads; 0 for one that is quick enough to be called on the event loop. A reply that was kept once is
    never evicted. All methods raise StoreError.
    """

    @property
    def lanes(self) -> int: ...

    def get(self, key: str) -> Entry | None:
        """The reply to a request, None when there is none or its row is not one that we wrote."""

    def put(self, key: str, entry: Entry) -> None:
        """Keep a reply; on return it survives a kill of this process."""

    def rows(self) -> Iterator[tuple[str, Entry | None, float]]:
        """Every row as (key, reply, when it was kept in seconds since 1970, 0 when unknown); None for a row that is not one that we wrote."""

    def drop(self, keys: Iterable[str]) -> int:
        """Remove rows; how many were there."""

    def problems(self) -> list[str]:
        """What the store itself finds wrong, a line each; none for a sound one."""

    def size_bytes(self) -> int:
        """Bytes on the disk."""

    def hurry(self) -> None:
        """The run is ending: nothing that is lost is waited for any more."""

    def close(self) -> None:
        """Let go. Idempotent."""


class _PlainDisk(diskcache.Disk):  # type: ignore[misc]
    """Stores text, numbers and bytes as they are. A row that claims to be a pickle or a file of its own counts as unreadable, which
    diskcache turns into a miss (OSError)."""

    def put(self, key: Any) -> Any:
        _refuse_objects(key)
        return super().put(key)

    def get(self, key: Any, raw: Any) -> Any:
        if not raw:
            raise OSError("a key of this cache is not plain")
        return super().get(key, raw)

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> Any:
        _refuse_objects(value)
        return super().store(value, False, key)

    def fetch(self, mode: int, filename: Any, value: Any, read: bool) -> Any:
        if mode != diskcache.core.MODE_RAW:
            raise OSError("a value of this cache is not plain")
        return value


def _refuse_objects(value: Any) -> None:
    if type(value) not in (str, int, float, bytes):
        raise TypeError(f"{type(value).__name__}: this cache holds text, numbers and bytes only")


class _Flusher:
    """Brings a file to the disk a while after it was written, off the caller's thread. `note` says that it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: OSError | None = None

    def note(self) -> None:
        """There is something to flush. Raises the OSError that the last flush met."""
        if self._failed is not None:
            raise self._failed
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="reply-cache", daemon=True)
            self._thread.start()
        self._fresh.set()

    def _run(self) -> None:
        while self._fresh.wait() and not self._closing.wait(SYNC_AFTER_S):
            self._fresh.clear()
            if self._closing.is_set():  # what was cleared may have been the wake-up of `close`
                return
            self._flush()

    def _flush(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR)  # SQLite takes no lock on its log, so that closing it lets go of none
        except FileNotFoundError:
            return  # all of it went into the database, which SQLite flushed
        except OSError as error:
            self._failed = error
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            self._failed = error
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Flush what is left and end the thread. Idempotent."""
        if self._thread is not None:
            self._closing.set()
            self._fresh.set()
            self._thread.join()
            self._thread = None
            self._flush()


class ReplyCache:
    """Replies by request key. Open it with `ReplyCache.open`."""

    lanes = 0

    def __init__(self, cache: diskcache.Cache) -> None:
        self._cache = cache
        self._file = Path(cache.directory) / diskcache.core.DBNAME
        self._log = _Flusher(self._file.with_name(f"{self._file.name}-wal"))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make the cache in `folder`. Raises StoreError when the disk or the file does not allow for it."""
        file = folder / diskcache.core.DBNAME
        try:
            cache = diskcache.Cache(str(folder), timeout=60, disk=_PlainDisk, **_SETTINGS)
            found = {name: cache.reset(name) for name in _SETTINGS}
        except (sqlite3.Error, OSError, TypeError, ValueError, KeyError, AttributeError, diskcache.Timeout) as problem:
            raise _explain(file, problem) from problem
        if found != _SETTINGS:
            cache.close()
            raise StoreError(f"{file}: the settings of this reply cache cannot be changed to keep all replies. Move the file away.")
        return cls(cache)

    def get(self, key: str) -> Entry | None:
        """The reply to a request, None when there is none or its row is not one that we wrote. Raises StoreError."""
        try:
            text = self._cache.get(key)
        except (sqlite3.Error, OSError, diskcache.Timeout) as problem:
            raise _explain(self._file, problem) from problem
        if type(text) is not str:
            return None
        return entry_of(text)

    def put(self, key: str, entry: Entry) -> None:
        """Keep a reply; on return it survives a kill of this process, a second later a power cut as well. Raises StoreError."""
        try:
            self._cache.set(key, text_of(entry))
            self._log.note()
        except (sqlite3.Error, OSError, diskcache.Timeout) as problem:
            raise _explain(self._file, problem) from problem

    def rows(self) -> Iterator[tuple[str, Entry | None, float]]:
        """Every row as (key, reply, when it was kept in seconds since 1970, 0 when unknown); None for a row that is not one that we wrote."""
        try:
            last = 0
            while page := self._cache._sql(_PAGE, (last, _PAGE_ROWS)).fetchall():
                for last, key, raw, mode, text in page:
                    row = parsed(text) if raw and mode == diskcache.core.MODE_RAW and type(text) is str else None
                    created = row.get("created") if isinstance(row, dict) else None
                    kept_at = float(created) if isinstance(created, int | float) and _is_figure(created) else 0.0
                    yield key if raw and type(key) is str else f"{_STRANGE}{last}", _entry(row), kept_at
        except (sqlite3.Error, OSError, diskcache.Timeout) as problem:
            raise _explain(self._file, problem) from problem

    def drop(self, keys: Iterable[str]) -> int:
        """Remove rows; how many were there. Their room goes back to the disk at once (diskcache sets auto_vacuum). Raises StoreError."""
        try:
            gone, rest = 0, iter(keys)
            while some := list(islice(rest, _PAGE_ROWS)):
                with self._cache.transact():
                    gone += sum(self._cache._sql(*_deletion(key)).rowcount for key in some)
        except (sqlite3.Error, OSError, diskcache.Timeout) as problem:
            raise _explain(self._file, problem) from problem
        return gone

    def problems(self) -> list[str]:
        """What SQLite itself finds wrong with the file, a line each; none for a sound one. Reads all of it."""
        try:
            found = [str(line) for (line,) in self._cache._sql("PRAGMA integrity_check").fetchall()]
        except (sqlite3.Error, OSError, diskcache.Timeout) as problem:
            raise _explain(self._file, problem) from problem
        return [line for line in found if line != "ok"]

    def size_bytes(self) -> int:
        """Bytes on the disk, write-ahead log included."""
        return sum(path.stat().st_size for path in self._file.parent.glob(f"{self._file.name}*"))

    def hurry(self) -> None:
        """Nothing: a disk is not waited for."""

    def close(self) -> None:
        """Flush to the disk and close. Idempotent."""
        self._log.close()
        self._cache.close()


def text_of(entry: Entry) -> str:
    """A reply as a row holds it: JSON in ASCII, with the time of keeping."""
    row = {
        "text": entry.text,
        "finish_reason": entry.finish_reason,
        "prompt_tokens": entry.usage.prompt_tokens,
        "output_tokens": entry.usage.output_tokens,
        "cost_usd": entry.cost_usd,
        "latency_s": entry.latency_s,
        "model": entry.model,
        "run": entry.run,
        "created": time.time(),
    }
    return json.dumps(row)


def entry_of(text: str) -> Entry | None:
    """The reply in a row's text, None when it is not one that we wrote."""
    return _entry(parsed(text))


def _deletion(key: str) -> tuple[str, tuple[object]]:
    """The statement that removes a row, and what it is found by."""
    number = key.removeprefix(_STRANGE)
    if number != key and number.isdecimal():
        return "DELETE FROM Cache WHERE rowid = ?", (int(number),)
    return "DELETE FROM Cache WHERE key = ? AND raw = 1", (key,)


def parsed(text: str) -> Any:
    """JSON as it is, None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _entry(row: Any) -> Entry | None:
    match row:
        case {
            "text": str(text),
            "finish_reason": str(finish),
            "prompt_tokens": int() | None as prompt,
            "output_tokens": int() | None as output,
            "cost_usd": float() | int() | None as cost,
            "latency_s": float() | int() as latency,
            "model": str(model),
            "run": str(run),
        } if _is_figure(cost or 0) and _is_figure(latency):
            return Entry(text, finish, Usage(prompt, output), cost, latency, model, run)
        case _:
            return None


def _is_figure(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _explain(file: Path, problem: BaseException) -> StoreError:
    """The root of the matter in one line: a rollback that fails because the disk is full hides the full disk."""
    root = problem
    while isinstance(root.__context__, sqlite3.Error | OSError):
        root = root.__context__
    said = (root.strerror if isinstance(root, OSError) else None) or str(root).strip()
    words = said.splitlines()[0] if said else type(root).__name__
    lower = words.lower()
    if isinstance(root, sqlite3.DatabaseError) and ("not a database" in lower or "malformed" in lower or "no such" in lower):
        return StoreError(
            f"{file}: this reply cache is damaged ({words}). Move or delete it with its -wal and -shm files; its replies will be asked for again."
        )
    if isinstance(root, diskcache.Timeout) or "locked" in lower:
        return StoreError(f"{file}: another process has kept the reply cache locked for 60 s. End it, or use another cache folder.")
    if "full" in lower or "no space" in lower or "i/o error" in lower or "too large" in lower:
        return StoreError(f"{file}: cannot write the reply cache ({words}). Free some space; nothing that was kept before is lost.")
    return StoreError(f"{file}: cannot use the reply cache ({words}). Choose one that can be written, with --cache.")
