"""A prompt registry of one's own, here an SQLite file. Use it with `topout export RUN --to mine.py --uri prompts.db --alias production`.

topout decides whether a prompt is new and whether an alias may move; a registry only keeps and finds. To ship it in a package, name a
RegistryTarget in pyproject.toml, and it has a name of its own for --to:

    [project.entry-points."topout.exporters"]
    mine = "your_package.mine:TARGET"
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from topout.contracts import Carried, Offer, Registered, Registry, RegistryTarget
from topout.domain import Json
from topout.errors import UserError
from topout.exporters.text_file import files_prompt, prompt_files

TABLES = """
    CREATE TABLE IF NOT EXISTS versions (name TEXT, version INTEGER, prompt TEXT, demos TEXT, record TEXT, PRIMARY KEY (name, version));
    CREATE TABLE IF NOT EXISTS aliases (name TEXT, alias TEXT, version INTEGER, PRIMARY KEY (name, alias));
"""
BUSY_S = 10.0


def connect(address: str) -> Registry:
    """What topout calls with --uri ('' for none). Nothing is opened yet."""
    return SqliteRegistry(Path(address or "prompts.db"))


TARGET = RegistryTarget(connect)


class SqliteRegistry:
    """Versions and aliases in two tables."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def carries(self, offer: Offer) -> Carried:
        """What would be read back, and what the format loses. Raises UserError for a prompt or a name that does not fit."""
        files, warnings = prompt_files(offer.prompt)
        return Carried(files_prompt(files), warnings)

    def find(self, name: str, pointer: str) -> Registered | None:
        """The version that an alias points at, or the version of that number."""
        if not self._file.exists():
            return None
        with self._open() as db:
            pointed = db.execute("SELECT version FROM aliases WHERE name = ? AND alias = ?", (name, pointer)).fetchone()
            row = db.execute(
                "SELECT version, prompt, demos, record FROM versions WHERE name = ? AND version = ?",
                (name, pointed[0] if pointed else pointer),
            ).fetchone()
        return registered(*row) if row else None

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        """The newest first."""
        if not self._file.exists():
            return []
        with self._open() as db:
            rows = db.execute(
                "SELECT version, prompt, demos, record FROM versions WHERE name = ? ORDER BY version DESC LIMIT ?", (name, most)
            ).fetchall()
        return [registered(*row) for row in rows]

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        """A new version, whole or not at all. No alias moves."""
        files = {file: data.decode() for file, data in prompt_files(offer.prompt)[0].items()}
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            (last,) = db.execute("SELECT coalesce(max(version), 0) FROM versions WHERE name = ?", (offer.name,)).fetchone()
            row = (offer.name, last + 1, files["prompt.md"], files["demos.jsonl"], json.dumps(dict(record)))
            db.execute("INSERT INTO versions VALUES (?, ?, ?, ?, ?)", row)
        return str(last + 1)

    def point(self, name: str, alias: str, version: str) -> None:
        """Let the alias point there, whatever it pointed at."""
        with self._open() as db:
            db.execute("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", (name, alias, int(version)))

    def address(self, name: str, pointer: str) -> str:
        """What a person uses to find it."""
        return f"{self._file}: {name}@{pointer}"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database; what is done with it holds together."""
        try:
            db = sqlite3.connect(self._file, timeout=BUSY_S)
            try:
                db.executescript(TABLES)
                with db:
                    yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise UserError(f"--uri {self._file}: {error}. Name an SQLite file that can be written.") from error


def registered(version: int, prompt: str, demos: str, record: str) -> Registered:
    """A row as topout wants it."""
    known: dict[str, Json] = json.loads(record)
    return Registered(str(version), files_prompt({"prompt.md": prompt.encode(), "demos.jsonl": demos.encode()}), known)
