"""A real PostgreSQL for tests: a cluster of its own in a folder, on a free port of loopback, from the packages of the system (`apt-get install postgresql`)."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

__all__ = ["PostgresServer", "free_port", "postgres_programs"]

USER = "topout"
PASSWORD = "p@ss:word/with#signs"
SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "120", "shared_buffers": "64MB"}


def postgres_programs() -> Path | None:
    """The folder of initdb and pg_ctl, None when PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].partition(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class PostgresServer:
    """Started on entering, gone with its data on leaving. `url` has the password in it, `bare_url` has not. As root it runs under another user, since PostgreSQL
    refuses root. Without `fsync` it is quick and survives everything but a power cut. Raises FileNotFoundError when it is not installed."""

    def __init__(self, fsync: bool = False) -> None:
        self._settings = {**SETTINGS, "fsync": "on" if fsync else "off"}
        programs = postgres_programs()
        if programs is None:
            raise FileNotFoundError("PostgreSQL is not installed here: apt-get install postgresql")
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="topout-pg-"))
        self._user = (
            next((u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody")), None) if os.getuid() == 0 else None
        )
        self.port = free_port()
        self._databases = 0

    def __enter__(self) -> Self:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(self._folder, self._user)
            shutil.chown(password, self._user)
        self._call("initdb", "-D", self._data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in self._settings.items())
            settings.write(f"port = {self.port}\nunix_socket_directories = '{self._folder}'\n")
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start the server, again after a stop."""
        self._call("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-w", "-t", "60", "start")

    def stop(self) -> None:
        """Stop the server at once: every connection breaks."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def break_connections(self) -> None:
        """End every session but our own; new ones are welcome."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND application_name = 'topout'"
            )

    def freeze(self, frozen: bool = True) -> None:
        """Keep the server from answering, without a word to its clients; or let it go on."""
        master = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(master, signal.SIGSTOP if frozen else signal.SIGCONT)

    def new_database(self) -> str:
        """The name of a new and empty database."""
        import psycopg

        self._databases += 1
        name = f"replies{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str = "postgres") -> str:
        """Where it is, with the password."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{database}"

    def bare_url(self, database: str = "postgres") -> str:
        """Where it is, without the password: what may be written down."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def _call(self, program: str, *words: str | Path) -> None:
        subprocess.run(
            [self._programs / program, *words],
            check=True,
            user=self._user,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
