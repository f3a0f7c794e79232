"""Printing: results to stdout, progress to stderr, Ctrl-C told to who is waiting."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from topout.domain import Ending, Json
    from topout.report.live import LiveView, Screen

__all__ = ["coloured", "exit_as", "print_json", "say", "typed_path", "watching", "write_out"]

WIDEST = 100
PADDING = re.compile(" +$", re.MULTILINE)
"""Blanks at the end of a line, which whoever copies a result would carry along."""


def say(*parts: RenderableType) -> None:
    """Print for a person, in colours when stdout is a terminal."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDEST)
    with console.capture() as printed:
        for part in parts:
            console.print(part)
    write_out(PADDING.sub("", printed.get()))


def coloured() -> bool:
    """Whether what `say` prints has colours."""
    from rich.console import Console

    return Console().color_system is not None and not Console().no_color


def print_json(document: Mapping[str, Json] | Sequence[Json], line: bool = False) -> None:
    """Print a JSON document, on one line when asked. Foreign text stays escaped, so that it is harmless in a terminal."""
    from topout.report.words import safe_json

    write_out(safe_json(json.dumps(document, allow_nan=False, indent=None if line else 1)) + "\n")


def write_out(text: str) -> None:
    """Write to stdout at once. When nobody reads it any more (`| head`), the rest is dropped without a word."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_as(ending: Ending | None) -> None:
    """Exit as the work ended: 130 when it was stopped, 3 when the provider was down; return in all other cases."""
    match ending:
        case "stopped":
            raise typer.Exit(130)
        case "outage":
            raise typer.Exit(3)
        case _:
            pass


@contextmanager
def watching(as_json: bool, quiet: bool) -> Iterator[LiveView | None]:
    """A view of the progress that fits where it goes, None with `quiet`.

    While it is shown, the first Ctrl-C is acknowledged on it (who waits for the run takes it from there), and the second one ends the command."""
    if quiet:
        yield None
        return
    from topout.report.live import LiveView

    with LiveView(screen(as_json)) as view:
        before = signal.getsignal(signal.SIGINT)
        asked = False

        def interrupted(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if not asked:
                asked = True
                view.note("stopping: waiting for the calls in flight. Ctrl-C again quits at once.")
            signal.default_int_handler(number, frame)

        signal.signal(signal.SIGINT, interrupted)
        try:
            yield view
        except KeyboardInterrupt:
            view.close()
            typer.echo("topout: quit at once. All replies so far are kept; `topout resume` goes on with a run.", err=True)
            raise typer.Exit(130) from None
        finally:
            signal.signal(signal.SIGINT, before)


def screen(as_json: bool) -> Screen:
    """JSON lines on stdout; else lines on stderr that redraw themselves, when that is a terminal, or plain ones."""
    from rich.console import Console

    from topout.report.live import JsonScreen, PlainScreen, RichScreen

    if as_json:
        from topout.report.words import safe_json
        from topout.store.codec import encode

        return JsonScreen(write_out, lambda event: safe_json(encode(event)))
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return RichScreen(console)
    return PlainScreen(write_err)


def write_err(text: str) -> None:
    """Write to stderr at once."""
    sys.stderr.write(text)
    sys.stderr.flush()


def typed_path(path: Path) -> str:
    """A path as a person would type it here: relative when it is below this folder."""
    here = Path.cwd()
    full = path if path.is_absolute() else here / path
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
