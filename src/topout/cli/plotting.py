"""`topout plot`: one chart of a run as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topout.cli.options import Run, RunsDir
from topout.cli.output import typed_path, write_out

__all__ = ["plot"]


def plot(
    run: Run,
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to write: a name that ends in .png or .svg.")],
    what: Annotated[str, typer.Option(metavar="CHART", help="curve, levers or cost.")] = "curve",
    runs_dir: RunsDir = "runs",
) -> None:
    """Write a chart of a run as PNG or SVG (1400 x 800). No browser is needed."""
    from topout.app import load_run
    from topout.app.derived import write_picture

    path = Path(out)
    write_picture(load_run(run, runs_dir), what, path)
    write_out(f"{typed_path(path)}\n")
