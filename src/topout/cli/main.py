"""The verbs put together, and the one place where an error becomes a line and an exit code.

The exit codes stand in EXIT_CODES. Nothing heavy is imported before a verb runs, so that `--help` answers at once.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, cast

import typer
from typer.core import TyperGroup

from topout import __version__
from topout.cli import (
    benching,
    caching,
    checking,
    creating,
    evaluating,
    exporting,
    foreign,
    gating,
    importing,
    laddering,
    models,
    plotting,
    probing,
    reading,
    running,
    starting,
    watching,
)
from topout.errors import TopoutError

__all__ = ["main"]

# ClickException, which typer does not export: the base of the base of BadParameter, whether typer uses click or its own copy of it.
UsageProblem = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])

EXIT_CODES = (
    "Exit codes: 0 done; 2 something that you wrote or asked for is wrong; 3 a model could not be used; 4 a run's journal does not fit; "
    "100 a gate is not met; 130 stopped by Ctrl-C."
)

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True, epilog=EXIT_CODES)
def topout(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    no_dotenv: Annotated[
        bool, typer.Option("--no-dotenv", help="Leave a .env in this folder unread (or TOPOUT_DOTENV=0).")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", hidden=True, help="Show where an error was raised.")] = False,
) -> None:
    """Makes a prompt better, says by how much on rows that it never saw, and when prompting has topped out."""
    if version:
        typer.echo(f"topout {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    if not no_dotenv and not context.resilient_parsing and (Path.cwd() / ".env").is_file():
        from topout.config.dotenv import read_dotenv

        told = read_dotenv(Path.cwd(), os.environ)
        if told is not None:
            typer.echo(told.line, err=True)


app.command(short_help="Search for a better prompt and say what it gained.")(running.optimize)
app.command(short_help="Make a task folder from a file of rows.")(starting.init)
app.command(short_help="Write an optimizer, scorer or exporter of your own to start from.")(creating.new)
app.command(short_help="Look a task folder over before money is spent.")(checking.check)
app.command(short_help="Measure one prompt on one split.")(evaluating.evaluate)
app.command(short_help="Decide by interval whether a prompt holds a bound, for CI.")(gating.gate)
app.command(short_help="Go on with a run that ended early.")(running.resume)
app.command(short_help="Buy the evidence for a verdict on an ended run.")(probing.probe)
app.command(short_help="Show a run live in a browser while it goes on.")(watching.watch)
app.command(short_help="Compare optimizers on a task within one budget.")(benching.bench)
app.command(short_help="Compare models by score and price: the cheapest that is no worse.")(laddering.ladder)
app.command(short_help="List the runs with their held-out scores.")(reading.runs)
app.command(short_help="Show a run's best prompt, attempts and failures.")(reading.show)
app.command(short_help="Compare runs of one task, paired on the held-out rows.")(reading.compare)
app.command(short_help="Show what changed between two prompts of a run.")(reading.diff)
app.command(short_help="Write a run's page, tables and picture anew.")(reading.report)
app.command(short_help="Write a chart of a run as a picture.")(plotting.plot)
app.command(short_help="Judge the log of another optimizer.")(foreign.verdict)
app.command(short_help="Write the best prompt for other programs, or into a registry.", cls=exporting.TargetsListed)(
    exporting.export
)
app.command("import", short_help="Make a registered prompt the baseline of a task.")(importing.import_)
app.add_typer(models.models, name="models", short_help="Look at a model before a run uses it: ping.")
app.add_typer(caching.cache, name="cache", short_help="Look after the kept replies: stats, verify, prune, export.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (this process's by default) and return its exit code."""
    if arguments is None:
        gc.set_threshold(
            100_000, 50, 100
        )  # what is imported and journaled stays: looking through it at every 700 objects takes a tenth of a run
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = command()(words, prog_name="topout", standalone_mode=False)
    except UsageProblem as problem:
        return complain(problem.format_message(), problem.exit_code)
    except TopoutError as error:
        if "--debug" in words or os.environ.get("TOPOUT_DEBUG"):
            traceback.print_exc()
        return complain(str(error), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        return complain("stopped", 130)
    return code if isinstance(code, int) else 0


@cache
def command() -> TyperGroup:
    """The command line with all its verbs; made once, since it takes a twentieth of a second."""
    return cast("TyperGroup", typer.main.get_command(app))


def complain(message: str, code: int) -> int:
    """One line on stderr; what is in it cannot move the cursor."""
    from topout.report.words import safe_text

    sys.stderr.write(f"topout: {safe_text(message, 4000)}\n")
    return code
