"""Replies in a real PostgreSQL: kept once, by many at a time, through broken connections, and without its password anywhere."""

from __future__ import annotations

import json
import multiprocessing
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from topout.app import load_run
from topout.app.caching import export_cache, prune_cache, stats_of, verify_cache
from topout.domain import Usage
from topout.errors import StoreError, UserError
from topout.models.cache import Entry
from topout.models.postgres_cache import PostgresCache
from topout.report.findings import Findings
from topout.testing.postgres import PASSWORD, PostgresServer
from topout.testing.provider import Provider

pytestmark = pytest.mark.cluster

ODD = Entry("NUL \x00, half a pair \ud800, ü", "stop", Usage(10, None), None, 0.25, "acme/one", "run-1")


def entry(model: str = "acme/one", cost: float | None = 0.25, text: str = "hello") -> Entry:
    return Entry(text, "stop", Usage(10, 2), cost, 0.1, model, "run")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def bare(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, as it is written down; the whole URL stands in the environment."""
    name = server.new_database()
    monkeypatch.setenv("TOPOUT_CACHE", server.url(name))
    return server.bare_url(name)


def test_what_is_put_is_what_is_got_and_the_first_reply_stays(bare: str) -> None:
    cache = PostgresCache.open(bare)
    cache.put("odd", ODD)
    cache.put("odd", entry(text="a later one"))
    assert cache.get("odd") == ODD
    assert cache.get("another") is None
    cache.close()
    assert PostgresCache.open(bare).get("odd") == ODD


def test_a_row_that_is_no_reply_is_a_miss_and_is_mended_by_the_next_one(bare: str, server: PostgresServer) -> None:
    cache = PostgresCache.open(bare)
    with psycopg.connect(server.url(bare.rpartition("/")[2])) as other:
        other.execute("INSERT INTO topout_replies (key, reply) VALUES ('k', '{\"text\": 7}')")
    assert cache.get("k") is None
    cache.put("k", ODD)
    assert cache.get("k") == ODD


def test_the_verbs_work_on_a_database(bare: str, server: PostgresServer, tmp_path: Path, topout: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match="no reply cache here"):
        stats_of(bare)
    cache = PostgresCache.open(bare)
    for i in range(2500):
        cache.put(f"a{i}", entry())
    cache.put("b", entry("acme/two", None))
    with psycopg.connect(server.url(bare.rpartition("/")[2])) as other:
        other.execute("UPDATE topout_replies SET reply = 'no JSON' WHERE key = 'a2'")
    found = stats_of(bare)
    assert (found.place, found.replies, found.damaged) == (bare, 2500, 1)
    assert {name: (kept.replies, kept.cost_usd, kept.unpriced) for name, kept in found.models.items()} == {
        "acme/one": (2499, 624.75, 0),
        "acme/two": (1, 0.0, 1),
    }
    assert time.time() - 600 < found.oldest <= found.newest <= time.time() + 60
    sound, problems = verify_cache(bare)
    assert (sound, [line.split(":")[0] for line in problems]) == (2500, ["row a2"])
    assert topout("cache", "verify").code == 100
    assert prune_cache(bare, damaged=True) == (1, 2500, 0.0)
    assert prune_cache(bare, model="acme/one", dry_run=True) == (2499, 1, 624.75)
    assert export_cache(bare, tmp_path / "out.jsonl") == 2500
    assert {json.loads(line)["text"] for line in (tmp_path / "out.jsonl").read_text().splitlines()} == {"hello"}
    assert prune_cache(bare, model="acme/one") == (2499, 1, 624.75)
    said = topout("cache", "stats", "--cache", bare)
    assert f"{bare}: 1 replies" in said.out.replace("\n", "") and said.code == 0


def test_broken_connections_are_made_anew(bare: str, server: PostgresServer) -> None:
    cache = PostgresCache.open(bare)
    for i in range(5):
        cache.put(f"k{i}", ODD)
        server.break_connections()
    assert [cache.get(f"k{i}") for i in range(5)] == [ODD] * 5


def test_a_server_that_starts_again_is_waited_for(bare: str, server: PostgresServer) -> None:
    cache = PostgresCache.open(bare)
    cache.put("before", ODD)
    server.stop()
    timer = threading.Timer(1.0, server.start)
    timer.start()
    try:
        cache.put("meanwhile", ODD)
    finally:
        timer.join()
    assert [cache.get(key) for key in ("before", "meanwhile")] == [ODD, ODD]


def test_a_reply_that_finds_no_server_waits_in_a_folder_and_is_sent_when_it_is_next_opened(
    bare: str, server: PostgresServer
) -> None:
    cache = PostgresCache.open(bare, patience_s=0.5)
    server.stop()
    try:
        for key in ("one", "two"):
            with pytest.raises(StoreError) as told:
                cache.put(key, ODD)
        with pytest.raises(StoreError, match=r"cannot use the reply cache .* Start the server or mend the address"):
            PostgresCache.open(bare)
    finally:
        server.start()
    words = str(told.value)
    assert re.search(
        r"postgresql://topout@127.0.0.1:\d+/replies\d+: cannot use the reply cache \(.*refused.*paid for meanwhile are kept in /.*unsent",
        words,
    )
    assert "\n" not in words and PASSWORD not in words
    again = PostgresCache.open(bare)
    assert [again.get("one"), again.get("two")] == [ODD, ODD]
    assert verify_cache(next(Path(".topout/unsent").iterdir())) == (0, [])


def test_a_wrong_password_is_told_at_once_and_never_shown(
    bare: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPOUT_CACHE", bare.replace("topout@", "topout:wr0ng@"))
    began = time.monotonic()
    with pytest.raises(StoreError, match="password authentication failed") as told:
        PostgresCache.open(bare)
    assert time.monotonic() - began < 5
    assert "wr0ng" not in str(told.value)


def shown(place: Path) -> str:
    """Everything that is written below a folder, and what stands in the files' names."""
    return "\n".join(f"{path} {path.read_bytes().decode(errors='replace')}" for path in sorted(place.rglob("*")) if path.is_file())


def test_a_run_is_killed_and_resumed_from_the_database_and_no_file_knows_the_password(
    bare: str,
    server: PostgresServer,
    slow_provider: Provider,
    tiny_task: Path,
    start: Any,
    topout: Any,
    tmp_path: Path,
    prices: list[str],
) -> None:
    words = [
        "optimize",
        tiny_task,
        *slow_provider.words,
        "--max-calls",
        300,
        "--max-cost",
        10**6,
        *prices,
        "--concurrency",
        4,
        "-q",
    ]
    killed = start(*words)
    while slow_provider.arrived < 100:
        time.sleep(0.01)
        assert killed.poll() is None, killed.communicate()
    killed.kill()
    killed.wait()
    run = next(Path("runs").glob("*/journal.jsonl")).parent
    assert topout("resume", run, "-q").code == 0
    found = load_run(run).findings
    paid = [done.rollout.key for done in found.rollouts if done.rollout.paid]
    assert len(paid) == len(set(paid)) > 100
    lost = slow_provider.arrived - bought(found)
    assert 0 <= lost <= 8
    assert found.started.settings["cache_dir"] == bare
    again = topout(*words, "--runs-dir", "again")
    assert again.code == 0
    assert bought(load_run(next(Path("again").glob("2*"))).findings) == 0
    assert bare in topout("cache", "stats").out.replace("\n", "")
    everything = "".join(f"{path} {path.read_bytes().decode(errors='replace')}" for path in tmp_path.rglob("*") if path.is_file())
    assert bare in everything
    assert not [secret for secret in (PASSWORD, quote(PASSWORD, safe="")) if secret in everything + again.out + again.err]
    assert not Path(".topout").exists()


def bought(found: Findings) -> int:
    """Calls that were paid for."""
    return sum(found.spend[role].paid_calls for role in ("task", "exam", "critic"))


def test_a_server_that_dies_in_the_middle_ends_the_run_with_a_sentence_and_a_resume_buys_nothing_twice(
    bare: str, slow_provider: Provider, tiny_task: Path, topout: Any, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("topout.app.workbench.open_cache", lambda place: PostgresCache.open(place, patience_s=1.0))

    def die() -> None:
        while slow_provider.arrived < 100:
            time.sleep(0.005)
        server.stop()

    reaper = threading.Thread(target=die)
    reaper.start()
    said = topout("optimize", tiny_task, *slow_provider.words, "--max-calls", 400, "--concurrency", 8, "-q")
    reaper.join()
    server.start()
    assert "cannot use the reply cache" in said.line and "topout resume" in said.line
    assert said.code != 0 and slow_provider.arrived < 150
    run = next(Path("runs").glob("*/journal.jsonl")).parent
    done = topout("resume", run, "-q")
    assert done.code == 0, done.err
    found = load_run(run).findings
    assert slow_provider.arrived == bought(found)
    assert verify_cache(bare)[1] == []


def write_many(place: str, whole: str, writer: int, count: int) -> None:
    """What one of several processes does at the same time."""
    cache = PostgresCache.open(place, {"TOPOUT_CACHE": whole})
    for i in range(count):
        cache.put(f"{writer}/{i}", entry(f"acme/{writer}"))
        cache.put(f"shared/{i}", entry("acme/shared", text=f"of {writer}"))
    cache.close()


def written_by(writers: int, count: int, place: str, whole: str) -> float:
    """Writes a second of so many processes at once, each with rows of its own and as many that all of them want to write first."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write_many, args=(place, whole, i, count)) for i in range(writers)]
    began = time.monotonic()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    took = time.monotonic() - began
    assert [process.exitcode for process in processes] == [0] * writers
    assert verify_cache(place) == ((writers + 1) * count, [])
    expected = {f"acme/{i}": count for i in range(writers)} | {"acme/shared": count}
    assert {name: kept.replies for name, kept in stats_of(place).models.items()} == expected
    return 2 * writers * count / took


def test_processes_that_make_the_table_and_write_at_once_lose_nothing(bare: str, server: PostgresServer) -> None:
    assert written_by(4, 100, bare, server.url(bare.rpartition("/")[2])) > 0


@pytest.mark.slow
def test_eight_processes_of_ten_thousand_writes_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with PostgresServer(fsync=True) as careful:
        monkeypatch.setenv("TOPOUT_CACHE", careful.url())
        rate = written_by(8, 10_000, careful.bare_url(), careful.url())
    print(f"8 processes, 160,000 writes of 90,000 replies, none lost: {rate:,.0f} writes a second")
