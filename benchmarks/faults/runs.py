"""Whole runs over real HTTP against a provider with faults: one schedule, one run (and its resumption), and every promise checked on it."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import topout.app.running
import topout.models.gateway
from benchmarks.faults.promises import Tried
from topout.app import RunView, resume
from topout.app.beginning import begin
from topout.app.running import checked_settings
from topout.config.settings import RunSettings
from topout.domain import Critiqued, Event, RolloutDone, Scored
from topout.errors import ModelError, TopoutError
from topout.models.retries import Retries
from topout.store.journal import read_journal
from topout.testing.faults import ANSWERS, LASTING, SLOW, TRANSIENT, FaultyProvider, Schedule
from topout.testing.provider import LABELS, make_task

__all__ = ["PROMISES", "SIZES", "Campaign", "impatient", "outcome", "quick_settings"]

SIZES = {"train": 10, "dev": 10, "holdout": 12}
CALLS = 100
PRICES = {"reader": (0.001, 0.00001), "critic": (0.001, 0.00001)}
TIMEOUT_S = 60.0
HANG_S = 6.0
"""The time-out of a run that a hanging call is part of: a slow machine must not take a slow answer for one."""

DEADLINE_S = 3.0
GRACE_S = 10.0  # calls that have left get 5 s to reach the cache; the rest is the machine's
SEEDS = (0, 2, 3, 4, 5, 7)

CRASH = "a run ends in good order, or in one line that says why"
HANG = "no run outlives its deadline"
WRONG = "an outage is never scored as a wrong answer"
TWICE = "no reply is paid twice"
CALLS_KEPT = "never a call more than --max-calls"
MONEY = "never a cent more than --max-cost, replies that got lost included"
WINNER = "transient faults change nothing: the same run as without faults"
HEALED = "a run that an outage ended goes on to the same end"
LEDGER = "the ledger is the provider's own count, to the token"
PROMISES = (CRASH, HANG, WRONG, TWICE, CALLS_KEPT, MONEY, WINNER, HEALED, LEDGER)


def impatient(on: bool = True) -> None:
    """Back-offs a hundred times shorter, so that hundreds of runs fit into minutes. Nothing else is changed."""
    shorter = Retries(base_s=0.005, cap_s=0.05, retry_after_cap_s=0.2) if on else Retries()
    topout.models.gateway.Retries = lambda: shorter  # type: ignore[misc, assignment]


def outcome(view: RunView) -> dict[str, object]:
    """What two runs that are the same agree on: all that was decided and scored, but no seconds and no dollars. A row that an outage left without a score
    is no score: one that the other run has is missed here, one of an attempt that was given up is not."""
    f = view.findings
    rollouts = [done.rollout for done in f.rollouts if isinstance(done.rollout.score, Scored)]
    return {
        "winner": f.winner.id,
        "attempts": [(d.attempt.outcome, d.attempt.candidate and d.attempt.candidate.id, d.calls, d.champion) for d in f.attempts],
        "scores": {(r.candidate, r.example, r.sample): str(r.score) for r in rollouts},
        "verdict": f.verdict.ruling,
    }


def quick_settings(task: Path, url: str, seed: int, cache: Path, **more: Any) -> RunSettings:
    """Settings of a short run."""
    given: dict[str, Any] = {"max_calls": CALLS, "concurrency": 8, "timeout": TIMEOUT_S, **more}
    return checked_settings(
        task=str(task), model="openai/reader", critic="openai/critic", seed=seed, api_base=url, cache_dir=str(cache), **given
    )


@dataclass(frozen=True, slots=True)
class Case:
    """One schedule with the run that meets it. `kind` says what is expected of it."""

    kind: str
    number: int
    seed: int
    schedule: Schedule
    settings: Mapping[str, Any]
    tokens_per_word: float = 1.0

    @property
    def name(self) -> str:
        return f"schedule {self.number} ({self.kind}, run seed {self.seed})"


KINDS = ("transient", "transient", "transient", "transient", "answers", "lasting", "lasting", "money", "money", "deadline")


def drawn(number: int) -> Case:
    """The schedule of a number."""
    rng = random.Random(f"schedule/{number}")
    kind = KINDS[number % len(KINDS)]
    seed = rng.choice(SEEDS)
    transient = tuple(rng.sample(sorted(TRANSIENT.keys() - {"hang"}), rng.randint(1, 5)))
    hangs = number % 11 == 0
    schedule = Schedule(number, transient, rng.choice((0.05, 0.2, 0.5, 1.0)), rng.choice((1, 2, 3)), hangs=1)
    if hangs:
        schedule = replace(schedule, transient=(*transient, "hang"), share=0.5)
    if rng.random() < 0.5:
        first = rng.randrange(60)
        schedule = replace(schedule, burst=range(first, first + rng.choice((5, 20, 60))))
    settings: dict[str, Any] = {"concurrency": rng.choice((1, 4, 16, 32)), "timeout": HANG_S if hangs else TIMEOUT_S}
    per_word = 1.0
    answers = tuple(rng.sample(sorted(ANSWERS), rng.randint(1, 4)))
    match kind:
        case "answers":
            schedule = replace(schedule, answers=answers, answer_share=rng.choice((0.05, 0.2, 0.6)))
        case "lasting":
            schedule = replace(schedule, lasting=rng.choice(sorted(LASTING)), after=rng.randrange(3, 60))
        case "money":
            settings["max_cost"] = rng.choice((0.7, 1.5, 2.5, 4.0))
            settings["prices"] = tuple(f"openai/{name}=1000,10" for name in PRICES)
            per_word = rng.choice((0.7, 1.0, 1.5, 4.0))
            if rng.random() < 0.5:
                schedule = replace(schedule, answers=answers, answer_share=0.1)
        case "deadline":
            settings |= {"max_time": DEADLINE_S, "timeout": 120.0, "concurrency": rng.choice((1, 8, 32))}
            schedule = replace(schedule, transient=tuple(SLOW), share=rng.choice((0.1, 0.5, 1.0)), hangs=50)
        case _:
            pass
    return Case(kind, number, seed, schedule, settings, per_word)


class Campaign:
    """Runs schedules in this process, one after the other. `folder` is where all of it is written."""

    def __init__(self, folder: Path) -> None:
        impatient()
        self._derive = topout.app.running.write_derived
        self._folder = folder
        self._task = make_task(folder / "small", SIZES)
        self._undisturbed: dict[int, tuple[dict[str, object], int]] = {}

    def undisturbed(self, seed: int) -> tuple[dict[str, object], int]:
        """What the run of this seed comes to without faults, and how many calls that takes."""
        if seed not in self._undisturbed:
            with FaultyProvider() as provider, tempfile.TemporaryDirectory(dir=self._folder) as place:
                view = self._begin(quick_settings(self._task, provider.url, seed, Path(place) / "cache"), Path(place))
                self._undisturbed[seed] = outcome(view), provider.arrived
        return self._undisturbed[seed]

    def _begin(self, settings: RunSettings, place: Path) -> RunView:
        return begin(settings, place / "runs", None)

    def run(self, number: int) -> list[Tried]:
        """One schedule. Every tenth run draws its page as well, none with a deadline: drawing comes after it."""
        case = drawn(number)
        impatient(case.kind != "deadline")
        topout.app.running.write_derived = self._derive if number % 10 == 3 else lambda view: None
        expected, _ = self.undisturbed(case.seed)
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            prices = PRICES if case.kind == "money" else {}
            with FaultyProvider(case.schedule, prices, case.tokens_per_word) as provider:
                return self._tried(case, provider, Path(folder), expected)

    def _tried(self, case: Case, provider: FaultyProvider, place: Path, expected: dict[str, object]) -> list[Tried]:
        settings = quick_settings(self._task, provider.url, case.seed, place / "cache", **case.settings)
        out: list[Tried] = []

        def tell(promise: str, held: bool, what: object = "") -> None:
            out.append(Tried(promise, held, case.name, "" if held else str(what)[:400]))

        began = time.monotonic()
        view, said = self._attempt(lambda: self._begin(settings, place), tell)
        took = time.monotonic() - began
        if case.kind == "deadline":
            tell(HANG, took <= DEADLINE_S + GRACE_S, f"{took:.1f} s for --max-time {DEADLINE_S:g} s")
        folder = next((place / "runs").glob("*/journal.jsonl"), None)
        if folder is None and case.kind == "lasting":  # it broke off before there was anything to keep
            provider.heal()
            view, said = self._attempt(lambda: self._begin(settings, place), tell)
            tell(HEALED, view is not None and outcome(view) == expected, difference(view, expected) or said)
            return out
        if folder is None:
            tell(WINNER if case.kind == "transient" else WRONG, case.kind != "transient" and said != "", f"no journal: {said}")
            return out
        if case.kind == "lasting":
            provider.heal()
            ended = view.findings.ended if view is not None else None
            if ended is None or ended.ending == "outage":
                view, said = self._attempt(lambda: resume(folder.parent), tell)
            tell(HEALED, view is not None and outcome(view) == expected, difference(view, expected) or said)
        if case.kind == "money" and view is not None and view.findings.ended and view.findings.ended.ending == "money":
            view, said = self._attempt(lambda: resume(folder.parent), tell)
        if case.kind == "transient":
            tell(WINNER, view is not None and outcome(view) == expected, difference(view, expected) or said)
        events = read_journal(folder)
        self._books(case, provider, events, tell)
        return out

    def _attempt(self, work: Any, tell: Any) -> tuple[RunView | None, str]:
        try:
            view = work()
        except TopoutError as error:
            said = str(error)
            tell(CRASH, "\n" not in said and "Traceback" not in said and (isinstance(error, ModelError) or bool(said)), said)
            return None, said
        except BaseException as error:  # noqa: BLE001 (that there is none is the promise)
            tell(CRASH, False, f"{type(error).__name__}: {error}")
            return None, repr(error)
        tell(CRASH, True)
        return view, ""

    def _books(self, case: Case, provider: FaultyProvider, events: list[Event], tell: Any) -> None:
        delivered = provider.delivered()
        rollouts = [e.rollout for e in events if isinstance(e, RolloutDone)]
        scored = [r for r in rollouts if isinstance(r.score, Scored)]
        bad = [r for r in scored if r.failure is not None or (r.answer not in LABELS and "truncated" not in case.schedule.answers)]
        tell(WRONG, not bad, bad[:1])
        twice = {key: n for key, n in delivered.items() if n > 1}
        tell(TWICE, not twice, [json.loads(key)["model"] for key in twice])
        tell(CALLS_KEPT, len(delivered) <= CALLS, len(delivered))
        if case.kind == "money":
            cap = case.settings["max_cost"]
            tell(MONEY, provider.billed_usd <= cap + 1e-9, f"${provider.billed_usd:.4f} of ${cap}")
        if case.kind in ("transient", "lasting", "answers", "money"):
            told = "missing usage" not in case.schedule.answers
            calls = [*rollouts, *(e for e in events if isinstance(e, Critiqued))]
            ours = sum((c.prompt_tokens or 0) + (c.output_tokens or 0) for c in calls if c.paid)
            done = zip(provider.log, provider.server.exchanges, strict=False)
            theirs = sum(sum(s.usage) for s, e in done if e.completed and '"usage"' in e.response.body)
            if told:
                tell(LEDGER, ours == theirs, f"journal {ours:,}, provider {theirs:,}")


def difference(view: RunView | None, expected: dict[str, object]) -> str:
    """What differs, by name."""
    if view is None:
        return ""
    found = outcome(view)
    ended = view.findings.ended
    return f"other {', '.join(k for k in found if found[k] != expected[k])}; ended by {ended and (ended.ending, ended.reason)}"
