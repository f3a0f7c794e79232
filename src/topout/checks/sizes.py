"""Are there rows enough to see the gain that is worth having, and to get anywhere?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from topout.checks.answers import graded
from topout.checks.found import Found, Subject
from topout.plateau.intervals import rows_needed, smallest_detectable
from topout.plateau.verdict import MIN_DEV, MIN_HOLDOUT
from topout.plateau.wording import points

__all__ = ["TYPICAL_SD", "Visible", "split_sizes", "visible"]

TYPICAL_SD = 0.45
"""The paired standard deviation of a right/wrong score between two prompts, where about one row in five changes: sqrt(0.2). It is what finds 16 points at
50 rows and 5 at 500; graded scores need about a third of the rows."""

GRADED_SD = TYPICAL_SD / 3**0.5
"""The same for scores that grant parts."""

COARSE = 0.1
FEW_IN_ALL = 100
FEW_TRAIN = 20
FEW_DEV = 50


@dataclass(frozen=True, slots=True)
class Visible:
    """What the holdout can show: the smallest gain that it finds in 80 % of cases (one-sided 5 %), and the rows that the wanted gain takes."""

    smallest: float
    needed: int
    grouped: str
    graded: bool = False


def visible(subject: Subject) -> Visible:
    """The power of the holdout before anything is measured (`TYPICAL_SD`, `GRADED_SD`); groups count as one row each."""
    rows = subject.task.rows("holdout")
    groups = len({e.group or e.id for e in rows})
    said = f" in {groups:,} groups" if groups < len(rows) else ""
    parts = graded(subject)
    sd = GRADED_SD if parts else TYPICAL_SD
    return Visible(smallest_detectable(sd, groups), rows_needed(sd, subject.delta), said, parts)


def split_sizes(subject: Subject) -> Iterable[Found]:
    """Minimums of the verdict, and the smallest gain that the holdout can show."""
    task = subject.task
    n, seen = len(task.rows("holdout")), visible(subject)
    if n < MIN_HOLDOUT:
        yield Found(
            "error",
            "holdout-size",
            subject.begins("holdout"),
            f"{n} holdout rows: under {MIN_HOLDOUT} there is no verdict",
            f"Add {MIN_HOLDOUT - n} rows or more.",
        )
    elif seen.smallest > COARSE:
        yield Found(
            "warning",
            "holdout-size",
            subject.begins("holdout"),
            f"{n} holdout rows{seen.grouped} show only gains of {points(seen.smallest)} points or more; {points(subject.delta)} points take about {seen.needed:,} rows",
            "Add holdout rows, or be content with large gains.",
        )
    dev, train = len(task.rows("dev")), len(task.rows("train"))
    if dev < MIN_DEV:
        yield Found(
            "error",
            "dev-size",
            subject.begins("dev"),
            f"{dev} dev rows: under {MIN_DEV} there is no verdict",
            f"Add {MIN_DEV - dev} rows or more.",
        )
    elif dev < FEW_DEV:
        yield Found(
            "warning",
            "dev-size",
            subject.begins("dev"),
            f"{dev} dev rows: what is best on so few is best by chance; its dev score was 9 points too high at 20 to 50 rows in simulated runs",
            f"Have {FEW_DEV} or more; 100 to 200 are better.",
        )
    whole = n + dev + train
    if whole < FEW_IN_ALL:
        yield Found(
            "note",
            "few-rows",
            subject.begins("train"),
            f"{whole} rows in all: which prompt wins hangs on which rows are dev",
            "Search several times, each row once in dev, on the same holdout: topout optimize TASK --folds 5.",
        )
    if train < FEW_TRAIN:
        yield Found(
            "warning",
            "train-size",
            subject.begins("train"),
            f"{train} train rows for the critic to learn from",
            f"Have {FEW_TRAIN} or more; 40 to 500 are usual.",
        )
