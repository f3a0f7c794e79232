"""Power cuts, and the reply cache under load.

A power cut is simulated from the system calls that really happened: what was written before the last `fsync` of a file is there, and of what came after it
any part may be. strace records the calls; every state that could be left on the disk is built anew and opened.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.promises import Tried
from topout.domain import Usage
from topout.errors import StoreError, TopoutError
from topout.models.cache import Entry, ReplyCache
from topout.store.journal import read_journal

__all__ = ["big_cache", "cache_load", "poisoned", "power_cuts"]

JOURNAL = "power cut: the journal is whole up to its last fsync, and readable"
CACHE = "power cut: the cache opens, and no reply in it is damaged"
LOAD = "cache: none of the writes of several processes at once is lost"
POISON = "cache: a poisoned file neither runs nor crashes anything"

WRITER = """
import sys, time
from pathlib import Path
from topout.domain import Rollout, RolloutDone, RunStarted, Scored, Usage
from topout.models.cache import Entry, ReplyCache
import topout.store.journal as j
j.SYNC_AFTER_S = 0.02
folder = Path(sys.argv[1])
cache = ReplyCache.open(folder / "cache")
journal = j.JournalFile(folder / "journal.jsonl").open()
journal.append(RunStarted(1, "r", {}, {}, 0.0))
for n in range(int(sys.argv[2])):
    cache.put(f"key-{n}", Entry(f"answer {n} " * 200, "stop", Usage(1, 2), 0.1, 0.1, "m", "r"))
    journal.append(RolloutDone(0, Rollout("c", f"e{n}", "dev", 0, f"answer {n} " * 40, Scored(1.0))))
    time.sleep(0.002)
journal.close()
cache.close()
"""


@dataclass(slots=True)
class Disk:
    """One file: what is sure to be on the disk, and the writes since then, in order."""

    sure: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes]] = field(default_factory=list)

    def flush(self) -> None:
        for at, data in self.pending:
            put(self.sure, at, data)
        self.pending.clear()

    def left(self, rng: random.Random) -> bytes:
        """What a power cut may leave: any of the writes since the last flush, one of them in part."""
        image = bytearray(self.sure)
        for at, data in self.pending:
            if rng.random() < 0.6:
                put(image, at, data if rng.random() < 0.8 else data[: rng.randrange(len(data) + 1)])
        return bytes(image)

    def left_in_order(self, rng: random.Random) -> bytes:
        """The same for a file that only grows: so many of the writes, the last one in part, and perhaps zeros where it should be."""
        image = bytearray(self.sure)
        n = rng.randrange(len(self.pending) + 1)
        for at, data in self.pending[:n]:
            put(image, at, data)
        if n < len(self.pending):
            at, data = self.pending[n]
            cut = rng.randrange(len(data))
            put(image, at, data[:cut] + bytes(rng.choice((0, len(data) - cut))))
        return bytes(image)


def put(image: bytearray, at: int, data: bytes) -> None:
    """Write into an image, with a hole of zeros before it where needed."""
    if len(image) < at:
        image.extend(bytes(at - len(image)))
    image[at : at + len(data)] = data


def power_cuts(folder: Path, rows: int = 60, cuts: int = 200) -> Iterator[Tried]:
    """Record one session, cut the power at so many random system calls."""
    if shutil.which("strace") is None:
        return
    place = folder / "power"
    place.mkdir()
    trace = folder / "trace"
    command = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e"]
    command += ["trace=write,pwrite64,fsync,fdatasync,ftruncate,lseek", sys.executable, "-c", WRITER, str(place), str(rows)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return
    calls = list(parsed(trace, place))
    rng = random.Random(1)
    for number, stop in enumerate(sorted(rng.randrange(1, len(calls)) for _ in range(cuts))):
        yield from cut(folder, calls[:stop], random.Random(number), number)


Call = tuple[str, str, int, bytes]


def parsed(trace: Path, place: Path) -> Iterator[Call]:
    """(call, file, offset or size, data) of each call that touched a file of ours; appends have offset -1."""
    line_of = re.compile(r"^\d+\s+(\w+)\((\d+)<([^>]*)>(.*)\)\s+=\s+(-?\d+)")
    for line in trace.read_text().splitlines():
        found = line_of.match(line)
        if found is None or not unescaped(found[3]).decode().startswith(str(place)):
            continue
        name, path, rest, result = found[1], unescaped(found[3]).decode(), found[4], int(found[5])
        if result < 0 or path.endswith("-shm"):
            continue
        match name:
            case "pwrite64":
                data, _, offset = re.match(r', "([^"]*)", (\d+), (\d+)', rest).groups()  # type: ignore[union-attr]
                yield "write", path, int(offset), unescaped(data)
            case "write":
                (data,) = re.match(r', "([^"]*)"', rest).groups()  # type: ignore[union-attr]
                yield "write", path, -1, unescaped(data)
            case "ftruncate":
                yield "truncate", path, int(rest.strip(", ")), b""
            case "fsync" | "fdatasync":
                yield "flush", path, 0, b""
            case _:
                pass


def unescaped(text: str) -> bytes:
    """strace's hexadecimal strings."""
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def cut(folder: Path, calls: list[Call], rng: random.Random, number: int) -> Iterator[Tried]:
    """One state of the disk, opened."""
    disks: dict[str, Disk] = {}
    for what, path, at, data in calls:
        disk = disks.setdefault(path, Disk())
        match what:
            case "write":
                end = max([len(disk.sure), *(a + len(d) for a, d in disk.pending)])
                disk.pending.append((end if at < 0 else at, data))
            case "truncate":
                disk.flush()
                del disk.sure[at:]
            case _:
                disk.flush()
    place = folder / "cut"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    journal = next((disk for path, disk in disks.items() if path.endswith("journal.jsonl")), None)
    if journal is not None and (journal.sure or journal.pending):
        path = place / "journal.jsonl"
        path.write_bytes(journal.left_in_order(rng))
        sure = journal.sure.count(b"\n")
        try:
            found, what = len(read_journal(path)), ""
        except TopoutError as error:
            found, what = 0, str(error)
        yield Tried(JOURNAL, found >= sure, f"cut {number}", f"{found} of {sure} events: {what}")
    cache = {Path(path).name: disk for path, disk in disks.items() if "/cache/" in path}
    if cache:
        for name, disk in cache.items():
            (place / name).write_bytes(disk.left(rng))
        yield Tried(CACHE, *opened(place, f"cut {number}"))


def opened(folder: Path, where: str) -> tuple[bool, str, str]:
    """Whether a cache opens, is sound, and holds only what was written."""
    try:
        cache = ReplyCache.open(folder)
        problems = cache.problems()
        wrong = [key for key, entry, _ in cache.rows() if entry is None or entry.text != f"answer {key[4:]} " * 200]
        cache.close()
    except StoreError as error:
        return False, where, str(error)
    return not problems and not wrong, where, f"{problems[:1]} {wrong[:1]}"


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
