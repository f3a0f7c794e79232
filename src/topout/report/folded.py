"""Several folds of one task, for a terminal and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Group, RenderableType

from topout.domain import Ending, Estimate, Gain, Json
from topout.plateau.folds import FoldsGain
from topout.plateau.wording import points
from topout.report.findings import Findings
from topout.report.layout import block, bullets, commands, grid, table, text
from topout.report.verdict_json import estimate_document, finite, gain_document
from topout.report.words import EMBEDDED_NOTE, difference, is_embedded, paired, quality

__all__ = ["Folds", "folded", "folds_document"]


class View(Protocol):
    """A run."""

    @property
    def folder(self) -> Path: ...
    @property
    def findings(self) -> Findings: ...


class Fold(Protocol):
    """One fold's run."""

    @property
    def number(self) -> int: ...
    @property
    def view(self) -> View: ...
    @property
    def dev_rows(self) -> int: ...
    @property
    def dev_gain(self) -> Gain | None: ...


class Folds(Protocol):
    """What several folds came to, as the app hands it back."""

    @property
    def folder(self) -> Path: ...
    @property
    def task(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def k(self) -> int: ...
    @property
    def folds(self) -> Sequence[Fold]: ...
    @property
    def baseline(self) -> Estimate: ...
    @property
    def gain(self) -> FoldsGain | None: ...
    @property
    def chosen(self) -> Fold | None: ...
    @property
    def chosen_gain(self) -> Gain | None: ...
    @property
    def ending(self) -> Ending | None: ...


def folded(f: Folds, folder: str, run: str) -> RenderableType:
    """The folds, what they gained together, and which prompt to ship. `folder` and `run` (the chosen one) as one types them."""
    facts: list[Sequence[RenderableType]] = [
        (text("task", "dim"), text(f.task, "bold")),
        (text("model", "dim"), text(f.model)),
        (text("folds", "dim"), text(f"{len(f.folds)} of {f.k}, each with another part of the train and dev rows as dev")),
        (text("in", "dim"), text(folder)),
    ]
    if is_embedded(f.model):
        facts.insert(2, (text(""), text(EMBEDDED_NOTE, "yellow")))
    parts: list[RenderableType] = [grid(facts), block("Baseline on the common holdout", text(quality(f.baseline)))]
    each = f.gain.each if f.gain is not None else ()
    rows = []
    for i, fold in enumerate(f.folds):
        found = fold.view.findings.holdout.gain
        corrected = each[i].estimate if len(each) == len(f.folds) else found.estimate if found is not None else None
        dev = (
            f"{points(fold.dev_gain.estimate.mean, True)}, n = {fold.dev_rows}"
            if fold.dev_gain is not None
            else "kept the baseline"
        )
        held = difference(corrected) if corrected is not None else "not measured"
        mark = "*" if f.chosen is not None and fold.number == f.chosen.number else ""
        rows.append((text(f"{fold.number}{mark}"), text(dev), text(held)))
    level = f"{100 * each[0].estimate.level:.1f} % intervals, which hold together at 95 %" if each else "95 % intervals"
    parts.append(
        block("Folds", table(("fold", "dev gain (selected on)", "held-out gain"), rows), text(f"held out: {level}", "dim"))
    )
    parts.append(block("Runs", grid([(text(str(fold.number)), text(fold.view.folder.name)) for fold in f.folds])))
    if f.gain is not None:
        mean, wide = f.gain.mean, f.gain.recipe
        parts.append(
            block(
                f"Together: mean held-out gain of the {len(f.gain.each)} prompts",
                text(paired(mean), "bold"),
                text(
                    f"the interval is over held-out rows: all prompts answered the same {mean.estimate.n}, so a row counts once. What a further search on so "
                    f"many rows would gain: [{100 * wide.low:.1f}, {100 * wide.high:.1f}] points, as searches differ too (standard deviation over folds "
                    f"{points(f.gain.sd)} points); the folds share train rows, so this is rather too narrow than too wide",
                    "dim",
                ),
            )
        )
    if f.chosen is not None:
        lines = (
            [
                text(f"fold {f.chosen.number}: {paired(f.chosen_gain)}", "bold"),
                text(
                    "chosen for the best gain on its own dev rows, before its held-out figure was looked at: that figure and its 95 % interval stand as they are. Had you "
                    "picked the best held-out one instead, only the wider intervals above would hold",
                    "dim",
                ),
            ]
            if f.chosen_gain is not None
            else [text("no fold found a better prompt on its dev rows: keep the baseline", "bold")]
        )
        parts.append(block("The prompt to ship (*)", *lines))
    if f.ending is not None:
        parts.append(block("Not at its end", bullets([f"{f.ending}: topout resume {folder} goes on with what is missing"])))
    if f.chosen is not None and f.chosen_gain is not None:
        parts.append(
            commands(
                "Next",
                [
                    (("topout", "show", run), "the prompt, attempts, rows it gets wrong"),
                    (("topout", "export", run, "--to", "messages"), "the prompt for your code"),
                ],
            )
        )
    return Group(*parts)


def folds_document(f: Folds) -> dict[str, Json]:
    """The same for machines: gains are fractions, unknown is null."""
    each = f.gain.each if f.gain is not None else ()
    return {
        "schema": 1,
        "folder": f.folder.name,
        "task": f.task,
        "model": f.model,
        "k": f.k,
        "baseline": estimate_document(f.baseline),
        "folds": [
            {
                "fold": fold.number,
                "run": fold.view.folder.name,
                "dev_rows": fold.dev_rows,
                "dev_gain": gain_document(fold.dev_gain),
                "holdout_gain": gain_document(each[i] if len(each) == len(f.folds) else fold.view.findings.holdout.gain),
                "verdict": fold.view.findings.verdict.ruling,
            }
            for i, fold in enumerate(f.folds)
        ],
        "mean_gain": gain_document(f.gain.mean) if f.gain else None,
        "further_search_gain": estimate_document(f.gain.recipe) if f.gain else None,
        "sd_over_folds": finite(f.gain.sd) if f.gain else None,
        "chosen": f.chosen.number if f.chosen else None,
        "chosen_run": f.chosen.view.folder.name if f.chosen else None,
        "chosen_by": "gain on its own dev rows",
        "chosen_holdout_gain": gain_document(f.chosen_gain),
        "ending": f.ending,
    }
