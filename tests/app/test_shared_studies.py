"""A run in a storage of Optuna in a real PostgreSQL: many machines can read it, it may go away, and its password goes nowhere."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
import psycopg
import pytest
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial

from topout.app.mirroring import LOST
from topout.domain import AttemptDone
from topout.store.journal import read_journal
from topout.testing.postgres import PASSWORD, PostgresServer
from topout.testing.provider import Provider

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as started:
        yield started


@pytest.fixture
def database(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty one; the whole URL stands in the environment."""
    name = server.new_database()
    monkeypatch.setenv("TOPOUT_STUDY", server.url(name))
    return name


def trials(server: PostgresServer, database: str) -> list[FrozenTrial]:
    """What a stranger sees there."""
    storage = RDBStorage("postgresql+psycopg://", {"creator": lambda: psycopg.connect(server.url(database))})
    (study,) = storage.get_all_studies()
    return list(optuna.load_study(study_name=study.study_name, storage=storage).trials)


def states(server: PostgresServer, database: str) -> list[str]:
    """The states of the trials so far, none before there are tables."""
    with psycopg.connect(server.url(database)) as connection:
        if connection.execute("SELECT to_regclass('trials')").fetchone() == (None,):
            return []
        return [str(row[0]) for row in connection.execute("SELECT state FROM trials").fetchall()]


def attempts() -> list[int]:
    run = next(Path("runs").glob("2*"))
    return [e.attempt.number for e in read_journal(run / "journal.jsonl") if isinstance(e, AttemptDone)]


def test_a_driver_is_killed_and_resumed_and_no_file_knows_the_password(
    server: PostgresServer, database: str, slow_provider: Provider, tiny_task: Path, start: Any, topout: Any, tmp_path: Path
) -> None:
    killed = start("optimize", tiny_task, *slow_provider.words, "--max-calls", 400, "--concurrency", 2, "-q")
    until = time.monotonic() + 300
    while "COMPLETE" not in (seen := states(server, database)) or "RUNNING" not in seen:
        assert time.monotonic() < until and killed.poll() is None, killed.communicate()
        time.sleep(0.1)
    killed.kill()
    out, err = killed.communicate()
    assert "RUNNING" in states(server, database)
    said = topout("resume", "latest", "-q")
    assert said.code == 0
    after = trials(server, database)
    assert not [t for t in after if t.state.name == "RUNNING"]
    assert Counter(t.user_attrs["attempt"] for t in after if t.user_attrs["outcome"] != LOST) == Counter(attempts())
    everything = "".join(f"{path} {path.read_bytes().decode(errors='replace')}" for path in tmp_path.rglob("*") if path.is_file())
    assert server.bare_url(database) in everything
    told = everything + out + err + said.out + said.err
    assert not [secret for secret in (PASSWORD, quote(PASSWORD, safe="")) if secret in told]


def test_a_server_that_is_gone_for_a_while_stops_nothing_and_has_every_attempt_in_the_end(
    server: PostgresServer,
    database: str,
    slow_provider: Provider,
    tiny_task: Path,
    topout: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("topout.app.mirroring.BEAT_S", 0.5)

    def absent() -> None:
        while slow_provider.arrived < 60:
            time.sleep(0.01)
        server.stop()
        time.sleep(3)
        server.start()

    away = threading.Thread(target=absent)
    away.start()
    said = topout("optimize", tiny_task, *slow_provider.words, "--max-calls", 500, "--concurrency", 1, "-q")
    away.join()
    assert said.code == 0
    assert said.err.count("--study") <= 1  # Optuna itself waits some seconds for a server
    assert PASSWORD not in said.err
    assert Counter(t.user_attrs["attempt"] for t in trials(server, database)) == Counter(attempts())


def test_a_server_that_is_not_there_is_said_once_and_stops_nothing(
    server: PostgresServer, database: str, tiny_task: Path, topout: Any
) -> None:
    server.stop()
    try:
        said = topout("optimize", tiny_task, "--max-calls", 300, "-q")
    finally:
        server.start()
    assert said.code == 0
    assert said.err.count("\n") == 1 and said.err.startswith(f"--study {server.bare_url(database)}: cannot be written (")
    assert PASSWORD not in said.err


def test_a_wrong_password_is_said_and_not_shown(
    server: PostgresServer, database: str, tiny_task: Path, topout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOPOUT_STUDY", server.bare_url(database).replace("topout@", "topout:wr0ng@"))
    said = topout("optimize", tiny_task, "--max-calls", 300, "-q")
    assert said.code == 0
    assert "password authentication failed" in said.err and "wr0ng" not in said.err + said.out
