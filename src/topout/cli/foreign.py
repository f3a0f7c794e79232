"""`topout verdict`: the question of this tool, asked of another tool's log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topout.cli.options import AsJson
from topout.cli.output import print_json, say, typed_path

__all__ = ["verdict"]


def verdict(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="LOG",
            help="gepa:RUN_DIR (its run_dir, or dspy.GEPA's log_dir), dspy:LOG (what MIPROv2 or another optimizer printed), or csv:FILE "
            "with columns calls,dev and, if known, dev_n,holdout,holdout_n,candidate.",
        ),
    ],
    delta: Annotated[float, typer.Option(metavar="GAIN", help="Smallest gain worth having, as a fraction of the score.")] = 0.02,
    dev_n: Annotated[
        int | None, typer.Option(min=1, metavar="ROWS", help="CSV: rows behind 'dev', when it has no such column.")
    ] = None,
    holdout_n: Annotated[
        int | None, typer.Option(min=1, metavar="ROWS", help="CSV: rows behind 'holdout', when it has no such column.")
    ] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write it as one page for a browser, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read another optimizer's log and say whether prompting has topped out, as far as the log can tell.

    No model is asked and nothing in the log is executed. Most logs hold no held-out scores; then the answer is "can't tell yet", with what would decide it.
    """
    from topout.app.foreign import verdict_on
    from topout.report.foreign import foreign, foreign_document

    found = verdict_on(source, delta=delta, dev_n=dev_n, holdout_n=holdout_n)
    if html is not None:
        from topout.app.derived import write_foreign

        write_foreign(found, Path(html))
    if as_json:
        print_json(foreign_document(found))
    else:
        say(foreign(found))
        if html is not None:
            from topout.report.layout import block, text

            say(block("Written", text(typed_path(Path(html)))))
