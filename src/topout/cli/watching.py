"""`topout watch`: the page of a run, live in a browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from topout.cli.options import Run, RunsDir
from topout.cli.output import typed_path, write_out

__all__ = ["watch"]


def watch(
    run: Run,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="Port on this machine; 0 is any that is free.")] = 0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    runs_dir: RunsDir = "runs",
) -> None:
    """Show a run's page live in a browser while the run goes on; a button on it ends the run as Ctrl-C does.

    The page is served on this machine only (127.0.0.1). Ctrl-C ends the watching; the run is not touched by that.
    """
    from topout.app.serving import WatchServer
    from topout.app.watched import WatchedRun
    from topout.store.layout import find_run

    folder = find_run(Path(run), Path(runs_dir))
    server = WatchServer(WatchedRun(folder, typed_path(folder.path)), port)
    try:
        write_out(f"{server.address}\nWatching {typed_path(folder.path)}. Ctrl-C ends the watching; the run goes on.\n")
        if open_ and has_screen():
            import webbrowser

            webbrowser.open(server.address)
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        write_out("\n")
    finally:
        server.close()


def has_screen() -> bool:
    """Whether a browser would have a window to show; without one, a browser of the terminal would take it over."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
