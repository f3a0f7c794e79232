"""Search and probe in rounds, until the verdict is clear or the limits are used up.

A round is a run and, while it cannot tell, a probe of it. The next round is a new run with twice the calls: its search begins with the same choices, so
its first replies come from the cache and cost nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Unpack

from topout.app.beginning import begin
from topout.app.options import RunOptions, asked
from topout.app.places import task_path
from topout.app.planning import exam_of
from topout.app.probing import probe
from topout.app.views import RunView
from topout.app.workbench import Watch
from topout.config.settings import RunSettings
from topout.errors import UserError
from topout.plateau.wording import chance, dollars
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task
from topout.report.findings import Findings, RoleSpend, total

__all__ = ["optimize_until_decided"]

LONGER = 1.25
"""A next round is worth its calls when it is at least so many times as long as the one before."""


def optimize_until_decided(
    task: str | Path,
    *,
    runs_dir: str | Path = "runs",
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda line: None,
    **options: Unpack[RunOptions],
) -> RunView:
    """Search, probe, and search longer, until the verdict is clear. The view of the last round.

    The limits among `options` hold over all rounds together: `max_cost` in dollars paid (replies from the cache cost nothing), `max_calls` in calls of all models, cached
    ones too, `max_time` in seconds. `tell` is told a line a round. With `max_calls` the first round takes a quarter of them at most, else the recipe's.

    Raises UserError without a limit of money or calls, and for what `optimize` raises it for.
    """
    settings = asked(task, **options).model_copy(update={"paid_only": True})
    if settings.max_cost is None and settings.max_calls is None:
        raise UserError("--until-decided goes on until it knows: it needs a limit. Give --max-cost DOLLARS or --max-calls N.")
    limits = Limits(settings)
    calls, number = first_calls(settings), 1
    while True:
        view = begin(limits.settings(calls), Path(runs_dir), watch, tell)
        limits.take(view.findings, ())
        tell(said(number, "search", view, limits))
        if over(view):
            return view
        view, why_not = probed(view, limits, watch)
        if why_not:
            tell(f"Round {number}: no probe. {why_not}")
        if view.findings.probes:
            tell(said(number, "probe", view, limits))
            last = view.findings.probes[-1]
            if view.verdict.ruling != "can't tell yet" or not last.finished:
                return view
        longer = limits.next_calls(calls)
        why = limits.used_up(view.findings) or ("the calls that are left allow for no longer round" if longer is None else "")
        if why or longer is None:
            tell(f"Undecided, and the end: {why}.")
            return view
        calls, number = longer, number + 1


class Limits:
    """What all rounds together may take, and have taken."""

    def __init__(self, asked: RunSettings) -> None:
        self._asked = asked
        self._began = time.monotonic()
        self.calls = 0
        self.paid_usd = 0.0
        self._unpriced = 0

    def take(self, f: Findings, without: Sequence[str]) -> None:
        """Count what a run used, all roles but those that were counted before."""
        used = total([spend for role, spend in f.spend.items() if role not in without])
        self._add(used)

    def _add(self, used: RoleSpend) -> None:
        self.calls += used.calls
        self.paid_usd += used.paid_usd
        self._unpriced += used.unpriced

    def calls_left(self) -> int | None:
        return None if self._asked.max_calls is None else max(0, self._asked.max_calls - self.calls)

    def cost_left(self) -> float | None:
        """Dollars. Where a price stayed unknown none is left: what such a call took is not known either."""
        if self._asked.max_cost is None:
            return None
        return 0.0 if self._unpriced else max(0.0, self._asked.max_cost - self.paid_usd)

    def time_left(self) -> float | None:
        return None if self._asked.max_time is None else self._asked.max_time - (time.monotonic() - self._began)

    def settings(self, calls: int) -> RunSettings:
        """Those of a round of so many calls."""
        return self._asked.model_copy(update={"max_calls": calls, "max_cost": self.cost_left(), "max_time": self.time_left()})

    def next_calls(self, before: int) -> int | None:
        """Twice the calls, or what is left of them; None when that is hardly more than before."""
        left = self.calls_left()
        longer = 2 * before if left is None else min(2 * before, left)
        return longer if longer >= LONGER * before else None

    def used_up(self, f: Findings) -> str:
        """Why there is no further round, '' when there may be one."""
        if f.ended is not None and f.ended.ending == "finished":
            return f"the search has nothing left to try ({f.ended.reason})"
        if self._unpriced and self._asked.max_cost is not None:
            return "a call came back without its price, so the money limit cannot be kept any further"
        if self.cost_left() == 0:
            return f"the {dollars(self._asked.max_cost or 0)} are used up"
        left = self.time_left()
        if left is not None and left <= 0:
            return "the time is used up"
        if self._asked.max_calls is None and not any(spend.cost_usd for spend in f.spend.values()):
            return "these models cost nothing, so --max-cost is no limit. Give --max-calls"
        return ""


def first_calls(asked: RunSettings) -> int:
    """Calls of the first round: the recipe's, but a quarter of the limit at most, or as many as it takes to search at all."""
    folder, loaded = load_task(task_path(asked.task)), load_recipe(asked.recipe)
    usual = loaded.recipe.max_calls
    if asked.max_calls is None:
        return usual
    for share in (4, 2):
        calls = min(usual, asked.max_calls // share)
        try:
            exam_of(folder, loaded, calls)
        except UserError:
            continue
        return calls
    return min(usual, asked.max_calls)


def over(view: RunView) -> bool:
    """Whether a run ended in a way that no probe and no further round mends, or with a clear verdict."""
    ended = view.findings.ended
    return ended is None or ended.ending not in ("budget", "finished") or view.verdict.ruling != "can't tell yet"


def probed(view: RunView, limits: Limits, watch: Watch | None) -> tuple[RunView, str]:
    """The run after a probe with what is left; as it was where none is to be had, and why."""
    cost, seconds = limits.cost_left(), limits.time_left()
    if cost == 0 or (seconds is not None and seconds <= 0) or limits.calls_left() == 0:
        return view, "The limits are used up."
    try:
        found = probe(view.folder, max_calls=limits.calls_left(), max_cost=cost, max_time=seconds, watch=watch)
    except UserError as error:
        return view, str(error)
    limits.take(found.findings, [role for role in found.findings.spend if role != "probe"])
    return found, ""


def said(number: int, what: str, view: RunView, limits: Limits) -> str:
    """A round in a line."""
    v = view.verdict
    odds = f" ({chance(v.probability)} that the next doubling gains it)" if v.probability is not None else ""
    return f"Round {number}, {what}: {v.ruling}{odds}; {limits.calls:,} calls and {dollars(limits.paid_usd)} so far; {view.folder.name}"
