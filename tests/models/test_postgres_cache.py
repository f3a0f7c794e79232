"""What a shared cache says before there is a server; with one, see tests/app/test_shared_cache.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from topout.domain import Usage
from topout.errors import StoreError, UserError
from topout.models.cache import Entry, ReplyCache
from topout.models.caches import open_cache
from topout.models.postgres_cache import PostgresCache
from topout.testing.postgres import free_port

ENTRY = Entry("hello", "stop", Usage(10, 2), 0.25, 0.1, "acme/one", "run")


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"PostgreSQL needs psycopg, which is not installed here: pip install 'topout\[postgres\]'"):
        open_cache("postgresql://ann@127.0.0.1/replies")


def test_a_server_that_is_not_there_is_told_at_once_in_one_line_without_the_password() -> None:
    pytest.importorskip("psycopg")
    place = f"postgresql://ann@127.0.0.1:{free_port()}/replies"
    with pytest.raises(StoreError) as told:
        PostgresCache.open(place, {"TOPOUT_CACHE": place.replace("ann@", "ann:s3cret@")})
    words = str(told.value)
    assert words.startswith(f"{place}: cannot use the reply cache (connection failed") and words.endswith(
        "nothing that was kept is lost."
    )
    assert "s3cret" not in words and "\n" not in words


def test_a_reply_that_finds_no_server_is_kept_in_a_folder_of_its_own_by_place(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    place = f"postgresql://ann@127.0.0.1:{free_port()}/replies"
    cache = PostgresCache(place, place, "", 0.0, tmp_path)
    with pytest.raises(
        StoreError, match=r"Replies that were paid for meanwhile are kept in .* when a command in this folder next uses it"
    ):
        cache.put("key", ENTRY)
    (folder,) = tmp_path.iterdir()
    assert ReplyCache.open(folder).get("key") == ENTRY
    other = PostgresCache(f"{place}2", f"{place}2", "", 0.0, tmp_path)
    with pytest.raises(StoreError):
        other.put("key", ENTRY)
    assert len(list(tmp_path.iterdir())) == 2
