"""Statistics of a run: intervals, paired gains, the curve and the verdict. Pure: no I/O, no clock, no scipy."""

from topout.plateau.curve import Checkpoint, checkpoints, simultaneous
from topout.plateau.evidence import Challenger, Contender, Evidence, champion_at, gather
from topout.plateau.intervals import mean_interval, paired_gain, paired_sd, rows_needed, smallest_detectable
from topout.plateau.probing import ProbePlan, Rung, chance_of_deciding, meeting, plan_probe, posterior, survivors
from topout.plateau.verdict import MIN_DEV, MIN_HOLDOUT, MIN_PROPOSALS, decide

__all__ = [
    "MIN_DEV",
    "MIN_HOLDOUT",
    "MIN_PROPOSALS",
    "Challenger",
    "Checkpoint",
    "Contender",
    "Evidence",
    "ProbePlan",
    "Rung",
    "champion_at",
    "chance_of_deciding",
    "checkpoints",
    "decide",
    "gather",
    "mean_interval",
    "meeting",
    "paired_gain",
    "paired_sd",
    "plan_probe",
    "posterior",
    "rows_needed",
    "simultaneous",
    "smallest_detectable",
    "survivors",
]
