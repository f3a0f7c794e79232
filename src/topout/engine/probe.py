"""The plateau probe: what would the optimizer try next, and is any of it better than the champion, on rows that no decision has used?

    plan moves ──► propose ──► race with the champion on the holdout, rung by rung ──► finalists
    (the run's optimizer, from the search's last history)      (what the exam knows of the champion costs nothing)

A proposal is made by the optimizer's own `attempt`: its lab answers all that the move announced and its critiques, and has no dev row left,
so the attempt ends where its trial would begin. Holdout rows are rolled out here alone, never in reach of optimizer or critic.
What is decided depends on replies, never on which came first; the journal is the checkpoint, as in a run.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from topout.contracts import History, Journal, Move, Optimizer, Stop
from topout.domain import (
    PROBE_ATTEMPTS,
    AttemptDone,
    Candidate,
    Ending,
    Event,
    Example,
    Json,
    ProbeEnded,
    ProbeStarted,
    Prompt,
    Proposed,
    Rollout,
    RungDone,
    Scored,
    Task,
    probe_of,
)
from topout.engine.allowance import Allowance, Weights
from topout.engine.critic import Critic
from topout.engine.halt import Halt
from topout.engine.harness import Harness
from topout.engine.lab import AttemptLab, reads_of
from topout.engine.pairs import Key
from topout.engine.past import past_of
from topout.engine.replay import Replay
from topout.errors import JournalError
from topout.plateau.probing import SIZES, Rung, meeting, plan_probe, survivors
from topout.search.place import rng_for
from topout.text.fingerprints import prompt_id

__all__ = ["Design", "Draw", "Probe", "again", "begun", "design", "under_way"]


@dataclass(frozen=True, slots=True)
class Draw:
    """A move that the optimizer planned. `repeats` names the candidate whose prompt it would try again: that is known at once and costs nothing.

    `reads` are the train rollouts that it announces, `calls` the most that an answer of its proposal takes."""

    attempt: int
    move: Move
    repeats: str = ""
    reads: Weights = field(default_factory=dict)
    calls: int = 1

    @property
    def asks_critic(self) -> bool:
        return self.move.prompt is None

    @property
    def critiques(self) -> int:
        """How often it asks the critic at most."""
        return self.move.critiques if self.asks_critic else 0


@dataclass(frozen=True, slots=True)
class Design:
    """A probe, ready to run. An answer of the champion takes `champion_calls`. `rows` are holdout rows in the probe's own order, those that the champion was examined on first. `known` are
    rollouts that are paid for; `tried` the candidates that are no news. `stopped` is why the optimizer planned no more ('' when it did)."""

    number: int
    champion: Candidate
    rows: tuple[Example, ...]
    rungs: tuple[Rung, ...]
    draws: tuple[Draw, ...]
    task: Task
    known: frozenset[Key] = frozenset()
    tried: frozenset[str] = frozenset()
    stopped: str = ""
    champion_calls: int = 1

    @property
    def proposals(self) -> int:
        """Proposals that may come to a race."""
        return sum(not draw.repeats for draw in self.draws)

    @property
    def read_calls(self) -> int:
        """Calls for train rows that have to be answered before the critic can read them."""
        return sum(fresh_reads(self.draws, self.known).values())

    @property
    def critic_calls(self) -> int:
        return sum(draw.critiques for draw in self.draws)

    @property
    def race_calls(self) -> int:
        """Calls on the probe's rows, when every proposal comes to the race and the heaviest go furthest; also the champion's, on rows that its exam
        left out."""
        last = self.rungs[-1].rows
        calls = self.champion_calls * sum((self.champion.id, row.id, 0) not in self.known for row in self.rows[:last])
        weights = sorted((draw.calls for draw in self.draws if not draw.repeats), reverse=True)
        seen = 0
        for rung in self.rungs:
            calls += sum(weights[: rung.contenders]) * (rung.rows - seen)
            seen = rung.rows
        return calls

    @property
    def calls(self) -> int:
        """The most that the probe asks of both models."""
        return self.read_calls + self.critic_calls + self.race_calls


@dataclass(frozen=True, slots=True)
class Scene:
    """What a probe starts from: the end of the search, and what its journal knows before the probe."""

    task: Task
    history: History
    champion: Candidate
    rows: tuple[Example, ...]
    known: frozenset[Key]
    tried: frozenset[str]
    calls: Callable[[Prompt], int]

    @classmethod
    def of(cls, task: Task, events: Sequence[Event], calls: Callable[[Prompt], int]) -> Scene:
        """From a journal. As many calls are left as the search has spent: the verdict is about the next doubling."""
        past, done = past_of(task, events, calls)
        known = frozenset(Replay.of(events).rollouts)
        history = past.history(done.calls, done.calls)
        return cls(past.task, history, past.champion, task.rows("holdout"), known, frozenset(candidates(events)), calls)

    def design(self, number: int, rungs: tuple[Rung, ...], draws: Sequence[Draw], seed: int, stopped: str = "") -> Design:
        """With these rungs and draws. Rows that the champion was examined on come first: there it costs nothing."""
        rows = list(self.rows)
        rng_for(seed, number * PROBE_ATTEMPTS, "probe rows").shuffle(rows)
        rows.sort(key=lambda row: (self.champion.id, row.id, 0) not in self.known)
        weight = self.calls(self.champion.prompt)
        return Design(number, self.champion, tuple(rows), rungs, tuple(draws), self.task, self.known, self.tried, stopped, weight)

    def draw(self, optimizer: Optimizer, number: int, seed: int, wanted: int, most: int) -> tuple[list[Draw], str]:
        """Moves of the optimizer until there are `wanted` that repeat nothing, `most` at most; fewer when it plans no more, and why it does not."""
        draws: list[Draw] = []
        seen = set(self.tried)
        for attempt in range(number * PROBE_ATTEMPTS, number * PROBE_ATTEMPTS + most):
            if wanted == 0:
                break
            move = optimizer.plan(attempt, self.history, rng_for(seed, attempt, "plan"))
            if isinstance(move, Stop):
                return draws, move.reason
            name = prompt_id(move.prompt) if move.prompt is not None else ""
            made = move.prompt or (move.parents[0] if move.parents else self.history.pool[0]).candidate.prompt
            draws.append(Draw(attempt, move, name if name in seen else "", reads_of(move, self.calls), self.calls(made)))
            wanted -= not draws[-1].repeats
            seen |= {name} - {""}
        return draws, ""


def design(
    task: Task,
    optimizer: Optimizer,
    events: Sequence[Event],
    *,
    number: int,
    seed: int,
    max_calls: int | None,
    calls: Callable[[Prompt], int],
) -> Design | None:
    """The largest probe of an ended search that fits into `max_calls` calls of both models (None: any number); None when not even the smallest
    does, or when there are too few holdout rows. Rows that the champion's exam left out are bought for it when the cap allows for that. Repeats that are known at once are replaced by further moves, as far as twice
    as many get. `calls` is how many calls an answer of a prompt takes at most."""
    scene = Scene.of(task, events, calls)
    weight = calls(scene.champion.prompt)
    examined = sum((scene.champion.id, row.id, 0) in scene.known for row in scene.rows)
    moves, stopped = scene.draw(optimizer, number, seed, SIZES[-1].proposals, 2 * SIZES[-1].proposals)
    for rows in dict.fromkeys((len(scene.rows), examined)):
        wanted = SIZES[-1].proposals
        while True:
            draws = first(moves, wanted)
            proposals = sum(not draw.repeats for draw in draws)
            getting = sum(fresh_reads(draws, scene.known).values()) + sum(draw.critiques for draw in draws)
            room = None if max_calls is None else max_calls - weight * min(rows - examined, SIZES[-1].rungs[-1].rows)
            heaviest = max((draw.calls for draw in draws if not draw.repeats), default=1)
            plan = plan_probe(rows, room, getting / max(1, proposals), heaviest)
            if plan is None:
                break
            if plan.proposals >= wanted:
                return scene.design(number, plan.rungs, draws, seed, stopped if proposals < wanted else "")
            wanted = plan.proposals
    return None


def again(
    task: Task,
    optimizer: Optimizer,
    before: Sequence[Event],
    started: ProbeStarted,
    seed: int,
    calls: Callable[[Prompt], int],
) -> Design:
    """The design of a probe that began earlier, from what the journal held before it."""
    scene = Scene.of(task, before, calls)
    draws, _ = scene.draw(optimizer, started.number, seed, started.asked, started.asked)
    rungs = tuple(Rung(contenders, rows) for contenders, rows in started.rungs)
    found = scene.design(started.number, rungs, draws, seed)
    if found.champion.id != started.champion or len(draws) != started.asked or len(found.rows) < rungs[-1].rows:
        raise another()
    return found


def begun(plan: Design, chance: float | None, settings: Mapping[str, Json], at: float) -> ProbeStarted:
    """The event that begins a probe."""
    rungs = tuple((rung.contenders, rung.rows) for rung in plan.rungs)
    task_calls = plan.read_calls + plan.race_calls
    return ProbeStarted(plan.number, plan.champion.id, rungs, len(plan.draws), task_calls, plan.critic_calls, chance, settings, at)


def under_way(events: Sequence[Event]) -> int | None:
    """Where in the journal the latest probe began, when it is not finished; else None."""
    for at in reversed(range(len(events))):
        match events[at]:
            case ProbeEnded(ending="finished"):
                return None
            case ProbeStarted():
                return at
            case _:
                pass
    return None


def first(draws: Sequence[Draw], wanted: int) -> list[Draw]:
    """The draws up to the one that makes the `wanted`-th proposal."""
    found: list[Draw] = []
    for draw in draws:
        if wanted == 0:
            break
        found.append(draw)
        wanted -= not draw.repeats
    return found


def fresh_reads(draws: Iterable[Draw], known: Collection[Key]) -> dict[Key, int]:
    """The train rollouts that these moves need and nobody has paid for, with their calls."""
    return {key: n for draw in draws if not draw.repeats for key, n in draw.reads.items() if key not in known}


def candidates(events: Iterable[Event]) -> set[str]:
    """Every prompt that the search or a probe arrived at."""
    found: set[str] = set()
    for event in events:
        match event:
            case AttemptDone(attempt) if attempt.candidate is not None:
                found.add(attempt.candidate.id)
            case Proposed(candidate=Candidate(id=name)):
                found.add(name)
            case _:
                pass
    return found


@dataclass(slots=True)
class Earlier:
    """What earlier sessions of a probe decided."""

    proposed: dict[int, Proposed] = field(default_factory=dict)
    rungs: dict[int, RungDone] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event], number: int) -> Earlier:
        earlier = cls()
        for event in events:
            match event:
                case Proposed(attempt) if probe_of(attempt) == number:
                    earlier.proposed[attempt] = event
                case RungDone(probe) if probe == number:
                    earlier.rungs[event.rung] = event
                case _:
                    pass
        return earlier


class Probe:
    """One probe. `events` are those of the journal so far; decisions of earlier sessions in them stand."""

    def __init__(
        self,
        plan: Design,
        optimizer: Optimizer,
        harness: Harness,
        critic: Critic,
        journal: Journal,
        halt: Halt,
        events: Iterable[Event],
        seed: int,
    ) -> None:
        self._plan = plan
        self._optimizer = optimizer
        self._harness = harness
        self._critic = critic
        self._journal = journal
        self._halt = halt
        self._earlier = Earlier.of(events, plan.number)
        self._seed = seed
        self._rival = (plan.number + 1) * PROBE_ATTEMPTS - 1
        self._allowance = Allowance(plan.read_calls + plan.critic_calls)
        self._allowance.settle(-1, dict.fromkeys(plan.known, 0), 0)
        for draw in plan.draws:
            if not draw.repeats:
                self._allowance.grant(draw.attempt, draw.critiques, draw.reads)
                self._allowance.turn(draw.attempt)

    async def run(self) -> tuple[Ending, str]:
        """Propose and race; how it ended, and why. Errors of the journal, the scorer or the optimizer come in a group."""
        try:
            contenders = await self._propose_and_begin()
            for rung in range(len(self._plan.rungs)):
                if self._halt.ending is None:
                    contenders = await self._decide(rung, contenders)
            return (self._halt.ending, self._halt.reason) if self._halt.ending else ("finished", "")
        finally:
            await self._harness.close()

    async def _propose_and_begin(self) -> dict[int, Candidate]:
        """All proposals, in flight together. Each meets the champion for the first time as soon as it and those before it are there."""
        contenders: dict[int, Candidate] = {}
        tried = set(self._plan.tried)
        async with asyncio.TaskGroup() as group:
            proposing = [group.create_task(self._propose(draw)) for draw in self._plan.draws]
            for task in proposing:
                proposed = await task
                if proposed is None:
                    break
                proposed = self._commit(proposed, tried)
                if proposed.outcome == "raced" and proposed.candidate is not None:
                    contenders[proposed.attempt] = proposed.candidate
                    if 0 not in self._earlier.rungs:
                        if len(contenders) == 1:
                            group.create_task(self._measure(0, self._rival, self._plan.champion))
                        group.create_task(self._measure(0, proposed.attempt, proposed.candidate))
        return contenders

    async def _propose(self, draw: Draw) -> Proposed | None:
        """What comes of a move; None when the probe was halted before that was known."""
        parents = tuple(member.candidate.id for member in draw.move.parents)
        done = self._earlier.proposed.get(draw.attempt)
        if done is not None:
            if (done.operator, done.parents) != (draw.move.operator, parents):
                raise another()
            return done
        if draw.repeats:
            return Proposed(draw.attempt, draw.move.operator, parents, "duplicate", f"the same prompt as {draw.repeats}")
        plan = self._plan
        lab = AttemptLab(draw.attempt, self._seed, plan.task, self._harness, self._critic, self._allowance, draw.reads, draw.calls)
        attempt = await self._optimizer.attempt(draw.attempt, draw.move, lab)
        candidate = attempt.candidate or lab.made
        if candidate is not None:
            return Proposed(draw.attempt, draw.move.operator, parents, "raced", candidate=candidate)
        if attempt.outcome == "rejected":
            return Proposed(draw.attempt, draw.move.operator, parents, "rejected", attempt.reason)
        if self._halt.ending is not None:
            return None
        reason = "it needs more than its plan announced" if attempt.outcome == "cut" else attempt.reason
        return Proposed(draw.attempt, draw.move.operator, parents, "failed", reason)

    def _commit(self, proposed: Proposed, tried: set[str]) -> Proposed:
        """Journal a proposal, unless it stands there. One whose prompt is no news is a duplicate."""
        candidate = proposed.candidate
        if candidate is not None and candidate.id in tried:
            reason = f"the same prompt as {candidate.id}"
            proposed = Proposed(proposed.attempt, proposed.operator, proposed.parents, "duplicate", reason)
        elif candidate is not None:
            tried.add(candidate.id)
        if proposed.attempt not in self._earlier.proposed:
            self._journal.append(proposed)
        return proposed

    async def _measure(self, rung: int, attempt: int, candidate: Candidate) -> list[Rollout] | None:
        """The candidate on the rows that a rung adds."""
        rungs = self._plan.rungs
        start = rungs[rung - 1].rows if rung else 0
        return await self._harness.measure(attempt, candidate, self._plan.rows[start : rungs[rung].rows])

    def _scores(self, rung: int, attempt: int, candidate: Candidate) -> tuple[float, ...]:
        """Its scores on all rows up to the end of a rung, nan where there is none. A row that failed in an earlier rung is not asked again."""
        rows = self._plan.rows[: self._plan.rungs[rung].rows]
        known = [self._harness.known(attempt, candidate, row) for row in rows]
        return tuple(r.score.value if r is not None and isinstance(r.score, Scored) else math.nan for r in known)

    async def _decide(self, rung: int, contenders: Mapping[int, Candidate]) -> dict[int, Candidate]:
        """Measure those who are left as far as the rung goes, all at once, and keep the best."""
        done = self._earlier.rungs.get(rung)
        if done is None:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._measure(rung, *one))
                    for one in (*contenders.items(), *([(self._rival, self._plan.champion)] if contenders else []))
                ]
            if any(task.result() is None for task in tasks):
                return dict(contenders)
            rungs = self._plan.rungs
            champion = self._scores(rung, self._rival, self._plan.champion)
            met = [meeting(self._scores(rung, *one), champion) for one in contenders.items()]
            keep = rungs[rung + 1].contenders if rung + 1 < len(rungs) else len(met)
            attempts = list(contenders)
            done = RungDone(self._plan.number, rung, tuple(attempts[i] for i in survivors(met, keep)))
            self._journal.append(done)
        return {attempt: contenders[attempt] for attempt in done.survivors}


def another() -> JournalError:
    return JournalError(
        "the probe in the journal was planned otherwise: the task, the recipe or topout changed since it began. "
        "Start a new run (replies are cached and cost nothing again)."
    )
