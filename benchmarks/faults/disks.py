"""The reply cache under load, with a million entries, and with files that somebody else wrote."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.faults.promises import Tried
from topout.app.caching import prune_cache, stats_of, verify_cache
from topout.domain import Usage
from topout.errors import StoreError
from topout.models.cache import Entry, ReplyCache

__all__ = ["big_cache", "cache_load", "poisoned"]

LOAD = "cache: none of the writes of several processes at once is lost"
POISON = "cache: a poisoned file neither runs nor crashes anything"

FILL = """
import sys
from pathlib import Path
from topout.app.caching import prune_cache, stats_of, verify_cache
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


def big_cache(folder: Path, entries: int) -> Iterator[str]:
    """Times of a look-up and of the verbs that look after a cache, and its size on the disk, with so many replies. They are put in as rows, a transaction
    each 50,000, one in ten of them of another model; what is measured is ours."""
    place = folder / "big"
    text = "an answer of about sixty bytes, as classification has them"
    cache = ReplyCache.open(place)
    for name in ("openai/gpt-4.1-mini", "openai/gone"):
        cache.put(name, Entry(text, "stop", Usage(155, 3), 0.0001, 0.4, name, "r1"))
    cache.close()
    with sqlite3.connect(place / "cache.db") as base:
        values = [value for (value,) in base.execute("SELECT value FROM Cache ORDER BY rowid").fetchall()]
        for start in range(0, entries, 50_000):
            base.executemany(
                "INSERT INTO Cache (key, raw, store_time, expire_time, access_time, access_count, tag, size, mode, filename, value) "
                "VALUES (?, 1, 0, NULL, 0, 0, NULL, 0, 1, NULL, ?)",
                ((f"{n:064x}", values[n % 10 == 0]) for n in range(start, min(start + 50_000, entries))),
            )
            base.commit()
    base.close()
    began = time.perf_counter()
    cache = ReplyCache.open(place)
    opened_s = time.perf_counter() - began
    rng = random.Random(1)
    gets = sorted(timed(lambda: cache.get(f"{rng.randrange(entries):064x}")) for _ in range(20_000))
    misses = sorted(timed(lambda: cache.get(f"{rng.random()}")) for _ in range(20_000))
    puts = sorted(
        timed(lambda: cache.put(f"{rng.random()}", Entry("x", "stop", Usage(1, 1), 0.0, 0.0, "m", "r"))) for _ in range(2000)
    )
    yield f"cache: {entries:,} replies, {cache.size_bytes() / 1e6:,.0f} MB; opening {1000 * opened_s:.0f} ms"
    yield f"cache: a look-up {told(gets)}, of what is not there {told(misses)}, a write {told(puts)}"
    cache.close()
    took = [timed(lambda: stats_of(place)), timed(lambda: verify_cache(place))]
    took.append(timed(lambda: prune_cache(place, model="openai/gone")))
    left = stats_of(place)
    yield (
        f"cache: topout cache stats {took[0]:.0f} s, verify {took[1]:.0f} s, prune of every tenth reply {took[2]:.0f} s; "
        f"{left.replies:,} replies and {left.size_bytes / 1e6:,.0f} MB are left"
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def told(seconds: Sequence[float]) -> str:
    """The median of sorted seconds and the 99th percentile, in microseconds."""
    return f"{1e6 * seconds[len(seconds) // 2]:.0f} us (99 %: {1e6 * seconds[int(0.99 * len(seconds))]:.0f})"


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
            stats_of(place)
            verify_cache(place)
            prune_cache(place, damaged=True)
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
