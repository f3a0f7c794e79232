"""What happens in a run: candidates, rollouts, attempts, and the events that record them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from topout.domain.advice import FailureCluster
from topout.domain.model import FailureKind, ModelRole, Step
from topout.domain.prompt import Prompt
from topout.domain.score import Score
from topout.domain.task import Json, Split

__all__ = [
    "ALONE",
    "ANALYSIS",
    "EXAM",
    "PROBE_ATTEMPTS",
    "Analysed",
    "Attempt",
    "AttemptDone",
    "Candidate",
    "Critiqued",
    "Ending",
    "Event",
    "Lever",
    "Operator",
    "Outcome",
    "ProbeEnded",
    "ProbeResumed",
    "ProbeStarted",
    "Proposal",
    "Proposed",
    "Rollout",
    "RolloutDone",
    "RunEnded",
    "RunResumed",
    "RunStarted",
    "RungDone",
    "probe_of",
]

Lever = Literal["baseline", "instructions", "demos", "reasoning", "format", "voting", "retrieval"]
Operator = Literal["baseline", "rewrite", "merge", "shorten", "demos", "switch"]
Outcome = Literal["kept", "dropped", "rejected", "failed", "cut"]
Proposal = Literal["raced", "duplicate", "rejected", "failed"]
Ending = Literal["budget", "finished", "stopped", "outage", "money", "time"]

EXAM = -2
"""The attempt number under which champions are measured on holdout and shift."""

ALONE = -3
"""The attempt number under which prompts with one lever of the winner's are measured on the holdout."""

ANALYSIS = -4
"""The attempt number under which the critic is asked why the winner still fails."""

PROBE_ATTEMPTS = 1_000_000
"""Probe number p of a run has the attempt numbers from p times this on: more than any search reaches."""


def probe_of(attempt: int) -> int:
    """The number (from 1) of the probe that an attempt number belongs to; 0 for the search, the baseline and the exam."""
    return max(0, attempt) // PROBE_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt with its lineage. `id` is a hash of the prompt's content, so equal prompts are one candidate."""

    id: str
    prompt: Prompt
    parents: tuple[str, ...] = ()
    operator: Operator = "baseline"
    rationale: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One candidate answering one example once. `cost_usd` is the list price, None when unknown; `paid` is False for a cached
    reply that this run did not pay for; `failure` is set when the model gave no answer (the score is then `Unscored`). `steps` are those of a program,
    in order, or the replies that an answer was taken out of; none where the one reply is the answer.

    An answer may take several `calls` (voting, programs): tokens and dollars are those of all, `paid` is True when one of them was paid for, and `cached`
    of them, at `cached_usd`, were not. `key` names the replies in the cache, with blanks between (where there are steps, the
    last one: they name theirs). `unread` of its replies lacked the mark of the final answer, which was guessed then.

    `judged` are the calls of the judge that scored the answer, none where a program did. Their tokens and dollars are in none of the figures above, which are
    those of an answer. Where `failure` is set and there are such calls, it is the judge that failed."""

    candidate: str
    example: str
    split: Split
    sample: int
    answer: str
    score: Score
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float = 0.0
    paid: bool = True
    failure: FailureKind | None = None
    key: str = ""
    steps: tuple[Step, ...] = ()
    calls: int = 1
    cached: int = 0
    cached_usd: float = 0.0
    unread: int = 0
    judged: tuple[Step, ...] = ()

    @property
    def all_calls(self) -> int:
        """The calls of all models that it took."""
        return self.calls + len(self.judged)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at something better, from plan to decision.

    `outcome`: kept (joined the pool), dropped (worse than its parent on paired dev rows), rejected (the proposal did not pass the
    checks and was never tried), failed (the models gave nothing to work with), cut (the budget ended first).
    `gain` is the mean paired dev difference to the parent over `rows` rows, with its standard error `gain_se`; None without a trial.
    `reason` is one line for a person.
    """

    number: int
    operator: Operator
    parents: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    candidate: Candidate | None = None
    gain: float | None = None
    gain_se: float | None = None
    rows: int = 0


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event: what was asked, in full."""

    schema: int
    run: str
    settings: Mapping[str, Json]
    manifest: Mapping[str, Json]
    at: float


@dataclass(frozen=True, slots=True)
class RunResumed:
    """The run was taken up again."""

    at: float


@dataclass(frozen=True, slots=True)
class RolloutDone:
    """A rollout is known. `attempt` is the number of the attempt that asked for it (-1 baseline on dev, `EXAM`, `ALONE`)."""

    attempt: int
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Critiqued:
    """A critic or judge replied (or failed), for `attempt`. `text` is its whole reply. `turn` is the number of the question among those of the attempt, from 1:
    some are asked at the same time, and replies come as they come."""

    attempt: int
    role: ModelRole
    text: str
    finish_reason: str
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float = 0.0
    paid: bool = True
    failure: FailureKind | None = None
    key: str = ""
    turn: int = 1


@dataclass(frozen=True, slots=True)
class AttemptDone:
    """An attempt was committed, in order of its number. `calls` is the search's cumulative count of task and critic calls after
    it, `task_calls` of task calls alone; `champion` is the champion after it."""

    attempt: Attempt
    calls: int
    task_calls: int
    champion: str
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run came to an end. A run that was `stopped`, or ended by `outage`, `money` or `time`, can be resumed."""

    ending: Ending
    reason: str
    at: float
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysed:
    """The critic was asked why `candidate` still fails on these dev `rows` (ids, in the order in which it read them). `reason` says why nothing came
    of it, '' otherwise. Titles and explanations of the clusters are untrusted."""

    candidate: str
    rows: tuple[str, ...]
    clusters: tuple[FailureCluster, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeStarted:
    """A plateau probe of the ended run began, its `number`-th (from 1): all that it does follows from this and the journal before it.

    `rungs` are pairs: so many of the best proposals meet `champion` on the first so many of the probe's rows (those of earlier rungs
    included). `asked` moves are drawn from the run's optimizer. `task_calls` and `critic_calls` are the most that it makes. `chance` is how likely it
    was, as told beforehand, to decide (None: not known). `settings` are its own limits.
    """

    number: int
    champion: str
    rungs: tuple[tuple[int, int], ...]
    asked: int
    task_calls: int
    critic_calls: int
    chance: float | None
    settings: Mapping[str, Json]
    at: float


@dataclass(frozen=True, slots=True)
class ProbeResumed:
    """A probe that was cut short was taken up again."""

    number: int
    at: float


@dataclass(frozen=True, slots=True)
class Proposed:
    """What came of one move of a probe, in order of the attempt numbers.

    `outcome`: raced (it met the champion), duplicate (the same prompt as an earlier one of this run or its probes), rejected (it did not pass
    the checks), failed (the models gave nothing to work with). `reason` is one line for a person.
    """

    attempt: int
    operator: Operator
    parents: tuple[str, ...]
    outcome: Proposal
    reason: str = ""
    candidate: Candidate | None = None


@dataclass(frozen=True, slots=True)
class RungDone:
    """A rung of a probe is over; `survivors` are the attempt numbers of the proposals that go on (after the last rung: the finalists)."""

    probe: int
    rung: int
    survivors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    """A probe came to its end (`finished`), or to a halt that it can be taken up from."""

    number: int
    ending: Ending
    reason: str
    at: float


Event = (
    RunStarted
    | RunResumed
    | RolloutDone
    | Critiqued
    | AttemptDone
    | RunEnded
    | Analysed
    | ProbeStarted
    | ProbeResumed
    | Proposed
    | RungDone
    | ProbeEnded
)
