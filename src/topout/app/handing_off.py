"""From a run and its task to a hand-off: which rows may leave, and the folder that they go to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from topout.app.carrying import direct
from topout.app.exporting import Delivery, delivered, offer_of
from topout.app.places import task_path, to_type
from topout.contracts import Answer, HandOff
from topout.domain import Candidate, Example, Scored, Task
from topout.errors import UserError
from topout.exporters import HAND_OFFS, TESTERS
from topout.exporters.names import check_name, default_name
from topout.plugins.gradings import read_grading
from topout.plugins.prompt_folders import load_prompt
from topout.plugins.tasks import load_task
from topout.report.findings import find
from topout.report.showing import find_candidate
from topout.store.journal import read_journal
from topout.store.layout import find_run
from topout.text.fingerprints import prompt_id

__all__ = ["hand_off"]


def hand_off(
    run: str | Path,
    *,
    to: str,
    prompt: str | Path | None = None,
    without_demos: bool = False,
    bar: float = 1.0,
    candidate: str | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    force: bool = False,
    dry_run: bool = False,
    runs_dir: str | Path = "runs",
) -> Delivery:
    """Write what a run and its task hold as a folder for another program: `sft`, `dpo`, `grpo`, `rft` and `verifiers` for trainers, `promptfoo` for tests.

    Trainers get train and dev rows, never a held-out one, nor a row with the inputs of one; `promptfoo` gets the held-out rows. The model is asked with
    the run's winner (or `candidate`), or with the prompt at `prompt`; `without_demos` takes the worked examples out of it. `bar` is the lowest score of an
    answer that is worth learning from. `out` defaults to `exports/NAME/TARGET`; `force` replaces files that no export wrote.

    Raises UserError for bad input, for a task that changed since the run, and when there is nothing to hand off. StoreError when the disk refuses.
    """
    if not 0 < bar <= 1:
        raise UserError(f"--bar {bar:g}: expected a score above 0 and up to 1.")
    found = find_run(Path(run), Path(runs_dir))
    f = find(read_journal(found.journal))
    source = to_type(found.path, f.started)["task"]
    loaded = load_task(task_path(source))
    if f.started.manifest.get("task_fingerprint") != loaded.task.fingerprint:
        raise UserError(
            f"{source}: the task changed since this run, so its rows and scores may be others. Restore it, or run again (cached replies are free)."
        )
    if loaded.task.program:
        raise UserError(
            f"--to {to}: the task's answers come from a program of several calls, and a {'test runner' if to in TESTERS else 'trainer'} takes one call a row. "
            "Export the prompt with --to text."
        )
    chosen = f.winner if candidate is None else find_candidate(f, candidate)
    asked = load_prompt(Path(prompt), loaded.task) if prompt is not None else chosen.prompt
    if without_demos:
        asked = asked.with_demos(())
    asked, dropped = direct(asked, to)
    if asked != chosen.prompt:
        known = f.candidates.get(prompt_id(asked))
        chosen = known if known is not None else Candidate(prompt_id(asked), asked)
    called = check_name(name) if name is not None else default_name(loaded.task.name)
    offer = offer_of(f, found.name, loaded.task.name, chosen, called, "", force)
    rows, left_out = rows_for(to, loaded.task)
    left_out = (*dropped, *left_out)
    ids = {row.id for row in rows}
    answers = tuple(
        Answer(r.candidate, r.example, r.answer, r.score.value)
        for r in (done.rollout for done in f.rollouts)
        if r.example in ids and r.failure is None and isinstance(r.score, Scored)
    )
    given = HandOff(offer, rows, answers, read_grading(loaded), bar, source, left_out)
    folder = Path(out) if out is not None else Path("exports") / called / to
    return delivered(to, f, offer, folder, HAND_OFFS[to](given, folder), dry_run)


def rows_for(to: str, task: Task) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """The rows that a target may have, and what stays behind, a sentence each."""
    if to in TESTERS:
        return task.rows("holdout"), ()
    kept_back = {alike(row) for row in (*task.rows("holdout"), *task.rows("shift"))}
    rows = (*task.rows("train"), *task.rows("dev"))
    mine = tuple(row for row in rows if alike(row) not in kept_back)
    lost = len(rows) - len(mine)
    return mine, (f"{lost} rows have the inputs of a held-out row: left out.",) if lost else ()


def alike(row: Example) -> tuple[str, ...]:
    """What rows with the same inputs share, white space and case aside."""
    return tuple(folded(row.inputs[name] for name in sorted(row.inputs)))


def folded(texts: Iterable[str]) -> Iterable[str]:
    return (" ".join(text.split()).casefold() for text in texts)
