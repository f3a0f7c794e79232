"""The reply cache at a place: files in a folder, or a table in a database."""

from __future__ import annotations

from pathlib import Path

from topout.config.databases import is_database
from topout.models.cache import Replies, ReplyCache
from topout.models.postgres_cache import PostgresCache

__all__ = ["open_cache"]


def open_cache(place: str) -> Replies:
    """Open the cache at a recorded place, or make it. Raises StoreError when it cannot be used, UserError when a package is missing."""
    return PostgresCache.open(place) if is_database(place) else ReplyCache.open(Path(place))
