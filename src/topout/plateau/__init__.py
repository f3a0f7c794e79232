"""Statistics of a run: intervals, paired gains, the curve and the verdict. Pure: no I/O, no clock, no scipy."""

from topout.plateau.curve import Checkpoint, checkpoints, simultaneous
from topout.plateau.evidence import Challenger, Evidence, champion_at, gather
from topout.plateau.intervals import mean_interval, paired_gain, paired_sd, rows_needed, smallest_detectable
from topout.plateau.verdict import MIN_DEV, MIN_HOLDOUT, MIN_PROPOSALS, decide

__all__ = [
    "MIN_DEV",
    "MIN_HOLDOUT",
    "MIN_PROPOSALS",
    "Challenger",
    "Checkpoint",
    "Evidence",
    "champion_at",
    "checkpoints",
    "decide",
    "gather",
    "mean_interval",
    "paired_gain",
    "paired_sd",
    "rows_needed",
    "simultaneous",
    "smallest_detectable",
]
