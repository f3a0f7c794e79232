"""The reply cache looked after: what is in it, is it sound, less of it, all of it as text."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from topout.config.databases import is_database, recorded_place
from topout.errors import UserError
from topout.models.cache import Replies, ReplyCache
from topout.models.postgres_cache import PostgresCache

__all__ = ["Kept", "Stats", "export_cache", "prune_cache", "stats_of", "verify_cache"]

DAY_S = 86400.0


@dataclass(slots=True)
class Kept:
    """Replies of one model. `cost_usd` is what they cost when they were bought, without those of unknown price (`unpriced`)."""

    replies: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0


@dataclass(slots=True)
class Stats:
    """What a cache holds. `damaged` rows are not replies that topout wrote: they are never served."""

    place: str
    size_bytes: int
    replies: int = 0
    damaged: int = 0
    oldest: float = 0.0
    newest: float = 0.0
    models: dict[str, Kept] = field(default_factory=dict)


@contextmanager
def opened(place: str | Path) -> Iterator[Replies]:
    """The cache in a folder or a database. Raises UserError when there is none: looking must not make one."""
    where = recorded_place(str(place), os.environ)
    if is_database(where):
        cache: Replies = PostgresCache.open(where, make=False)
    elif (Path(where) / "cache.db").is_file():
        cache = ReplyCache.open(Path(where))
    else:
        raise UserError(f"{where}: no reply cache here. Runs keep theirs in .topout/cache, or where --cache says.")
    try:
        yield cache
    finally:
        cache.close()


def stats_of(place: str | Path) -> Stats:
    """Counts by model. Reads every row. Raises UserError, StoreError."""
    with opened(place) as cache:
        found = Stats(recorded_place(str(place), os.environ), cache.size_bytes())
        for _, entry, kept_at in cache.rows():
            if entry is None:
                found.damaged += 1
                continue
            found.replies += 1
            if kept_at:
                found.oldest = min(found.oldest or kept_at, kept_at)
                found.newest = max(found.newest, kept_at)
            one = found.models.setdefault(entry.model, Kept())
            one.replies += 1
            one.prompt_tokens += entry.usage.prompt_tokens or 0
            one.output_tokens += entry.usage.output_tokens or 0
            one.cost_usd += entry.cost_usd or 0.0
            one.unpriced += entry.cost_usd is None
        return found


def verify_cache(place: str | Path) -> tuple[int, list[str]]:
    """How many replies are sound, and what is wrong, a line each (none: all is well). Raises UserError, StoreError."""
    with opened(place) as cache:
        problems = cache.problems()
        sound = 0
        for key, entry, _ in cache.rows():
            if entry is None:
                problems.append(f"row {key[:16]}: not a reply that topout wrote; it is never served (topout cache prune --damaged)")
            else:
                sound += 1
        return sound, problems


def prune_cache(
    place: str | Path,
    *,
    model: str | None = None,
    older_than_days: float | None = None,
    damaged: bool = False,
    dry_run: bool = False,
) -> tuple[int, int, float]:
    """Remove the replies that meet all that is asked for: of this model, kept longer ago, damaged. Nothing is ever removed unasked.

    Returns how many go, how many stay, and what those that go had cost (dollars of known price): a run that needs them buys them again.
    Raises UserError when nothing is asked for.
    """
    if model is None and older_than_days is None and not damaged:
        raise UserError("say what is to go: --model NAME, --older-than DAYS or --damaged. Nothing was removed.")
    if older_than_days is not None and not 0 <= older_than_days < 1e6:
        raise UserError(f"--older-than {older_than_days:g}: expected days, 0 or more.")
    before = time.time() - (older_than_days or 0.0) * DAY_S
    with opened(place) as cache:
        going: list[str] = []
        cost, total = 0.0, 0
        for key, entry, kept_at in cache.rows():
            total += 1
            if damaged and entry is not None:
                continue
            if model is not None and (entry is None or entry.model != model):
                continue
            if older_than_days is not None and kept_at > before:
                continue
            going.append(key)
            cost += (entry.cost_usd or 0.0) if entry else 0.0
        if not dry_run:
            cache.drop(going)
        return len(going), total - len(going), cost


def export_cache(place: str | Path, out: str | Path) -> int:
    """Write all replies as JSON lines; how many. The questions are not in the cache, only their hashes. Raises UserError when `out` is there."""
    path = Path(out)
    with opened(place) as cache:
        try:
            with path.open("x", encoding="utf-8") as file:
                count = 0
                for key, entry, kept_at in cache.rows():
                    if entry is None:
                        continue
                    row = {
                        "key": key,
                        "model": entry.model,
                        "text": entry.text,
                        "finish_reason": entry.finish_reason,
                        "prompt_tokens": entry.usage.prompt_tokens,
                        "output_tokens": entry.usage.output_tokens,
                        "cost_usd": entry.cost_usd,
                        "latency_s": entry.latency_s,
                        "run": entry.run,
                        "kept_at": kept_at or None,
                    }
                    file.write(json.dumps(row) + "\n")
                    count += 1
        except FileExistsError:
            raise UserError(f"{path}: is there already, and nothing was written. Choose another --out.") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror or error}.") from error
    return count
