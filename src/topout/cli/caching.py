"""`topout cache stats | verify | prune | export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from topout.cli.options import AsJson, CacheDir
from topout.cli.output import print_json, say, typed_path

if TYPE_CHECKING:
    from topout.domain import Json

__all__ = ["cache"]

cache = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
GATE_NOT_MET = 100


@cache.command()
def stats(cache_dir: CacheDir = ".topout/cache", as_json: AsJson = False) -> None:
    """How many replies of which models are kept, their tokens and what they cost."""
    from topout.app.caching import stats_of

    found = stats_of(cache_dir)
    if as_json:
        from dataclasses import asdict

        models: dict[str, Json] = {name: asdict(kept) for name, kept in sorted(found.models.items())}
        print_json(
            {
                "schema": 1,
                "folder": found.place,
                "size_bytes": found.size_bytes,
                "replies": found.replies,
                "damaged": found.damaged,
                "oldest": found.oldest or None,
                "newest": found.newest or None,
                "models": models,
            }
        )
        return
    from datetime import UTC, datetime
    from pathlib import Path

    from topout.config.databases import is_database
    from topout.report.layout import block, table, text
    from topout.report.words import amount

    rows = [
        (
            text(name, limit=48),
            text(f"{kept.replies:,}"),
            text(f"{kept.prompt_tokens:,}"),
            text(f"{kept.output_tokens:,}"),
            text(
                ("unknown" if kept.unpriced == kept.replies else amount(kept.cost_usd))
                + ("+" if 0 < kept.unpriced < kept.replies else "")
            ),
        )
        for name, kept in sorted(found.models.items())
    ]
    day = "%Y-%m-%d"
    span = (
        f", kept from {datetime.fromtimestamp(found.oldest, UTC).strftime(day)} to {datetime.fromtimestamp(found.newest, UTC).strftime(day)}"
        if found.newest
        else ""
    )
    place = found.place if is_database(found.place) else typed_path(Path(found.place))
    say(
        text(f"{place}: {found.replies:,} replies, {found.size_bytes / 2**20:,.1f} MB{span}", "bold"),
        block("By model", table(("", "replies", "tokens in", "tokens out", "cost"), rows, right=(1, 2, 3, 4))),
        *([text(f"{found.damaged:,} damaged rows, never served: topout cache prune --damaged", "yellow")] if found.damaged else []),
    )


@cache.command()
def verify(cache_dir: CacheDir = ".topout/cache") -> None:
    """Read everything and say what is damaged. Exits with 100 when something is."""
    from topout.app.caching import verify_cache
    from topout.report.layout import bullets, text

    sound, problems = verify_cache(cache_dir)
    if problems:
        say(text(f"{sound:,} replies are sound; found:", "bold"), bullets(problems[:50]))
        raise typer.Exit(GATE_NOT_MET)
    say(text(f"{sound:,} replies, all sound."))


@cache.command()
def prune(
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Only replies of this model.")] = None,
    older_than: Annotated[float | None, typer.Option(metavar="DAYS", help="Only replies kept longer ago.")] = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="Only rows that are no replies.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    cache_dir: CacheDir = ".topout/cache",
) -> None:
    """Remove what you name; nothing goes by itself. A run that needs it again pays again."""
    from topout.app.caching import prune_cache
    from topout.report.layout import text
    from topout.report.words import amount

    going, staying, cost = prune_cache(cache_dir, model=model, older_than_days=older_than, damaged=damaged, dry_run=dry_run)
    said = "would go" if dry_run else "removed"
    say(text(f"{going:,} rows {said} (bought for {amount(cost)}), {staying:,} stay."))


@cache.command()
def export(
    out: Annotated[str, typer.Option(metavar="FILE", help="JSON lines to write.")],
    cache_dir: CacheDir = ".topout/cache",
) -> None:
    """Write all replies as JSON lines. Questions are not kept, only their hashes."""
    from topout.app.caching import export_cache
    from topout.report.layout import text

    say(text(f"{out}: {export_cache(cache_dir, out):,} replies."))
