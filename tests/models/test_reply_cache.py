"""Replies on disk: kept for good, and harmless when somebody else wrote the file."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import diskcache
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topout.domain import Usage
from topout.errors import StoreError
from topout.models.cache import Entry, ReplyCache

ENTRY = Entry("the answer", "stop", Usage(10, 5), 0.001, 0.25, "m", "run-1")
KEY = "a" * 64
GOOD = {
    "text": "t",
    "finish_reason": "stop",
    "prompt_tokens": 1,
    "output_tokens": 2,
    "cost_usd": 0.1,
    "latency_s": 0.1,
    "model": "m",
    "run": "r",
}


def rewrite(folder: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(folder / "cache.db") as connection:
        connection.execute(sql, values)
    connection.close()


@settings(max_examples=40, deadline=None)
@given(
    text=st.text(st.characters()),
    tokens=st.none() | st.integers(0, 10**6),
    cost=st.none() | st.floats(0, 1e3),
    latency=st.floats(0, 1e4),
)
def test_what_is_put_is_what_is_got(
    tmp_path_factory: pytest.TempPathFactory, text: str, tokens: int | None, cost: float | None, latency: float
) -> None:
    text = text.encode("utf-8", "replace").decode()
    cache = ReplyCache.open(tmp_path_factory.getbasetemp() / "shared")
    entry = Entry(text, "length", Usage(tokens, None), cost, latency, "m", "r")
    cache.put(KEY, entry)
    assert cache.get(KEY) == entry
    cache.close()


def test_a_closed_and_reopened_cache_still_knows_its_replies(tmp_path: Path) -> None:
    cache = ReplyCache.open(tmp_path / "deep" / "cache")
    cache.put(KEY, ENTRY)
    cache.close()
    assert ReplyCache.open(tmp_path / "deep" / "cache").get(KEY) == ENTRY
    assert ReplyCache.open(tmp_path / "deep" / "cache").get("b" * 64) is None


def test_nothing_is_evicted_even_when_another_opener_had_set_a_tiny_limit(tmp_path: Path) -> None:
    other = diskcache.Cache(str(tmp_path), size_limit=1024, eviction_policy="least-recently-used", cull_limit=10, statistics=1)
    other.close()
    cache = ReplyCache.open(tmp_path)
    long = Entry("x" * 50_000, "stop", Usage(), None, 0.0, "m", "r")
    for number in range(60):
        cache.put(str(number), long)
    assert all(cache.get(str(number)) == long for number in range(60))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache.db", "cache.db-shm", "cache.db-wal"]


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("where", ["in the row", "in a file", "as the key"])
def test_a_planted_pickle_is_a_miss_and_never_runs(tmp_path: Path, where: str) -> None:
    trace = tmp_path / "executed"
    folder = tmp_path / "cache"
    cache = ReplyCache.open(folder)
    cache.put(KEY, ENTRY)
    cache.close()
    bomb = pickle.dumps(_Bomb(trace))
    match where:
        case "in the row":
            rewrite(folder, "UPDATE Cache SET mode = 4, value = ?", bomb)
        case "in a file":
            (folder / "bomb.val").write_bytes(bomb)
            rewrite(folder, "UPDATE Cache SET mode = 4, value = NULL, filename = 'bomb.val'")
        case _:
            rewrite(folder, "UPDATE Cache SET key = ?, raw = 0", bomb)
    cache = ReplyCache.open(folder)
    assert cache.get(KEY) is None
    with suppress(OSError):  # who walks over the rows as diskcache does meets none of it either
        list(cache._cache)
    assert not trace.exists()
    cache.put(KEY, ENTRY)
    assert cache.get(KEY) == ENTRY
    assert not trace.exists()


@pytest.mark.parametrize(
    "value",
    [
        None,
        17,
        b"bytes",
        "",
        "not json",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        json.dumps({**GOOD, "text": 5}),
        json.dumps({**GOOD, "prompt_tokens": "many"}),
        json.dumps({**GOOD, "cost_usd": float("nan")}),
        json.dumps({**GOOD, "cost_usd": 1e999}),
        json.dumps({**GOOD, "cost_usd": -1.0}),
        json.dumps({**GOOD, "latency_s": None}),
        json.dumps({name: value for name, value in GOOD.items() if name != "run"}),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_row_that_we_did_not_write_is_a_miss(tmp_path: Path, value: object) -> None:
    cache = ReplyCache.open(tmp_path)
    cache.put(KEY, ENTRY)
    rewrite(tmp_path, "UPDATE Cache SET value = ?", value)
    assert cache.get(KEY) is None


def test_a_file_that_is_no_database_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"these are not the bytes you are looking for" * 100)
    with pytest.raises(StoreError, match=r"cache\.db: this reply cache is damaged .* Move or delete it"):
        ReplyCache.open(tmp_path)


def test_a_truncated_database_is_named_with_its_remedy(tmp_path: Path) -> None:
    cache = ReplyCache.open(tmp_path)
    for number in range(200):
        cache.put(str(number), ENTRY)
    cache.close()
    file = tmp_path / "cache.db"
    file.write_bytes(file.read_bytes()[: 4096 * 5])

    def use() -> None:
        reopened = ReplyCache.open(tmp_path)
        for number in range(200):
            reopened.get(str(number))

    with pytest.raises(StoreError, match=r"cache\.db: this reply cache is damaged .* Move or delete it"):
        use()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match=r"taken/cache/cache\.db: cannot use the reply cache") as caught:
        ReplyCache.open(tmp_path / "taken" / "cache")
    assert "\n" not in str(caught.value)


def test_a_database_that_may_not_be_written_is_one_line(tmp_path: Path) -> None:
    cache = ReplyCache.open(tmp_path)
    cache._cache._sql("PRAGMA query_only = 1")
    with pytest.raises(StoreError, match=r"cannot use the reply cache \(attempt to write a readonly database\)\. Choose one that"):
        cache.put(KEY, ENTRY)
    assert cache.get(KEY) is None


_FULL = """
import resource, signal, sys
from pathlib import Path
from topout.domain import Usage
from topout.errors import StoreError
from topout.models.cache import Entry, ReplyCache

def attempt(what):
    try:
        what()
    except StoreError as problem:
        print(problem)

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
cache = ReplyCache.open(folder)
cache.put("kept", Entry("kept", "stop", Usage(), None, 0.0, "m", "r"))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
attempt(lambda: [cache.put(str(n), Entry("x" * 9000, "stop", Usage(), None, 0.0, "m", "r")) for n in range(100)])
print(cache.get("kept").text)
cache.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
attempt(lambda: ReplyCache.open(folder))
"""


def test_a_disk_without_room_is_told_in_one_line_when_writing_and_when_opening(tmp_path: Path) -> None:
    """A limit on file sizes stands in for a full disk: writes fail in the same place."""
    done = subprocess.run([sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    writing, kept, opening = done.stdout.splitlines()
    assert "cannot write the reply cache" in writing and "Free some space" in writing
    assert kept == "kept"
    assert "cannot write the reply cache" in opening
    assert ReplyCache.open(tmp_path).get("kept") is not None


def test_two_processes_write_side_by_side_and_lose_nothing(tmp_path: Path) -> None:
    program = """
import sys
import threading
import time
from pathlib import Path
from topout.domain import Usage
from topout.models.cache import Entry, ReplyCache
cache = ReplyCache.open(Path(sys.argv[1]))
for n in range(300):
    cache.put(f"{sys.argv[2]}-{n}", Entry(sys.argv[2], "stop", Usage(), None, 0.0, "m", "r"))
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    cache = ReplyCache.open(tmp_path)
    assert all(cache.get(f"{name}-{number}") is not None for name in ("a", "b") for number in range(300))


def flushes(folder: Path, monkeypatch: pytest.MonkeyPatch, problem: OSError | None = None) -> threading.Event:
    """Told when the log of the cache in that folder was flushed; the flush fails with `problem`. Other caches of this process flush as they like."""
    flushed = threading.Event()
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)
        if name.startswith(str(folder.resolve())) and name.endswith("cache.db-wal"):
            flushed.set()
            if problem is not None:
                raise problem

    monkeypatch.setattr("topout.models.cache.os.fsync", noticed)
    monkeypatch.setattr("topout.models.cache.SYNC_AFTER_S", 0.01)
    return flushed


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the names of open files are read from /proc")


@needs_proc
def test_a_reply_is_flushed_a_second_after_it_came_though_none_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = flushes(tmp_path, monkeypatch)
    cache = ReplyCache.open(tmp_path)
    assert not flushed.wait(0.1)
    cache.put(KEY, ENTRY)
    assert flushed.wait(20)
    cache.close()
    cache.close()


@needs_proc
def test_closing_flushes_what_came_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = flushes(tmp_path, monkeypatch)
    monkeypatch.setattr("topout.models.cache.SYNC_AFTER_S", 600.0)
    other, cache = ReplyCache.open(tmp_path), ReplyCache.open(tmp_path)
    cache.put(KEY, ENTRY)
    assert not flushed.is_set()
    cache.close()
    assert flushed.is_set()
    other.close()


@needs_proc
def test_a_disk_that_fails_while_flushing_is_told_with_the_next_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = flushes(tmp_path, monkeypatch, OSError(5, "Input/output error"))
    cache = ReplyCache.open(tmp_path)
    cache.put(KEY, ENTRY)
    assert flushed.wait(20)
    with pytest.raises(StoreError, match=r"cannot use the reply cache \(Input/output error\)"):
        for _ in range(1000):
            cache.put(KEY, ENTRY)
            time.sleep(0.01)
    assert cache.get(KEY) == ENTRY
    cache.close()


def test_what_is_dropped_gives_its_room_back_to_the_disk(tmp_path: Path) -> None:
    cache = ReplyCache.open(tmp_path)
    keys = [f"{i:064}" for i in range(100)]
    for key in keys:
        cache.put(key, replace(ENTRY, text=key * 200))
    cache.close()
    before = ReplyCache.open(tmp_path)
    full = before.size_bytes()
    assert before.drop(keys[1:]) == 99
    before.close()
    after = ReplyCache.open(tmp_path)
    assert after.get(keys[0]) is not None
    assert after.size_bytes() < full / 10
    after.close()
