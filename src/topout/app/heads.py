"""A run's line in a list."""

from __future__ import annotations

from topout.app.views import RunHead
from topout.domain import RunEnded, RunStarted
from topout.errors import JournalError
from topout.report.findings import RoleSpend, find, fold, spend_of, total
from topout.store.journal import read_journal
from topout.store.layout import RunFolder

__all__ = ["head"]


def head(folder: RunFolder) -> RunHead:
    """Read a run's head. Raises JournalError when its journal cannot be read."""
    events = read_journal(folder.journal)
    started = events[0]
    assert isinstance(started, RunStarted)
    asked, manifest = started.settings, started.manifest
    names = (folder.name, str(manifest.get("task", "")), str(asked.get("model", "")), str(manifest.get("recipe", "")))
    known = asked.get("seed")
    seed = known if isinstance(known, int) else None
    try:
        found = find(events)
    except JournalError:
        spent = total(list(spend_of(fold(events)).values()))
        ended = events[-1].ending if isinstance(events[-1], RunEnded) else None
        return RunHead(*names, started.at, ended, seed=seed, calls=spent.calls, paid_usd=paid(spent))
    ending = found.ended.ending if found.ended else None
    spent = total(list(found.spend.values()))
    measured = found.holdout.winner.n > 0
    return RunHead(
        *names,
        started.at,
        ending,
        found.holdout.baseline if found.holdout.baseline.n else None,
        found.holdout.winner if measured else None,
        found.verdict.ruling if measured else None,
        seed,
        spent.calls,
        paid(spent),
        measured and found.winner.id == found.baseline.id,
    )


def paid(spent: RoleSpend) -> float | None:
    """What was paid; None when the price of no call is known."""
    return spent.paid_usd if spent.unpriced < spent.calls - spent.failed or not spent.calls else None
