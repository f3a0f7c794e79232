"""The derived files of a run, all made from its journal and written whole or not at all."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from topout.app.foreign import ForeignView
from topout.app.views import RunView
from topout.errors import UserError, did_you_mean
from topout.plugins.prompt_folders import save_prompt
from topout.report.comparison import Comparison
from topout.report.findings import Findings
from topout.report.probes import finalists
from topout.store.layout import whole, write_bytes, write_pieces, write_text

if TYPE_CHECKING:
    from topout.report.ladder import Ladder
    from topout.report.picture import Form

LARGE = 100_000
"""Rollouts, beyond which their table is a Parquet file."""

__all__ = ["form_of", "table_hint", "write_comparison", "write_derived", "write_foreign", "write_ladder", "write_picture"]


def write_derived(view: RunView) -> None:
    """report.html, curve.csv, candidates.csv, rollouts.csv (or .parquet), verdict.json, plateau.png, best/, of `fewshot` study.log and, of probes, probe/.

    Raises StoreError when the disk refuses."""
    from topout.report.page import report_page
    from topout.report.picture import plateau_png
    from topout.report.tables import to_csv
    from topout.report.verdict_json import verdict_document

    folder = view.folder
    save_prompt(view.prompt, folder / "best")
    write_text(folder / "verdict.json", json.dumps(verdict_document(view.findings), indent=1, ensure_ascii=False) + "\n")
    write_text(folder / "curve.csv", to_csv(view.curve))
    write_text(folder / "candidates.csv", to_csv(view.candidates))
    write_rollouts(view.findings, folder)
    write_bytes(folder / "plateau.png", plateau_png(view.findings))
    write_text(folder / "report.html", report_page(view.findings, f"{folder.parent.name}/{folder.name}"))
    if view.findings.started.manifest.get("optimizer") == "fewshot":
        from topout.report.study import study_log

        write_bytes(folder / "study.log", study_log(view.findings, folder.name))
    if view.findings.probes:
        from topout.report.tables import probe_table

        for finalist in finalists(view.findings.probes):
            save_prompt(finalist.candidate.prompt, folder / "probe" / finalist.candidate.id)
        write_text(folder / "probe" / "probe.csv", to_csv(probe_table(view.findings)))


def write_rollouts(f: Findings, folder: Path) -> None:
    """rollouts.csv, or rollouts.parquet for more than `LARGE` where pyarrow is installed: a few per cent of the size. Only one of them is left."""
    from topout.report.tables import rollouts_csv, write_rollouts_parquet

    text, table = folder / "rollouts.csv", folder / "rollouts.parquet"
    if len(f.rollouts) > LARGE and find_spec("pyarrow") is not None:
        with whole(table) as fresh:
            write_rollouts_parquet(f, fresh)
        text.unlink(missing_ok=True)
    else:
        write_pieces(text, rollouts_csv(f))
        table.unlink(missing_ok=True)


def table_hint(f: Findings, folder: Path) -> str:
    """What would make a large table smaller, '' when there is nothing to say."""
    if len(f.rollouts) <= LARGE or not (folder / "rollouts.csv").exists():
        return ""
    return f"rollouts.csv has {len(f.rollouts):,} rows. With pyarrow it is rollouts.parquet, much smaller: pip install 'topout[tables]', then topout report."


def write_picture(view: RunView, what: str, path: Path) -> None:
    """One chart of a run (curve, levers or cost) as a file, whose ending says which form. Raises UserError for an unknown chart or ending and for a
    chart that this run has no figures for, StoreError when the disk refuses."""
    from topout.report.picture import PICTURES, drawable, picture

    form = form_of(path, "--out")
    chart = next((chart for chart in PICTURES if chart == what), None)
    if chart is None:
        raise UserError(f"--what {what}: no such chart.{did_you_mean(what, PICTURES)}")
    if not drawable(view.findings, chart):
        raise UserError(f"--what {what}: {view.folder.name} has no figures for it: nothing was tried yet.")
    write_bytes(path, picture(view.findings, chart, form))


def form_of(path: Path, option: str) -> Form:
    """The kind of picture that a file's ending asks for. Raises UserError for another one."""
    from topout.report.picture import FORMS

    form = next((form for form in FORMS if path.suffix.casefold() == f".{form}"), None)
    if form is None:
        raise UserError(f"{option} {path}: pictures are .png or .svg. Give a name that ends so.")
    return form


def write_ladder(found: Ladder, path: Path) -> None:
    """The chart of a ladder as a file. Raises UserError for an unknown ending and where no cell has a price, StoreError when the disk refuses."""
    from topout.report.charts.ladder import drawable_cells
    from topout.report.ladder_picture import ladder_picture

    form = form_of(path, "--plot")
    if not drawable_cells(found):
        raise UserError(
            f"--plot {path}: no model has a known price, so there is nothing to draw against. Give --price MODEL=IN,OUT."
        )
    write_bytes(path, ladder_picture(found, form))


def write_comparison(c: Comparison, path: Path) -> None:
    """A comparison as one page. Raises StoreError when the disk refuses."""
    from topout.report.page.comparing import comparison_page

    write_text(path, comparison_page(c))


def write_foreign(found: ForeignView, path: Path) -> None:
    """The verdict on another tool's run as one page. Raises StoreError when the disk refuses."""
    from topout.report.page.foreign import foreign_page

    write_text(path, foreign_page(found))
