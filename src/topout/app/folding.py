"""`topout optimize --folds k`: for tasks with few rows, k ordinary runs on k ordinary task folders, and what they come to together.

Each fold's run can be read, resumed, probed and exported as any other. What binds them is folds.json in a folder beside them, which is also what a further
`resume` goes by. The prompt to ship is the one with the best gain on its own dev rows: never the best on the holdout, whose figures would then be selected ones.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

from topout.app import beginning
from topout.app.options import RunOptions, asked
from topout.app.places import task_path
from topout.app.running import checked_settings
from topout.app.views import RunView
from topout.app.workbench import Watch
from topout.config.settings import RunSettings
from topout.domain import Ending, Estimate, Gain
from topout.errors import StoreError, UserError
from topout.plateau.folds import FoldsGain, folds_gain
from topout.plateau.intervals import paired_gain
from topout.plugins.fold_tasks import fold_folders
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task
from topout.report.folded import folds_document
from topout.report.measures import split_scores
from topout.store.batch import write_batch
from topout.store.layout import slug, write_text

__all__ = ["FILE", "Fold", "Folds", "go_on", "optimize_folds"]

FILE = "folds.json"
Resume = Callable[[Path, Watch | None], RunView]


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold's run. `dev_gain` is over the baseline on the rows that it was selected on (None when the winner is the baseline)."""

    number: int
    view: RunView
    dev_rows: int
    dev_gain: Gain | None


@dataclass(frozen=True, slots=True)
class Folds:
    """What k folds came to. `chosen` is the fold to ship, by its own dev rows, None while no run has been examined; `gain` needs two or more that were.

    `chosen_gain` is the held-out gain of that one prompt, with an interval for it alone: it was not chosen on these rows. `ending` is why folds are missing
    or cut short, None when all came to their end.
    """

    folder: Path
    task: str
    model: str
    k: int
    folds: tuple[Fold, ...]
    baseline: Estimate
    gain: FoldsGain | None
    chosen: Fold | None
    chosen_gain: Gain | None
    ending: Ending | None


def optimize_folds(
    task: str | Path,
    *,
    folds: int,
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda line: None,
    **options: Unpack[RunOptions],
) -> Folds:
    """Search `folds` times, each time with another part of the train and dev rows as dev, and measure all on the same held-out rows.

    The limits hold over all folds together, each has an equal share; without `max_calls` each fold has the recipe's. Fold i (from 1) has seed + i - 1. Raises
    UserError for fewer than two folds or too few rows for them, and for what `optimize` raises it for.
    """
    if not 2 <= folds <= 20:
        raise UserError(f"--folds {folds}: expected 2 to 20; 5 is usual.")
    source = task_path(task)
    made = fold_folders(source, folds)
    whole = asked(task, **options)
    calls = (whole.max_calls or folds * load_recipe(whole.recipe).recipe.max_calls) // folds
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = Path(runs_dir) / f"{stamp}-{slug(load_task(source).task.name)}-folds-{secrets.token_hex(4)}"
    parts = [
        whole.model_copy(
            update={
                "task": str(folder / f"fold-{i + 1}"),
                "seed": whole.seed + i,
                "max_calls": max(1, calls),
                "max_cost": whole.max_cost / folds if whole.max_cost is not None else None,
                "max_time": whole.max_time / folds if whole.max_time is not None else None,
            }
        )
        for i in range(folds)
    ]
    for i, files in enumerate(made):
        write_batch(folder / f"fold-{i + 1}", files, remedy="Choose another folder with --runs-dir.")
    plan = {
        "schema": 1,
        "task": str(source),
        "settings": [json.loads(one.model_dump_json()) for one in parts],
        "runs": [None] * folds,
    }
    write_text(folder / FILE, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")
    return go_on(folder, watch=watch, tell=tell)


def go_on(
    folder: Path, *, resume: Resume | None = None, watch: Watch | None = None, tell: Callable[[str], None] = lambda line: None
) -> Folds:
    """Begin, take up or read each fold's run in turn, until one is cut short. `resume` takes a run up; without it, one that was cut short stays so."""
    from topout.app import load_run

    plan, settings, runs = read_plan(folder)
    views: list[RunView] = []
    ending: Ending | None = None
    for i, one in enumerate(settings):
        name = runs[i]
        if name is not None:
            view = load_run(name, folder.parent)
            if cut_short(view) and resume is not None:
                tell(f"Fold {i + 1} of {len(settings)} goes on: {name}")
                view = resume(view.folder, watch)
        else:
            began = time.monotonic()
            view = beginning.begin(one, folder.parent, watch, tell)
            runs[i] = view.folder.name
            write_text(folder / FILE, json.dumps({**plan, "runs": runs}, indent=1, ensure_ascii=False) + "\n")
            tell(f"Fold {i + 1} of {len(settings)}: {said(view)}, {time.monotonic() - began:.0f} s; {view.folder.name}")
        views.append(view)
        ending = cut_short(view)
        if ending in ("stopped", "outage"):
            break
    found = together(
        folder, str(plan.get("task", "")), views, len(settings), ending or next((e for v in views if (e := cut_short(v))), None)
    )
    write_text(
        folder / FILE, json.dumps({**plan, "runs": runs, "result": folds_document(found)}, indent=1, ensure_ascii=False) + "\n"
    )
    return found


def read_plan(folder: Path) -> tuple[dict[str, object], list[RunSettings], list[str | None]]:
    """What was asked, and the runs so far. Raises UserError for a damaged file."""
    path = folder / FILE
    try:
        plan = json.loads(path.read_text("utf-8"))
        settings = [checked_settings(**{**one, "task": str(folder / f"fold-{i + 1}")}) for i, one in enumerate(plan["settings"])]
        runs = [name if isinstance(name, str) else None for name in plan["runs"]]
        if len(runs) != len(settings) or len(runs) < 2:
            raise ValueError("runs and settings do not fit")
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged ({error}). The runs themselves are whole: `topout runs` lists them.") from error
    return plan, settings, runs


def cut_short(view: RunView) -> Ending | None:
    """Why a run did not come to its end; None when it did."""
    ended = view.findings.ended
    if ended is None:
        return "stopped"
    return None if ended.ending in ("budget", "finished") else ended.ending


def said(view: RunView) -> str:
    """A fold in a few words."""
    gain = view.findings.holdout.gain
    return "kept the baseline" if gain is None else f"held-out gain {100 * gain.estimate.mean:+.1f} points, n = {gain.estimate.n}"


def together(folder: Path, task: str, views: Sequence[RunView], k: int, ending: Ending | None) -> Folds:
    """Scores of all winners on the rows that they have in common."""
    folds = tuple(fold_of(i + 1, view) for i, view in enumerate(views))
    scores = [split_scores(view.findings, "holdout") for view in views]
    examined = [(fold, found) for fold, found in zip(folds, scores, strict=True) if fold.view.findings.winner.id in found]
    first = views[0].findings if views else None
    if first is None or not examined:
        raise UserError(f"{folder}: no fold was examined. Take it up again: topout resume {folder}")
    ids = sorted({row for _, found in examined for row in found.get(first.baseline.id, {})})
    base = [
        next((found[first.baseline.id][i] for _, found in examined if i in found.get(first.baseline.id, {})), math.nan) for i in ids
    ]
    groups = first.started.manifest.get("groups")
    clusters = [str(groups.get(i, "")) for i in ids] if isinstance(groups, dict) and groups else None
    winners = [[found[fold.view.findings.winner.id].get(i, math.nan) for i in ids] for fold, found in examined]
    gain = folds_gain(winners, base, clusters) if len(winners) > 1 else None
    chosen = max((fold for fold, _ in examined), key=merit)
    at = next(i for i, (fold, _) in enumerate(examined) if fold is chosen)
    alone = paired_gain(winners[at], base, clusters=clusters) if chosen.dev_gain is not None else None
    model = str(first.started.settings.get("model", ""))
    return Folds(folder, task, model, k, folds, first.holdout.baseline, gain, chosen, alone, ending)


def fold_of(number: int, view: RunView) -> Fold:
    """A run as a fold."""
    f = view.findings
    return Fold(number, view, f.dev.winner.n, f.dev.gain if f.winner.id != f.baseline.id else None)


def merit(fold: Fold) -> tuple[float, float, int]:
    """What a fold is chosen by: its gain over the baseline on its own dev rows, then the shorter prompt, then the earlier fold. All folds' dev gains
    are optimistic alike: each was selected on as many rows."""
    gain = fold.dev_gain.estimate.mean if fold.dev_gain is not None and fold.dev_gain.estimate.n else 0.0
    return gain, -(fold.view.findings.after.prompt_tokens or 0.0), -fold.number
