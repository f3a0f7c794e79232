"""The plateau probe: fresh proposals meet the champion on holdout rows; decided by replies alone, and the journal is its checkpoint."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import (
    Attempt,
    Critiqued,
    Event,
    Failure,
    ProbeEnded,
    ProbeResumed,
    ProbeStarted,
    Prompt,
    Proposed,
    Request,
    Rollout,
    RolloutDone,
    RungDone,
    RunStarted,
    probe_of,
)
from topout.engine.probe import design
from topout.errors import JournalError
from topout.plugins.optimizers import load_recipe
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import probe_in_memory, run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic

TASK = made_up_task(20, 24, 60)
EVOLVE = Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4))
Answer = Callable[[Request], str | Failure]


def climbing(request: Request) -> str:
    """Right on a share of rows that grows with the number of words that end in '7': there are always better prompts."""
    text = "\x1e".join(message.content for message in request.messages)
    share = 0.3 + 0.1 * sum(word.endswith("7") for word in text.split())
    digest = hashlib.blake2b(request.messages[-1].content.encode(), digest_size=8).digest()
    return "right" if int.from_bytes(digest, "big") < share * 2**64 else "wrong"


@cache
def searched(calls: int = 400) -> tuple[Event, ...]:
    model, critic = UnevenModel(fixed_accuracy(0.6, 5)), UnevenModel(writing_critic())
    work = run_in_memory(TASK, say_right, EVOLVE, model, critic, max_calls=calls, seed=5)
    return tuple(asyncio.run(work).events)


def probed(
    events: Sequence[Event] = (),
    capacity: int = 16,
    answer: Answer | None = None,
    critic: Answer | None = None,
    optimizer: Optimizer = EVOLVE,
    max_calls: int | None = None,
) -> tuple[list[Event], UnevenModel, UnevenModel]:
    model = UnevenModel(answer or fixed_accuracy(0.6, 5), salt=capacity, capacity=capacity)
    judge = UnevenModel(critic or writing_critic(), salt=capacity, capacity=capacity, most_turns=60)
    before = events or searched()
    work = probe_in_memory(TASK, say_right, optimizer, model, judge, before, max_calls=max_calls, seed=5)
    return asyncio.run(work), model, judge


def timeless(events: Sequence[Event]) -> list[Event]:
    timed = ProbeStarted | ProbeEnded | ProbeResumed
    return [replace(e, at=0.0) if isinstance(e, timed) else e for e in events]


def decisions(events: Sequence[Event]) -> list[Event]:
    return [e for e in timeless(events) if isinstance(e, ProbeStarted | Proposed | RungDone | ProbeEnded)]


def answered(events: Sequence[Event]) -> Counter[tuple[str, str]]:
    return Counter((e.rollout.candidate, e.rollout.example) for e in events if isinstance(e, RolloutDone))


def bought(events: Sequence[Event]) -> list[Rollout]:
    return [e.rollout for e in events if isinstance(e, RolloutDone) and probe_of(e.attempt)]


def test_a_probe_asks_races_and_keeps_the_best_rung_by_rung() -> None:
    events, model, critic = probed()
    started = next(e for e in events if isinstance(e, ProbeStarted))
    proposals = [e for e in events if isinstance(e, Proposed)]
    rungs = [e for e in events if isinstance(e, RungDone)]
    assert started.rungs == ((100, 10), (40, 50), (12, 60))
    assert len(proposals) == started.asked
    raced = [p.attempt for p in proposals if p.outcome == "raced"]
    assert [len(r.survivors) for r in rungs] == [40, 12, 12]
    assert set(rungs[0].survivors) <= set(raced) and set(rungs[1].survivors) <= set(rungs[0].survivors)
    assert isinstance(events[-1], ProbeEnded) and events[-1].ending == "finished"
    on_holdout = [r for r in bought(events) if r.split == "holdout"]
    assert len(on_holdout) == len(raced) * 10 + 40 * 40 + 12 * 10 + 7  # the exam measured the champion on 53 of the 60 rows
    assert model.asked + critic.asked <= started.task_calls + started.critic_calls
    assert {r.split for r in bought(events)} == {"train", "holdout"}


def test_one_call_at_a_time_writes_the_same_journal_event_for_event() -> None:
    assert timeless(probed(capacity=1)[0]) == timeless(probed(capacity=1)[0])


@pytest.mark.parametrize("capacity", [1, 4, 64])
def test_what_is_decided_depends_on_replies_alone(capacity: int) -> None:
    events, _, _ = probed(capacity=capacity)
    usual, _, _ = probed()
    assert decisions(events) == decisions(usual)
    assert answered(events) == answered(usual)


@pytest.mark.parametrize("capacity", [1, 16])
def test_cut_after_any_event_and_taken_up_again_it_ends_alike_and_asks_nothing_twice(capacity: int) -> None:
    whole, model, critic = probed(capacity=capacity, max_calls=900)
    begin = next(i for i, e in enumerate(whole) if isinstance(e, ProbeStarted))
    for cut in range(begin + 1, len(whole), 13 if capacity == 1 else 29):
        again, rest, judge = probed(whole[:cut], capacity)
        assert decisions(again) == decisions(whole)
        assert answered(again) == answered(whole)
        done = whole[begin:cut]
        assert sum(isinstance(e, RolloutDone) for e in done) + rest.asked == model.asked
        assert sum(isinstance(e, Critiqued) for e in done) + judge.asked == critic.asked
    assert model.asked + critic.asked <= 900


def test_cut_many_times_over_it_ends_alike() -> None:
    whole, model, _ = probed(max_calls=900)
    begin = next(i for i, e in enumerate(whole) if isinstance(e, ProbeStarted))
    events: Sequence[Event] = whole[: begin + 1]
    for cut in range(begin + 60, len(whole), 60):
        events = probed(events)[0][:cut]
    again, _, _ = probed(events)
    assert decisions(again) == decisions(whole)
    assert len(bought(again)) == model.asked


def test_a_second_probe_asks_anew_and_repeats_nothing() -> None:
    first, _, _ = probed(max_calls=900)
    second, _, _ = probed(first, max_calls=900)
    assert [e.number for e in second if isinstance(e, ProbeStarted)] == [1, 2]
    one, two = ([p for p in second if isinstance(p, Proposed) and probe_of(p.attempt) == n] for n in (1, 2))
    names = [p.candidate.id for p in (*one, *two) if p.candidate is not None]
    assert len(set(names)) == len(names) > 20
    assert max(answered(second).values()) == 1


@pytest.mark.parametrize("cap", [800, 900, 2000, 3000])
def test_the_cap_of_calls_is_kept(cap: int) -> None:
    events, model, critic = probed(max_calls=cap)
    started = next(e for e in events if isinstance(e, ProbeStarted))
    assert model.asked + critic.asked <= started.task_calls + started.critic_calls <= cap


def test_a_cap_under_the_smallest_design_is_refused() -> None:
    assert design(TASK, EVOLVE, searched(), number=1, seed=5, max_calls=300, calls=one_call) is None


def test_the_critic_never_sees_a_holdout_row() -> None:
    _, _, critic = probed()
    said = "\n".join(m.content for r in critic.requests for m in r.messages)
    assert "train row number" in said
    assert "holdout row number" not in said


def test_a_critic_that_repeats_itself_counts_once() -> None:
    def stuck(request: Request) -> str:
        return "Rationale: again\n```text\nAnswer well, always the same.\n```"

    only_rewrites = Evolve(
        EvolveSettings(lanes=3, read_rows=8, first_block=4, edits=1, champion_share=1.0, demos=0, merge=0, shorten=0)
    )
    events, _, _ = probed(critic=stuck, optimizer=only_rewrites, max_calls=900)
    outcomes = Counter(e.outcome for e in events if isinstance(e, Proposed))
    assert outcomes["raced"] == 1
    assert outcomes["duplicate"] == 19
    assert next(e for e in events if isinstance(e, RungDone)).survivors == (1_000_000,)


def test_refused_proposals_are_counted_and_never_raced() -> None:
    def refusing(request: Request) -> str:
        return "I would rather not."

    only_rewrites = Evolve(
        EvolveSettings(lanes=3, read_rows=8, first_block=4, edits=1, champion_share=1.0, demos=0, merge=0, shorten=0)
    )
    events, _, _ = probed(critic=refusing, optimizer=only_rewrites, max_calls=900)
    assert {(e.outcome, e.reason) for e in events if isinstance(e, Proposed)} == {
        ("rejected", "the critic's reply has no fenced block")
    }
    assert not [r for r in bought(events) if r.split == "holdout"]
    assert isinstance(events[-1], ProbeEnded) and events[-1].ending == "finished"


def one_call(prompt: Prompt) -> int:
    return 1


class Resting:
    """Plans four moves of another optimizer, then nothing."""

    lanes = 3

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        return Stop("all was tried") if number % 1_000_000 >= 4 else EVOLVE.plan(number, history, rng)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        return await EVOLVE.attempt(number, move, lab)


def test_an_optimizer_that_plans_no_more_is_probed_with_what_it_planned() -> None:
    found = design(TASK, Resting(), searched(), number=1, seed=5, max_calls=None, calls=one_call)
    assert found is not None
    assert (len(found.draws), found.stopped) == (4, "all was tried")
    events, _, _ = probed(optimizer=Resting())
    assert len([e for e in events if isinstance(e, Proposed)]) == 4
    assert isinstance(events[-1], ProbeEnded) and events[-1].ending == "finished"


def test_an_optimizer_of_ones_own_is_probed_through_its_own_attempt() -> None:
    hillclimb = load_recipe("optimizers/hillclimb.py", Path.cwd()).optimizer
    model, critic = UnevenModel(climbing), UnevenModel(writing_critic())
    events = asyncio.run(run_in_memory(TASK, say_right, hillclimb, model, critic, max_calls=500, seed=5)).events
    model, critic = UnevenModel(climbing), UnevenModel(writing_critic())
    probe = probe_in_memory(TASK, say_right, hillclimb, model, critic, events, max_calls=1200, seed=5)
    proposals = [e for e in asyncio.run(probe) if isinstance(e, Proposed)]
    assert Counter(p.outcome for p in proposals)["raced"] >= 15
    assert {p.operator for p in proposals if p.outcome == "raced"} == {"rewrite", "demos"}


def test_rows_that_fail_are_no_scores_and_are_not_asked_again_in_a_later_rung() -> None:
    def shaky(request: Request) -> str | Failure:
        known = fixed_accuracy(0.6, 5)(request)
        return Failure("outage", "down") if "holdout row number 7" in request.messages[-1].content else known

    events, _, _ = probed(answer=shaky, max_calls=900)
    failed = [r for r in bought(events) if r.failure is not None]
    assert failed
    assert max(Counter((r.candidate, r.example) for r in failed).values()) == 1
    assert isinstance(events[-1], ProbeEnded) and events[-1].ending == "finished"


def test_a_halt_ends_it_and_it_is_taken_up_from_there() -> None:
    def broke_after(calls: int) -> Answer:
        left = itertools.count(calls, -1)
        rich = fixed_accuracy(0.6, 5)
        return lambda request: rich(request) if next(left) > 0 else Failure("budget", "money: all is spent")

    whole, model, _ = probed(max_calls=900)
    for budget in (0, 50, 200, 600):
        cut, _, _ = probed(answer=broke_after(budget), max_calls=900)
        assert isinstance(cut[-1], ProbeEnded) and cut[-1].ending == "money"
        again, rest, _ = probed(cut)
        assert [e for e in decisions(again) if not isinstance(e, ProbeEnded)] == decisions(whole)[:-1]
        assert budget + rest.asked == model.asked


def test_an_optimizer_that_plans_otherwise_than_the_journal_says_is_told() -> None:
    whole, _, _ = probed(max_calls=900)
    cut = next(i for i, e in enumerate(whole) if isinstance(e, RungDone))
    other = Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4, rewrite=0.9, demos=0.01))
    with pytest.raises(BaseExceptionGroup) as caught:
        probed(whole[:cut], optimizer=other)
    assert caught.group_contains(JournalError, match="planned otherwise")


def test_a_probe_goes_on_after_the_events_of_its_run() -> None:
    events, _, _ = probed(max_calls=900)
    assert tuple(events[: len(searched())]) == searched()
    assert isinstance(events[0], RunStarted)
