"""The folder of a GEPA run (`gepa.optimize(..., run_dir=...)`, `dspy.GEPA(log_dir=...)`): gepa_state.bin, read as inert data.

Layout as of gepa 0.1.4 (core/state.py): scores of each accepted candidate on each validation row, its parents, the metric calls at its discovery, and a
trace of all iterations with the minibatch scores of parent and child.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from topout.domain import Operator
from topout.errors import UserError
from topout.logs.inert_pickle import UnreadablePickleError, read_inert
from topout.plateau.evidence import Challenger
from topout.plateau.foreign import ForeignRun, Trial

__all__ = ["read_gepa"]

STATE = "gepa_state.bin"
LARGEST = 512 * 2**20


def read_gepa(folder: Path) -> ForeignRun:
    """The run in a folder. Raises UserError when there is none, or when it cannot be read."""
    path = folder / STATE if folder.is_dir() else folder
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(
                f"{path}: larger than {LARGEST >> 20} MB, so not read. Was `track_best_outputs` on? Run without it, or give a CSV."
            )
        data = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror or error}. Name the run_dir (or log_dir) of a GEPA run: it holds {STATE}."
        ) from error
    try:
        state = read_inert(data)
    except UnreadablePickleError as error:
        raise UserError(
            f"{path}: cannot be read as a GEPA state: {str(error)[:200]}. Give a CSV instead: --from csv:FILE."
        ) from error
    if not isinstance(state, dict):
        raise UserError(f"{path}: found {type(state).__name__}, expected the state of a GEPA run.")
    return run_of(path, {str(key): value for key, value in state.items()})


def run_of(path: Path, state: Mapping[str, object]) -> ForeignRun:
    """Candidates, scores and trials from the fields of the state."""
    tables = items(state.get("prog_candidate_val_subscores"))
    if not tables:
        raise UserError(
            f"{path}: 'prog_candidate_val_subscores' is missing or empty. Is this the state of a GEPA run that has measured its seed?"
        )
    rows = sorted({str(key) for table in tables for key in keyed(table)})
    dev: dict[str, tuple[float, ...]] = {}
    for number, table in enumerate(tables):
        known = {str(key): value for key, value in keyed(table).items()}
        dev[str(number)] = tuple(score(path, known.get(row, math.nan)) for row in rows)
    calls_at = [whole(value) for value in items(state.get("num_metric_calls_by_discovery"))]
    parents = [items(one) for one in items(state.get("parent_program_for_candidate"))]
    trials = trials_of(path, state, dev, calls_at, parents)
    missing = ("held-out scores: GEPA measures on its validation set only, which is also what it selects on",)
    return ForeignRun("gepa", str(path.parent), "0", tuple(trials), dev, {}, by_row=True, missing=missing)


def trials_of(
    path: Path,
    state: Mapping[str, object],
    dev: Mapping[str, tuple[float, ...]],
    calls_at: Sequence[int],
    parents: Sequence[Sequence[object]],
) -> list[Trial]:
    """The seed, then every child that met its parent on a minibatch, in the order of the trace."""
    size = len(dev["0"])
    calls, champion = size, "0"
    trials = [Trial(calls, champion)]
    for step in items(state.get("full_program_trace")):
        entry = keyed(step)
        accepted = [str(whole(i)) for i in items(entry.get("new_program_indices"))] or (
            [str(whole(entry["new_program_idx"]))] if "new_program_idx" in entry else []
        )
        gates = minibatches(path, entry)
        gates.sort(key=lambda gate: sum(gate[0]) - sum(gate[1]))  # those that passed come first: they are told by what came of them
        for rank, (before, after) in enumerate(gates):
            calls += len(before) + len(after)
            if rank >= len(accepted) and before and len(before) == len(after):
                trials.append(Trial(calls, champion, challenger(after, before, kept=False)))
        for child in accepted:
            if child not in dev:
                raise UserError(
                    f"{path}: the trace names candidate {child}, of which there are no scores. Was the run copied while it was written?"
                )
            number = int(child)
            calls = max(calls, calls_at[number] if number < len(calls_at) else 0) + size
            parent = next((str(whole(p)) for p in parents[number] if p is not None), "0") if number < len(parents) else "0"
            if mean(dev[child]) > mean(dev[champion]):
                champion = child
            operator: Operator = "merge" if number < len(parents) and len(parents[number]) > 1 else "rewrite"
            met = challenger(dev[child], dev.get(parent, dev["0"]), kept=True)
            trials.append(Trial(calls, champion, met, operator))
    total = whole(state.get("total_num_evals"))
    if total > calls:
        trials.append(Trial(total, champion))
    return trials


def minibatches(path: Path, entry: Mapping[object, object]) -> list[tuple[list[float], list[float]]]:
    """Scores of parent and child on each minibatch of an iteration."""
    tasks = [keyed(task) for task in items(entry.get("tasks"))] or [entry]
    found = []
    for task in tasks:
        before = [score(path, s) for s in items(task.get("subsample_scores"))]
        after = [score(path, s) for s in items(task.get("new_subsample_scores"))]
        if "new_program_subsample_scores" in task:  # a merge: compared with the better of its two parents
            after = [score(path, s) for s in items(task.get("new_program_subsample_scores"))]
            pair = [[score(path, s) for s in items(task.get(f"id{i}_subsample_scores"))] for i in (1, 2)]
            before = max(pair, key=sum)
        if before or after:
            found.append((before, after))
    return found


def challenger(after: Sequence[float], before: Sequence[float], kept: bool) -> Challenger:
    """The mean paired difference with its standard error, a pseudo-row of half a point each way counted as in our own races."""
    differences = [a - b for a, b in zip(after, before, strict=True) if math.isfinite(a - b)]
    n = len(differences)
    if not n:
        return Challenger(0.0, 1.0, 0, kept)
    average = math.fsum(differences) / n
    squares = math.fsum((d - average) ** 2 for d in differences) + 0.5
    return Challenger(average, math.sqrt(squares / (n + 1) / n), n, kept)


def mean(scores: Sequence[float]) -> float:
    """The mean of the scored rows, -inf without any."""
    known = [s for s in scores if math.isfinite(s)]
    return math.fsum(known) / len(known) if known else -math.inf


def score(path: Path, value: object) -> float:
    """A score in [0, 1]."""
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    if not isinstance(value, bool | int | float) or not 0.0 <= value <= 1.0:
        raise UserError(f"{path}: found a score of {str(value)[:40]}, expected numbers from 0 to 1. {REMEDY}")
    return float(value)


REMEDY = "Scale the metric to [0, 1], or give a CSV with scaled scores: --from csv:FILE."


def whole(value: object) -> int:
    """A count, 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def items(value: object) -> list[object]:
    """A list's items, none for what is no list."""
    return list(value) if isinstance(value, list | tuple) else []


def keyed(value: object) -> Mapping[object, object]:
    """A mapping, empty for what is none."""
    return value if isinstance(value, dict) else {}
