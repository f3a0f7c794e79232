"""Replies in PostgreSQL, shared by all machines of a fleet: the same rows as on disk, in one table, each written once.

    CREATE TABLE topout_replies (key text PRIMARY KEY, reply text NOT NULL, kept_at timestamptz NOT NULL DEFAULT now())

The first reply to a request that is kept stays (ON CONFLICT DO NOTHING), so a write may be repeated at will: a connection that broke before the server could
say that it had committed costs nothing but the repetition. `reply` is JSON in ASCII as text: PostgreSQL's own types refuse NUL, which a model may say.

A server that is gone is waited for, then the run ends with a sentence. What was paid for and could not be written goes to a folder beside
the disk cache, and into the table when it is next opened from there: no reply that was paid for is lost with a connection.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import unquote

from topout.config.databases import address_with_password
from topout.errors import StoreError, UserError
from topout.models.cache import Entry, ReplyCache, entry_of, text_of

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresCache"]

T = TypeVar("T")

TABLE = "topout_replies"
MADE = f"CREATE TABLE IF NOT EXISTS {TABLE} (key text PRIMARY KEY, reply text NOT NULL, kept_at timestamptz NOT NULL DEFAULT now())"
PUT = f"INSERT INTO {TABLE} (key, reply) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"
MEND = f"UPDATE {TABLE} SET reply = %s, kept_at = now() WHERE key = %s AND reply = %s"
GET = f"SELECT reply FROM {TABLE} WHERE key = %s"
DELETE = f"DELETE FROM {TABLE} WHERE key = ANY(%s)"
BATCH = 1000
READ = f"SELECT key, reply, kept_at FROM {TABLE} WHERE key > %s ORDER BY key LIMIT {BATCH}"
LANES = 8
PATIENCE_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
UNSENT = Path(".topout/unsent")
CONNECTING: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "topout",
}


class PostgresCache:
    """Replies by request key, in a database. Open it with `PostgresCache.open`; it may be used by several threads at once, `lanes` of them without waiting."""

    lanes = LANES

    def __init__(self, place: str, address: str, secret: str, patience_s: float, unsent: Path) -> None:
        self._place = place
        self._address = address
        self._secret = secret
        self._patience_s = patience_s
        self._unsent = unsent / hashlib.sha256(place.encode()).hexdigest()[:16]
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()
        self._hurry = threading.Event()

    @classmethod
    def open(
        cls,
        place: str,
        environ: Mapping[str, str] = os.environ,
        *,
        make: bool = True,
        patience_s: float = PATIENCE_S,
        unsent: Path = UNSENT,
    ) -> Self:
        """Connect to a recorded place (see topout.config.databases) and make the table if it is not there.

        `patience_s` is how long a lost server is waited for; at opening it is not waited for at all. Raises UserError when psycopg is missing or, with `make`
        False, when there is no table; StoreError when the server cannot be used.
        """
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise UserError(
                "--cache: PostgreSQL needs psycopg, which is not installed here: pip install 'topout[postgres]'"
            ) from error
        address, secret = address_with_password(place, environ)
        cache = cls(place, address, secret, patience_s, unsent)
        cache._run(lambda connection: cache._begin(connection, make), patience_s=0.0)
        cache._send_unsent()
        return cache

    def get(self, key: str) -> Entry | None:
        """The reply to a request, None when there is none or its row is not one that we wrote. Raises StoreError."""
        row = self._run(lambda connection: connection.execute(GET, (key,)).fetchone())
        return None if row is None else entry_of(str(row[0]))

    def put(self, key: str, entry: Entry) -> None:
        """Keep a reply, unless there is one already; on return it is committed. Raises StoreError: then the reply waits in a folder for the next opening."""
        try:
            self._put(key, text_of(entry))
        except StoreError as problem:
            self._hurry.set()  # who has waited once for this server has waited for all that are still to come
            with self._lock:
                kept = ReplyCache.open(self._unsent)
                try:
                    kept.put(key, entry)
                finally:
                    kept.close()
            raise StoreError(
                f"{problem} Replies that were paid for meanwhile are kept in {self._unsent.resolve()}, and go to the database when a command in this "
                "folder next uses it."
            ) from problem

    def rows(self) -> Iterator[tuple[str, Entry | None, float]]:
        """Every row as (key, reply, when it was kept in seconds since 1970); None for a row that is not one that we wrote. In batches: memory stays level."""
        last = ""
        while True:
            batch = self._read_after(last)
            for key, reply, kept_at in batch:
                yield str(key), entry_of(str(reply)), kept_at.timestamp() if isinstance(kept_at, datetime) else 0.0
            if len(batch) < BATCH:
                return
            last = str(batch[-1][0])

    def drop(self, keys: Iterable[str]) -> int:
        """Remove rows; how many were there. Their room is used again by the server. Raises StoreError."""
        waiting, gone = iter(keys), 0
        while batch := list(islice(waiting, BATCH)):
            gone += self._delete(batch)
        return gone

    def problems(self) -> list[str]:
        """Nothing: a server that finds a page of its own damaged says so when it is read."""
        return []

    def size_bytes(self) -> int:
        """Bytes of the table on the server's disk, its index included."""
        row = self._run(lambda connection: connection.execute(f"SELECT pg_total_relation_size('{TABLE}')").fetchone())
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Let the connections go. Idempotent."""
        self._hurry.set()
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def hurry(self) -> None:
        """From now on a lost server is not waited for any more: the run is ending."""
        self._hurry.set()

    def _put(self, key: str, text: str) -> None:
        def work(connection: psycopg.Connection[Any]) -> None:
            if connection.execute(PUT, (key, text)).rowcount:
                return
            row = connection.execute(GET, (key,)).fetchone()
            if row is not None and entry_of(str(row[0])) is None:  # not a reply: it would be asked for, and paid, every time
                connection.execute(MEND, (text, key, row[0]))

        self._run(work)

    def _read_after(self, key: str) -> list[tuple[object, ...]]:
        return self._run(lambda connection: connection.execute(READ, (key,)).fetchall())

    def _delete(self, keys: list[str]) -> int:
        return self._run(lambda connection: connection.execute(DELETE, (keys,)).rowcount)

    def _begin(self, connection: psycopg.Connection[Any], make: bool) -> None:
        there = connection.execute("SELECT to_regclass(%s)", (TABLE,)).fetchone()
        if there is not None and there[0] is not None:
            return
        if not make:
            raise UserError(f"{self._place}: no reply cache here. The first run with --cache {self._place} makes it.")
        with connection.transaction():  # two that make it at once would trip over each other
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (TABLE,))
            connection.execute(MADE)

    def _send_unsent(self) -> None:
        if not (self._unsent / "cache.db").is_file():
            return
        kept = ReplyCache.open(self._unsent)
        try:
            sent = []
            for key, entry, _ in kept.rows():
                if entry is not None:
                    self._put(key, text_of(entry))
                    sent.append(key)
            kept.drop(sent)
        finally:
            kept.close()

    def _run(self, work: Callable[[psycopg.Connection[Any]], T], patience_s: float | None = None) -> T:
        """Do `work` on a connection; on a new one when that was lost, for as long as patience lasts. All work here may be done twice."""
        import psycopg

        give_up = time.monotonic() + (self._patience_s if patience_s is None else patience_s)
        pause_s = FIRST_PAUSE_S
        while True:
            connection = None
            try:
                with self._lock:
                    connection = self._idle.pop() if self._idle else None
                if connection is None:
                    connection = psycopg.connect(self._address, autocommit=True, prepare_threshold=None, **CONNECTING)
                done = work(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
                self._discard(connection)
                if self._hurry.is_set() or time.monotonic() >= give_up:
                    raise self._explained(problem) from None  # its traceback would hold the address
                self._hurry.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            except psycopg.Error as problem:
                self._discard(connection)
                raise self._explained(problem) from None
            except BaseException:
                self._discard(connection)
                raise
            else:
                with self._lock:
                    self._idle.append(connection)
                return done

    def _discard(self, connection: psycopg.Connection[Any] | None) -> None:
        """What one thread has lost, the others have lost as well."""
        with self._lock:
            idle, self._idle = self._idle, []
        for lost in (connection, *idle):
            if lost is not None:
                lost.close()

    def _explained(self, problem: psycopg.Error) -> StoreError:
        """The server's own words in one line, without the password."""
        import psycopg

        lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
        words = lines[0] if lines else type(problem).__name__
        for secret in filter(None, (self._secret, unquote(self._secret))):
            words = words.replace(secret, "***")
        match problem:
            case psycopg.errors.InsufficientPrivilege() | psycopg.errors.ReadOnlySqlTransaction():
                remedy = f"Its user must be allowed to SELECT, INSERT, UPDATE and DELETE in {TABLE} (and to CREATE it at first)."
            case psycopg.errors.DiskFull():
                remedy = "Free some space on the server; nothing that was kept before is lost."
            case psycopg.OperationalError() | psycopg.InterfaceError():
                remedy = "Start the server or mend the address, then go on with `topout resume`; nothing that was kept is lost."
            case _:
                remedy = "Use another database."
        return StoreError(f"{self._place}: cannot use the reply cache ({words.rstrip('.')}). {remedy}")
