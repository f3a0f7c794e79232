"""`topout export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperCommand

from topout.cli.options import AsJson, OneCandidate, Run, RunsDir
from topout.cli.output import print_json, say, typed_path

if TYPE_CHECKING:
    from click import HelpFormatter
    from rich.console import RenderableType

    from topout.app import Delivery

__all__ = ["TargetsListed", "export"]


class TargetsListed(TyperCommand):
    """A command whose help ends with the targets that are installed, by name: none is loaded for that."""

    def format_epilog(self, ctx: typer.Context, formatter: HelpFormatter) -> None:  # type: ignore[override]
        from topout.exporters.installed import target_names

        with formatter.section("Targets"):
            formatter.write_text(", ".join(target_names()))


def export(
    run: Run,
    to: Annotated[str, typer.Option(metavar="TARGET", help="Format or registry; listed below.")],
    candidate: OneCandidate = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the prompt. Default: the task's.")] = None,
    alias: Annotated[
        str | None,
        typer.Option(
            metavar="ALIAS",
            help="Registries: point this alias (such as production) at it, only if it is shown to be better than what it points at now.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Where to write files. Default: exports/NAME (trainers: exports/NAME/TARGET), for registry: prompts.",
        ),
    ] = None,
    uri: Annotated[str | None, typer.Option(metavar="URI", help="Where the registry is. Default: its own settings.")] = None,
    prompt: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="For promptfoo and trainers: ask with this prompt.md (or folder) instead of the winner."),
    ] = None,
    without_demos: Annotated[
        bool, typer.Option("--without-demos", help="For promptfoo and trainers: ask without the prompt's worked examples.")
    ] = False,
    bar: Annotated[float, typer.Option(metavar="SCORE", help="For trainers: lowest score of an answer worth learning from.")] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Move the alias, or replace files, all the same.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    runs_dir: RunsDir = "runs",
    as_json: AsJson = False,
) -> None:
    """Write a run's best prompt, with where it comes from and what it is worth, for other programs or into a registry."""
    from topout.app import export, hand_off
    from topout.errors import UserError
    from topout.exporters import HAND_OFFS

    own = {"candidate": candidate, "name": name, "out": out}
    if to in HAND_OFFS:
        if alias is not None or uri is not None:
            raise UserError(f"--to {to}: this target writes files, and has no aliases and no address. Leave --alias and --uri out.")
        done = hand_off(
            run, to=to, prompt=prompt, without_demos=without_demos, bar=bar, force=force, dry_run=dry_run, runs_dir=runs_dir, **own
        )
    elif prompt is not None or without_demos or bar != 1.0:
        raise UserError(f"--to {to}: --prompt, --without-demos and --bar are for {', '.join(HAND_OFFS)}. Leave them out.")
    else:
        done = export(run, to=to, force=force, dry_run=dry_run, runs_dir=runs_dir, alias=alias, uri=uri, **own)
    if as_json:
        from topout.report.documents import export_document

        print_json(export_document(done))
    else:
        say(*shown(done))


def shown(done: Delivery) -> list[RenderableType]:
    """An export for a person."""
    from rich.text import Text

    from topout.report.layout import block, bullets, text
    from topout.report.words import paired, quality

    p = done.offer.provenance
    title = "Written" if done.written else "Would be written (dry run)"
    changes = [typed_path(Path(change)) for change in done.changes] if done.files else list(done.changes)
    files = [text(change) for change in changes] or [text("nothing: all is there already")]
    gained = [text(f"Gain over the baseline {paired(p.gain)}")] if p.gain is not None else []
    return [
        text(f"{done.offer.name}: candidate {p.candidate} of {p.run}", "bold"),
        text(f"Held-out score {quality(p.score)}"),
        *gained,
        text(f"Verdict of the run: {p.verdict.ruling}"),
        Text(),
        text(done.note),
        *([block("Mind", bullets(done.warnings))] if done.warnings else []),
        block(title, *files),
    ]
