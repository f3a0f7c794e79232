"""The reply cache under load, with a million entries, and with files that somebody else wrote."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.promises import Tried
from topout.domain import Usage
from topout.errors import StoreError
from topout.models.cache import Entry, ReplyCache

__all__ = ["big_cache", "cache_load", "poisoned"]

LOAD = "cache: none of the writes of several processes at once is lost"
POISON = "cache: a poisoned file neither runs nor crashes anything"

FILL = """
import sys
from pathlib import Path
from topout.domain import Usage
from topout.models.cache import Entry, ReplyCache
cache = ReplyCache.open(Path(sys.argv[1]))
name, count = sys.argv[2], int(sys.argv[3])
for n in range(count):
    cache.put(f"{name}-{n}", Entry(f"{name} {n}", "stop", Usage(1, 1), 0.0, 0.0, "m", "r"))
cache.close()
"""


def cache_load(folder: Path, processes: int, writes: int, say: Callable[[str], None]) -> Iterator[Tried]:
    """So many processes write at once; a promise for each."""
    place = folder / "load"
    ReplyCache.open(place).close()
    began = time.monotonic()
    writers = [subprocess.Popen([sys.executable, "-c", FILL, str(place), f"w{n}", str(writes)]) for n in range(processes)]
    codes = [writer.wait() for writer in writers]
    took = time.monotonic() - began
    cache = ReplyCache.open(place)
    for n in range(processes):
        there = 0
        for i in range(writes):
            entry = cache.get(f"w{n}-{i}")
            there += entry is not None and entry.text == f"w{n} {i}"
        yield Tried(LOAD, codes[n] == 0 and there == writes, f"process {n}", f"{there} of {writes}, exit {codes[n]}")
    cache.close()
    say(f"cache: {processes} processes x {writes:,} writes in {took:.0f} s, {processes * writes / took:,.0f} a second")


def big_cache(folder: Path, entries: int) -> str:
    """Time of a look-up and size on the disk with so many replies. They are put in as rows, a transaction each 50,000; what is measured is ours."""
    place = folder / "big"
    cache = ReplyCache.open(place)
    cache.put(
        "template",
        Entry(
            "an answer of about sixty bytes, as classification has them",
            "stop",
            Usage(155, 3),
            0.0001,
            0.4,
            "openai/gpt-4.1-mini",
            "r1",
        ),
    )
    cache.close()
    with sqlite3.connect(place / "cache.db") as base:
        (value,) = base.execute("SELECT value FROM Cache").fetchone()
        for start in range(0, entries, 50_000):
            base.executemany(
                "INSERT INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value) "
                "VALUES (?, 1, 0, NULL, 0, 0, NULL, 0, 1, NULL, ?)",
                ((f"{n:064x}", value) for n in range(start, min(start + 50_000, entries))),
            )
            base.commit()
    base.close()
    began = time.perf_counter()
    cache = ReplyCache.open(place)
    opened_s = time.perf_counter() - began
    rng = random.Random(1)
    took = []
    for _ in range(20_000):
        key = f"{rng.randrange(entries):064x}"
        began = time.perf_counter()
        found = cache.get(key)
        took.append(time.perf_counter() - began)
        assert found is not None
    puts = []
    for n in range(2000):
        began = time.perf_counter()
        cache.put(f"new-{n}", Entry("x", "stop", Usage(1, 1), 0.0, 0.0, "m", "r"))
        puts.append(time.perf_counter() - began)
    took.sort()
    puts.sort()
    said = (
        f"cache: {entries:,} replies, {cache.size_bytes() / 1e6:,.0f} MB; opening {1000 * opened_s:.0f} ms, a look-up {1e6 * took[len(took) // 2]:.0f} us "
        f"(99 %: {1e6 * took[int(0.99 * len(took))]:.0f}), a write {1e6 * puts[len(puts) // 2]:.0f} us (99 %: {1e6 * puts[int(0.99 * len(puts))]:.0f})"
    )
    cache.close()
    return said


def poisoned(folder: Path, cases: int = 200) -> Iterator[Tried]:
    """Rows and files that somebody else wrote: pickles, wrong types, bytes changed at random, a file cut short."""
    import pickle

    trace = folder / "executed"
    for number in range(cases):
        rng = random.Random(f"poison/{number}")
        place = folder / "poisoned"
        shutil.rmtree(place, ignore_errors=True)
        cache = ReplyCache.open(place)
        for n in range(40):
            cache.put(f"key-{n}", Entry(f"answer {n} " * 200, "stop", Usage(1, 2), 0.1, 0.1, "m", "r"))
        cache.close()
        file = place / "cache.db"
        kind = rng.choice(("pickle", "file", "key", "type", "bytes", "cut", "settings"))
        bomb = pickle.dumps(Bomb(str(trace)))
        with sqlite3.connect(file) as base:
            match kind:
                case "pickle":
                    base.execute("UPDATE Cache SET mode = ?, value = ?", (rng.randrange(1, 6), bomb))
                case "file":
                    (place / "bomb.val").write_bytes(bomb)
                    base.execute(
                        "UPDATE Cache SET mode = ?, value = NULL, filename = ?",
                        (rng.randrange(1, 6), rng.choice(("bomb.val", "../../../etc/passwd"))),
                    )
                case "key":
                    base.execute("UPDATE OR IGNORE Cache SET key = ?, raw = 0", (bomb,))
                case "type":
                    base.execute(
                        "UPDATE Cache SET value = ?", (rng.choice((None, 1, 2.5, b"\x00", "", "{}", "[" * 5000, '{"text": 1}')),)
                    )
                case "settings":
                    base.execute("UPDATE Settings SET value = ?", (rng.choice((bomb, None, -1, "x")),))
                case _:
                    pass
        base.close()
        data = bytearray(file.read_bytes())
        if kind == "bytes":
            for _ in range(rng.choice((1, 10, 1000))):
                data[rng.randrange(len(data))] = rng.randrange(256)
        if kind in ("bytes", "cut"):
            file.write_bytes(data[: rng.randrange(len(data))] if kind == "cut" else data)
            for name in ("cache.db-wal", "cache.db-shm"):
                (place / name).unlink(missing_ok=True)
        what = ""
        try:
            cache = ReplyCache.open(place)
            for n in range(40):
                entry = cache.get(f"key-{n}")
                if entry is not None and kind in ("pickle", "file", "type"):
                    what = f"served {entry.text[:20]!r}"
            cache.close()
        except StoreError as error:
            what = "" if "\n" not in str(error) else str(error)
        except Exception as error:  # noqa: BLE001 (that there is none is the promise)
            what = f"{type(error).__name__}: {error}"
        yield Tried(POISON, not what and not trace.exists(), f"poison {number} ({kind})", what or "it ran")


class Bomb:
    """Unpickled, it leaves a trace."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)
