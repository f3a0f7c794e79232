"""The nouns: frozen values, no I/O."""

from topout.domain.model import Failure, FailureKind, ModelRole, Reply, Request, Usage
from topout.domain.prompt import Component, Demo, Message, Prompt
from topout.domain.run import (
    Attempt,
    AttemptDone,
    Candidate,
    Critiqued,
    Ending,
    Event,
    Lever,
    Operator,
    Outcome,
    Rollout,
    RolloutDone,
    RunEnded,
    RunResumed,
    RunStarted,
)
from topout.domain.score import Score, Scored, Unscored
from topout.domain.statistics import CurvePoint, Estimate, Gain, Ruling, Verdict
from topout.domain.task import SPLITS, Deployment, Example, Json, Split, Task

__all__ = [
    "SPLITS",
    "Attempt",
    "AttemptDone",
    "Candidate",
    "Component",
    "Critiqued",
    "CurvePoint",
    "Demo",
    "Deployment",
    "Ending",
    "Estimate",
    "Event",
    "Example",
    "Failure",
    "FailureKind",
    "Gain",
    "Json",
    "Lever",
    "Message",
    "ModelRole",
    "Operator",
    "Outcome",
    "Prompt",
    "Reply",
    "Request",
    "Rollout",
    "RolloutDone",
    "Ruling",
    "RunEnded",
    "RunResumed",
    "RunStarted",
    "Score",
    "Scored",
    "Split",
    "Task",
    "Unscored",
    "Usage",
    "Verdict",
]
