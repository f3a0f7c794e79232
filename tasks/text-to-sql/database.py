"""The shop's database, and the one way in which a query of somebody else's is run on it: reading only, one statement, within limits.

Both program.py and scorer.py read this file.
"""

import atexit
import re
import sqlite3
import tempfile
import time
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).parent / "shop.sql"
ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
MOST_ROWS = 1000
MOST_SECONDS = 1.0
MOST_CHARACTERS = 1_000_000


class QueryError(Exception):
    """A query that cannot be run, in one line."""


@cache
def database() -> Path:
    """The database as a file, made of shop.sql when it is first asked for."""
    folder = tempfile.TemporaryDirectory(prefix="topout-shop-")
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "shop.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT.read_text(encoding="utf-8"))
    connection.close()
    return path


def schema() -> str:
    """The tables as SQL."""
    return "\n".join(line for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line.startswith("CREATE"))


def query_in(text: str) -> str:
    """The SQL in a reply: what stands in a fence, else all of it."""
    fence = re.search(r"```(?:sql)?\s*\n(.*?)```", text, re.S | re.I)
    return (fence[1] if fence else text).strip().rstrip(";").strip()


def run(query: str) -> list[tuple]:
    """The rows of a query. Raises QueryError for one that fails, writes, takes too long or gives too much."""
    connection = sqlite3.connect(f"{database().as_uri()}?mode=ro", uri=True)
    end = time.monotonic() + MOST_SECONDS
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CHARACTERS)
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY)
        connection.set_progress_handler(lambda: time.monotonic() > end, 2000)
        rows = connection.execute(query).fetchmany(MOST_ROWS + 1)
    except sqlite3.OperationalError as error:
        late = time.monotonic() > end
        raise QueryError(f"the query took more than {MOST_SECONDS:g} s" if late else f"SQLite: {error}") from None
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        raise QueryError(f"SQLite: {error}") from None
    finally:
        connection.close()
    if len(rows) > MOST_ROWS:
        raise QueryError(f"the query gives more than {MOST_ROWS} rows")
    return rows
