"""`topout import`."""

from __future__ import annotations

from typing import Annotated

import typer

from topout.cli.options import AsJson, TaskFolder
from topout.cli.output import print_json, say, typed_path

__all__ = ["import_"]


def import_(
    task: TaskFolder,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="PROMPT",
            help="mlflow:NAME@production for an alias, mlflow:NAME/3 for a version. Registries: registry (a folder), mlflow, phoenix, langfuse.",
        ),
    ],
    uri: Annotated[str | None, typer.Option(metavar="URI", help="Where the registry is. Default: its own settings.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the task's prompt; the old one is kept beside it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a registered prompt the baseline of a task, so that the next run begins with it and measures it."""
    from topout.app import import_prompt

    done = import_prompt(task, source, uri=uri, force=force, dry_run=dry_run)
    files, kept = ([str(path) for path in paths] for paths in (done.files, done.kept))
    if as_json:
        print_json(
            {
                "schema": 1,
                "source": done.source,
                "version": done.version,
                "files": [*files],
                "kept": [*kept],
                "written": done.written,
                "demos": len(done.prompt.demos),
                "warnings": list(done.warnings),
            }
        )
        return
    from rich.text import Text

    from topout.report.layout import block, bullets, text

    parts = ", ".join(c.name for c in done.prompt.components)
    say(
        text(f"Version {done.version} of {done.source}", "bold"),
        text(f"Parts: {parts}; {len(done.prompt.demos)} demos"),
        Text(),
        *([block("Mind", bullets(done.warnings))] if done.warnings else []),
        block(
            "Written" if done.written else "Would be written (dry run)",
            *([text(typed_path(path)) for path in done.files] or [text("nothing: the task begins with this prompt already")]),
        ),
        *([block("Kept", *(text(typed_path(path)) for path in done.kept))] if done.kept else []),
        block("Next", text(f"topout optimize {task}")),
    )
