"""`topout cache`: what is kept, whether it is sound, and less of it."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from topout.app.caching import export_cache, prune_cache, stats_of, verify_cache
from topout.cli import main
from topout.domain import Usage
from topout.errors import UserError
from topout.models.cache import Entry, ReplyCache


def entry(model: str, cost: float | None = 0.25) -> Entry:
    return Entry("hello", "stop", Usage(10, 2), cost, 0.1, model, "run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three replies of one model, one of another without a price, and a row that nobody of us wrote."""
    cache = ReplyCache.open(tmp_path / "cache")
    for i in range(3):
        cache.put(f"a{i}", entry("acme/one"))
    cache.put("b", entry("acme/two", None))
    cache.close()
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as db:
        db.execute("UPDATE Cache SET value = '{\"text\": 7}' WHERE key = 'a2'")
    return tmp_path / "cache"


def test_stats_count_by_model_and_tell_damaged_rows(folder: Path) -> None:
    found = stats_of(folder)
    assert (found.replies, found.damaged) == (3, 1)
    assert {name: (kept.replies, kept.cost_usd, kept.unpriced) for name, kept in found.models.items()} == {
        "acme/one": (2, 0.5, 0),
        "acme/two": (1, 0.0, 1),
    }
    assert 0 < found.oldest <= found.newest
    assert found.size_bytes > 1000


def test_verify_names_the_damaged_row_and_the_verb_exits_with_100(folder: Path) -> None:
    sound, problems = verify_cache(folder)
    assert sound == 3
    assert [line.split(":")[0] for line in problems] == ["row a2"]
    assert main(["cache", "verify", "--cache-dir", str(folder)]) == 100
    assert prune_cache(folder, damaged=True) == (1, 3, 0.0)
    assert verify_cache(folder) == (3, [])
    assert main(["cache", "verify", "--cache-dir", str(folder)]) == 0


def test_a_row_under_a_strange_key_is_told_and_pruned_like_any_damaged_one(folder: Path) -> None:
    with sqlite3.connect(folder / "cache.db") as db:
        db.execute("UPDATE Cache SET raw = 0, key = ? WHERE key = 'a0'", (b"cos\nsystem\n(S'true'\ntR.",))
        db.execute("UPDATE Cache SET mode = 2, value = NULL, filename = '../../x' WHERE key = 'a1'")
    sound, problems = verify_cache(folder)
    assert sound == 1
    assert [line.split(":")[0] for line in problems] == ["row number 1", "row a1", "row a2"]
    assert prune_cache(folder, damaged=True) == (3, 1, 0.0)
    assert verify_cache(folder) == (1, [])


def test_more_rows_than_a_page_are_all_seen_once(tmp_path: Path) -> None:
    cache = ReplyCache.open(tmp_path)
    for i in range(2500):
        cache.put(f"{i:04}", entry(f"acme/{i % 5}"))
    cache.close()
    assert sorted(key for key, _, _ in ReplyCache.open(tmp_path).rows()) == [f"{i:04}" for i in range(2500)]
    assert prune_cache(tmp_path, model="acme/3") == (500, 2000, 125.0)
    assert {name: kept.replies for name, kept in stats_of(tmp_path).models.items()} == dict.fromkeys(
        ("acme/0", "acme/1", "acme/2", "acme/4"), 500
    )


def test_prune_removes_what_is_named_and_nothing_else(folder: Path) -> None:
    assert prune_cache(folder, model="acme/one", dry_run=True) == (2, 2, 0.5)
    assert stats_of(folder).replies == 3
    assert prune_cache(folder, model="acme/one") == (2, 2, 0.5)
    assert list(stats_of(folder).models) == ["acme/two"]
    assert prune_cache(folder, model="acme/two", older_than_days=1) == (0, 2, 0.0)
    with pytest.raises(UserError, match="say what is to go"):
        prune_cache(folder)


def test_export_writes_every_sound_reply_once_and_never_over_a_file(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "replies.jsonl"
    assert export_cache(folder, out) == 3
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(row["key"] for row in rows) == ["a0", "a1", "b"]
    assert {row["text"] for row in rows} == {"hello"}
    with pytest.raises(UserError, match="is there already"):
        export_cache(folder, out)


def test_looking_makes_no_cache(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no reply cache here"):
        stats_of(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def write_many(folder: str, writer: int, count: int) -> None:
    """What one of several processes does at the same time."""
    cache = ReplyCache.open(Path(folder))
    for i in range(count):
        cache.put(f"{writer}/{i}", entry(f"acme/{writer}"))
    cache.close()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    counts = written_by(4, 250, tmp_path)
    assert counts == {f"acme/{i}": 250 for i in range(4)}


@pytest.mark.slow
def test_eight_processes_of_ten_thousand_writes_lose_nothing(tmp_path: Path) -> None:
    assert written_by(8, 10_000, tmp_path) == {f"acme/{i}": 10_000 for i in range(8)}


def written_by(writers: int, count: int, folder: Path) -> dict[str, int]:
    """Replies by model after so many processes wrote so many each."""
    context = multiprocessing.get_context("spawn")
    ReplyCache.open(folder / "cache").close()
    processes = [context.Process(target=write_many, args=(str(folder / "cache"), i, count)) for i in range(writers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * writers
    assert verify_cache(folder / "cache") == (writers * count, [])
    return {name: kept.replies for name, kept in stats_of(folder / "cache").models.items()}
