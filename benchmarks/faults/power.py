"""Power cuts, simulated from the system calls that really happened.

strace records a session that keeps replies, journals and writes a file that is replaced again and again. A cut after any of its calls leaves what was
flushed, and any part of what was not: bytes since a file's last `fsync`, names since their folder's. Every state is built anew and opened.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from benchmarks.faults.promises import Tried
from topout.errors import StoreError, TopoutError
from topout.models.cache import ReplyCache
from topout.store.journal import read_journal

__all__ = ["Call", "Disk", "power_cuts"]

JOURNAL = "power cut: the journal is whole up to its last fsync, and readable"
CACHE = "power cut: the cache opens, and no reply in it is damaged"
KEPT = "power cut: no reply is lost that had reached the disk (a second after it came)"
WHOLE = "power cut: a derived file is the old one or the new one, and whole"

WRITER = """
import os, sys, time
from pathlib import Path
from topout.domain import Rollout, RolloutDone, RunStarted, Scored, Usage
import topout.models.cache as c
import topout.store.journal as j
from topout.store.layout import write_text
j.SYNC_AFTER_S = c.SYNC_AFTER_S = 0.02
folder = Path(sys.argv[1])
cache = c.ReplyCache.open(folder / "cache")
cache._cache._sql("PRAGMA wal_autocheckpoint = 60")  # so that the log is taken over into the database more than once
journal = j.JournalFile(folder / "journal.jsonl").open()
journal.append(RunStarted(1, "r", {}, {}, 0.0))
kept = os.open(folder / "kept", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for n in range(int(sys.argv[2])):
    cache.put(f"key-{n}", c.Entry(f"answer {n} " * 200, "stop", c.Usage(1, 2), 0.1, 0.1, "m", "r"))
    os.write(kept, b"\\n")
    journal.append(RolloutDone(0, Rollout("c", f"e{n}", "dev", 0, f"answer {n} " * 40, Scored(1.0))))
    if n % 5 == 0:
        write_text(folder / "best.md", f"best {n} " * 500)
    time.sleep(0.002)
journal.close()
cache.close()
"""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call did to a file: `create`, `write` (at -1: append), `truncate` (to `at`), `begin` and `flush` (an fsync of call number `at`),
    `unlink`, or `rename` (to `data`)."""

    what: str
    path: str
    at: int = 0
    data: bytes = b""


@dataclass(slots=True)
class File:
    """One file: what is sure to be on the disk, and the changes since then, in order. A truncation has no data."""

    sure: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """As a program sees it."""
        size = len(self.sure)
        for at, data in self.pending:
            size = at if data is None else max(size, at + len(data))
        return size

    def flush(self, count: int) -> None:
        """The first changes reach the disk."""
        image = bytearray(self.sure)
        for change in self.pending[:count]:
            apply(image, *change)
        self.sure = bytes(image)
        del self.pending[:count]

    def left(self, rng: random.Random, grows: bool) -> bytes:
        """What a cut may leave: any of the changes, writes perhaps in part. Of a file that only grows, so many of them, the last one in part, and
        perhaps zeros where the rest of it should be."""
        image = bytearray(self.sure)
        if grows:
            n = rng.randrange(len(self.pending) + 1)
            for change in self.pending[:n]:
                apply(image, *change)
            at, data = self.pending[n] if n < len(self.pending) else (0, None)
            if data:
                part = rng.randrange(len(data))
                apply(image, at, data[:part] + bytes(rng.choice((0, len(data) - part))))
            return bytes(image)
        for at, data in self.pending:
            if rng.random() < 0.6:
                apply(image, at, data[: rng.randrange(len(data) + 1)] if data and rng.random() < 0.2 else data)
        return bytes(image)


def apply(image: bytearray, at: int, data: bytes | None) -> None:
    """One change, with a hole of zeros before it where needed."""
    if len(image) < at:
        image.extend(bytes(at - len(image)))
    if data is None:
        del image[at:]
    else:
        image[at : at + len(data)] = data


class Disk:
    """Files by name, as a program sees them and as they are sure to be. `flushed` is how long each file was at its last flush's beginning."""

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        self.seen: dict[str, File] = {}
        self.sure: dict[str, File] = {}
        self.names: list[tuple[str, File | None]] = []
        self.begun: dict[int, tuple[File | None, int, int]] = {}
        self.kept = 0
        for call in calls:
            self.take(call)

    def take(self, call: Call) -> None:
        """One call more."""
        file = self.seen.get(call.path)
        match call.what:
            case "create" if file is None:
                self.name(call.path, File())
            case "unlink" if file is not None:
                self.name(call.path, None)
            case "rename" if file is not None:
                self.name(call.data.decode(), file)
                self.name(call.path, None)
            case "write" if file is not None:
                file.pending.append((file.size if call.at < 0 else call.at, call.data))
            case "truncate" if file is not None:
                file.pending.append((call.at, None))
            case "begin":
                count = len(file.pending) if file else len(self.names)
                kept = self.seen["kept"].size if call.path.endswith("cache.db-wal") and "kept" in self.seen else 0
                self.begun[call.at] = file, count, kept
            case "flush":
                file, count, kept = self.begun.pop(call.at)
                self.kept = max(self.kept, kept)
                if file is not None:
                    file.flush(count)
                else:
                    self.flush_names(call.path, count)
            case _:
                pass

    def name(self, path: str, file: File | None) -> None:
        """A name that is given or taken away, until its folder is flushed only seemingly."""
        self.names.append((path, file))
        give(self.seen, path, file)

    def flush_names(self, folder: str, count: int) -> None:
        """The first changes of names, those in this folder, reach the disk."""
        stays = [change for change in self.names[:count] if folder_of(change[0]) != folder]
        for path, file in self.names[:count]:
            if folder_of(path) == folder:
                give(self.sure, path, file)
        self.names[:count] = stays

    def left(self, rng: random.Random) -> dict[str, bytes]:
        """What a cut may leave, by name: folders remember their changes in order, and each folder so many of them."""
        there = dict(self.sure)
        upto = {folder: rng.randrange(len(self.names) + 1) for folder in sorted({folder_of(path) for path, _ in self.names})}
        for number, (path, file) in enumerate(self.names):
            if number < upto[folder_of(path)]:
                give(there, path, file)
        return {path: file.left(rng, path.endswith(".jsonl")) for path, file in sorted(there.items())}


def give(names: dict[str, File], path: str, file: File | None) -> None:
    """Name a file, or nothing."""
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def folder_of(path: str) -> str:
    return str(PurePosixPath(path).parent)


def power_cuts(folder: Path, cuts: int, say: Callable[[str], None], rows: int = 60) -> Iterator[Tried]:
    """Record one session, cut the power after so many of its system calls: a third of the cuts while it closes its files."""
    if shutil.which("strace") is None or subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode:
        say("power cuts: not tried, as strace is not there or may not trace here")
        return
    place, trace = folder / "power", folder / "trace"
    place.mkdir()
    seen = "write,pwrite64,fsync,fdatasync,ftruncate,openat,unlink,unlinkat,rename,renameat,renameat2"
    command = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={seen}"]
    done = subprocess.run([*command, sys.executable, "-c", WRITER, str(place), str(rows)], capture_output=True, text=True)
    calls = list(parsed(trace.read_text().splitlines(), place)) if done.returncode == 0 else []
    yield Tried(CACHE, bool(calls), "the session that is recorded", done.stderr[-300:])
    rng = random.Random(1)
    closing = max((n for n, call in enumerate(calls) if call.path == "kept"), default=0)
    stops = [rng.randrange(1, len(calls)) if n % 3 else rng.randrange(closing, len(calls) + 1) for n in range(cuts if calls else 0)]
    for number, stop in enumerate(sorted(stops)):
        yield from cut(folder / "cut", Disk(calls[:stop]), random.Random(number), f"cut {number} after call {stop} of {len(calls)}")


LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)\)\s+=\s+(-?\d+)")
BEGUN = re.compile(r"^(\d+)\s+(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+)\s+<\.\.\. (\w+) resumed>(.*)\)\s+=\s+(-?\d+)")
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
HANDLE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")


def parsed(lines: Iterable[str], place: Path) -> Iterator[Call]:
    """What strace's lines did to files below `place`; their names are told from there on. A call that was interrupted by another thread's counts when it
    came back; of an fsync its beginning counts, for what is written meanwhile is not promised."""
    waiting: dict[str, str] = {}
    begun: dict[str, int] = {}
    for number, line in enumerate(lines):
        if found := BEGUN.match(line):
            waiting[found[1]] = found[3]
            if found[2] in ("fsync", "fdatasync") and (path := handle(found[3], place)) is not None:
                begun[found[1]] = number
                yield Call("begin", path, number)
            continue
        if found := RESUMED.match(line):
            process, name, words, result = found[1], found[2], waiting.pop(found[1], "") + found[3], int(found[4])
        elif found := LINE.match(line):
            process, name, words, result = found[1], found[2], found[3], int(found[4])
        else:
            continue
        if result < 0:
            begun.pop(process, None)
            continue
        if name in ("fsync", "fdatasync"):
            path = handle(words, place)
            if path is not None:
                if process not in begun:
                    yield Call("begin", path, number)
                yield Call("flush", path, begun.pop(process, number))
        else:
            yield from changes(name, words, result, place)


def changes(name: str, words: str, result: int, place: Path) -> Iterator[Call]:
    """What a call changed that came back with success."""
    texts = [unescaped(text) for text in TEXT.findall(words)]
    path = handle(words, place)
    match name:
        case "openat" if "O_CREAT" in words and (path := below(texts[0], place)) is not None:
            yield Call("create", path)
            if "O_TRUNC" in words:
                yield Call("truncate", path)
        case "unlink" | "unlinkat" if (path := below(texts[0], place)) is not None:
            yield Call("unlink", path)
        case "rename" | "renameat" | "renameat2" if (path := below(texts[0], place)) is not None:
            yield Call("rename", path, 0, (below(texts[1], place) or "").encode())
        case "pwrite64" if path is not None:
            yield Call("write", path, int(words.rsplit(", ", 1)[1]), texts[0][:result])
        case "write" if path is not None:
            yield Call("write", path, -1, texts[0][:result])
        case "ftruncate" if path is not None:
            yield Call("truncate", path, int(words.rsplit(", ", 1)[1]))
        case _:
            pass


def handle(words: str, place: Path) -> str | None:
    """The file that a call's first word is open at, None for one elsewhere."""
    found = HANDLE.match(words)
    return below(unescaped(found[1]), place) if found else None


def below(path: bytes, place: Path) -> str | None:
    """A name as seen from the folder of the session; the map of a log is made anew on every start, and is nobody's data."""
    name = path.decode()
    inside = name == str(place) or name.startswith(f"{place}/")
    return str(PurePosixPath(name).relative_to(place)) if inside and not name.endswith(("-shm", "(deleted)")) else None


def unescaped(text: str) -> bytes:
    """strace's hexadecimal strings."""
    return bytes.fromhex(text.replace("\\x", ""))


def cut(place: Path, disk: Disk, rng: random.Random, where: str) -> Iterator[Tried]:
    """One state of the disk, opened."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "cache").mkdir(parents=True)
    found = disk.left(rng)
    for name, data in found.items():
        (place / name).write_bytes(data)
    if "journal.jsonl" in disk.sure and disk.sure["journal.jsonl"].sure:
        sure = disk.sure["journal.jsonl"].sure.count(b"\n")
        try:
            events, what = len(read_journal(place / "journal.jsonl")), ""
        except TopoutError as error:
            events, what = 0, str(error)
        yield Tried(JOURNAL, events >= sure, where, f"{events} of {sure} events: {what}")
    if "best.md" in found:
        text = found["best.md"].decode(errors="replace")
        yield Tried(WHOLE, text == " ".join(text.split()[:2] * 500) + " ", where, text[:80])
    if "cache/cache.db" in found:
        yield from opened(place / "cache", disk.kept, where)


def opened(folder: Path, kept: int, where: str) -> Iterator[Tried]:
    """Whether a cache opens, is sound, and holds what was written and nothing else."""
    try:
        cache = ReplyCache.open(folder)
        problems = cache.problems()
        found = {key: entry for key, entry, _ in cache.rows()}
        cache.close()
    except StoreError as error:
        yield Tried(CACHE, False, where, str(error))
        yield Tried(KEPT, kept == 0, where, f"none of {kept}")
        return
    wrong = [key for key, entry in found.items() if entry is None or entry.text != f"answer {key[4:]} " * 200]
    yield Tried(CACHE, not problems and not wrong, where, f"{problems[:1]} {wrong[:1]}")
    lost = [n for n in range(kept) if f"key-{n}" not in found]
    yield Tried(KEPT, not lost, where, f"{len(lost)} of {kept} are gone, the first is {lost[:1]}")
