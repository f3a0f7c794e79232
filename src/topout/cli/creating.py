"""`topout new`."""

from __future__ import annotations

from typing import Annotated

import typer

from topout.cli.options import AsJson
from topout.cli.output import print_json, say, typed_path

__all__ = ["new"]


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="optimizer, scorer, exporter or registry.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it: small letters, digits, '_' and '-'.")],
    folder: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Where to put it. Default: optimizers, scorers or exporters; a scorer can go into its task's folder.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a plug-in that works as it is, and a test that examines it. Nothing is ever replaced."""
    from topout.app.creating import new

    made = new(kind, name, folder=folder)
    if as_json:
        print_json({"schema": 1, "kind": made.kind, "name": made.name, "file": str(made.file), "test": str(made.test)})
        return
    from topout.report.layout import block, commands, text

    file, test = typed_path(made.file), typed_path(made.test)
    uses: dict[str, list[tuple[tuple[str, ...], str]]] = {
        "optimizer": [(("topout", "optimize", "TASK", "--recipe", file), "runs it")],
        "scorer": [
            (("topout", "check", "TASK"), f'looks the task over, once its task.toml says file = "{made.file.name}" under [scorer]')
        ],
        "exporter": [(("topout", "export", "RUN", "--to", file), "writes the prompt in this format")],
        "registry": [
            (
                ("topout", "export", "RUN", "--to", file, "--alias", "production"),
                "publishes the prompt and moves the alias if it is better",
            )
        ],
    }
    say(
        block("Written", text(file), text(test)),
        commands("Next", [(("python", "-m", "pytest", test), "examines it; pip install pytest"), *uses[made.kind]]),
    )
