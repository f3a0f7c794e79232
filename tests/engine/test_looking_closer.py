"""What the exam asks besides champions: rows twice, and each lever alone. Within the cap, and the same after any interruption."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from topout.domain import ALONE, EXAM, Candidate, Component, Event, Failure, Prompt, Request, RolloutDone, Task
from topout.engine.exam import Exam, ExamPlan, plan_exam
from topout.engine.halt import Halt
from topout.engine.harness import Harness, Seat
from topout.engine.local import LocalExecutor
from topout.engine.replay import Replay
from topout.report.findings import Findings, find
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import MemoryJournal, UnevenModel, made_up_task, say_right, writing_critic
from topout.text.alone import alone

SETTINGS = EvolveSettings(lanes=3, edits=3, read_rows=8, first_block=8, demos=0.3)
Answer = Callable[[Request], str | Failure]


def drawn(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def wavering(request: Request) -> str:
    """Half of the rows are right with 90 %, half with 30 %, drawn anew for every sample; better with demos and with a longer text."""
    row = request.messages[-1].content
    right = (0.9 if drawn(row) < 0.5 else 0.3) + (0.05 if len(request.messages) > 2 else 0.0)
    right += 0.05 if len(request.messages[0].content) > 20 else 0.0
    return "right" if drawn(f"{request.sample}/{request.messages}") < right else "wrong"


def warm(holdout: int = 160) -> Task:
    return replace(made_up_task(30, 40, holdout), temperature=0.7)


def played(
    task: Task, max_calls: int, before: Sequence[Event] = (), seed: int = 3, answer: Answer = wavering, capacity: int = 64
) -> tuple[Outcome, UnevenModel, UnevenModel]:
    model, critic = UnevenModel(answer, seed, capacity), UnevenModel(writing_critic(), seed, capacity)
    work = run_in_memory(task, say_right, Evolve(SETTINGS), model, critic, max_calls=max_calls, seed=seed, before=before)
    return asyncio.run(work), model, critic


def asked(events: Sequence[Event], attempt: int, sample: int = 0) -> Counter[str]:
    return Counter(
        e.rollout.candidate for e in events if isinstance(e, RolloutDone) and (e.attempt, e.rollout.sample) == (attempt, sample)
    )


def everything(events: Sequence[Event]) -> Counter[tuple[str, str, int]]:
    return Counter((e.rollout.candidate, e.rollout.example, e.rollout.sample) for e in events if isinstance(e, RolloutDone))


def found(outcome: Outcome) -> Findings:
    return find(outcome.events)


def test_baseline_and_winner_are_asked_twice_on_the_first_rows_and_known_noise_is_found() -> None:
    task = warm()
    plan = plan_exam(task, 3600, 0.4)
    outcome, _, _ = played(task, 3600)
    f = found(outcome)
    assert (plan.repeats, f.winner.id != f.baseline.id) == (31, True)
    assert asked(outcome.events, EXAM, 1) == {f.baseline.id: 31, f.winner.id: 31}
    rows = {e.rollout.example for e in outcome.events if isinstance(e, RolloutDone) and e.rollout.sample == 1}
    assert rows == {f"holdout-{i}" for i in range(31)}
    truth = math.sqrt((0.9 * 0.1 + 0.3 * 0.7) / 160)  # the baseline's: two draws of 160 rows, half of each kind
    assert f.sampling.baseline is not None and f.sampling.note == ""
    assert f.sampling.baseline.sd.low <= truth <= f.sampling.baseline.sd.high
    assert (f.sampling.baseline.sd.n, f.sampling.baseline.rows) == (31, 160)


def test_a_row_asked_twice_counts_once_with_the_mean_of_its_scores() -> None:
    outcome, _, _ = played(warm(), 3600)
    f = found(outcome)
    mine = [e.rollout for e in outcome.events if isinstance(e, RolloutDone) and e.rollout.split == "holdout"]
    value = {(r.example, r.sample): float(r.answer == "right") for r in mine if r.candidate == f.winner.id}
    means = [sum(value[i, s] for s in (0, 1) if (i, s) in value) / (1 + ((i, 1) in value)) for i, s in value if s == 0]
    assert f.holdout.winner.n == 160
    assert f.holdout.winner.mean == pytest.approx(sum(means) / 160)


def test_at_temperature_0_no_row_is_asked_twice_and_that_is_said() -> None:
    outcome, _, _ = played(replace(warm(), temperature=0.0), 3600)
    assert not asked(outcome.events, EXAM, 1)
    assert found(outcome).sampling.note.startswith("not measured: at temperature 0 a row is taken to get the same answer")


def test_a_small_cap_drops_both_and_says_so() -> None:
    outcome, _, _ = played(warm(200), 700)
    assert not asked(outcome.events, EXAM, 1)
    f = found(outcome)
    assert f.sampling.note == "not measured: the limit of calls has no room for asking rows twice"


def test_each_lever_of_the_winner_is_measured_alone() -> None:
    task = warm()
    outcome, _, _ = played(task, 3600)
    f = found(outcome)
    prompts = alone(f.baseline.prompt, f.winner.prompt)
    assert set(prompts) == {"instructions", "demos"} == set(f.alone.scores)
    assert prompts["instructions"].prompt.demos == f.baseline.prompt.demos
    assert prompts["demos"].prompt.components == f.baseline.prompt.components
    plan = plan_exam(task, 3600, 0.4)
    rows = asked(outcome.events, ALONE)
    assert set(rows) <= {one.id for one in prompts.values()}
    assert min(rows.values()) >= plan.alone // 2
    known = {lever: sum(map(math.isfinite, scores)) for lever, scores in f.alone.scores.items()}
    assert min(known.values()) >= plan.alone // 2
    assert f.alone.note == ""
    tried = {done.champion for done in f.attempts}
    assert {p.candidate for p in f.curve if p.holdout is not None} <= tried - (set(rows) - set(asked(outcome.events, EXAM)))


@pytest.mark.parametrize("seed", range(10))
def test_the_cap_holds_with_all_that_is_asked_besides(seed: int) -> None:
    task, max_calls = warm((60, 160)[seed % 2]), (900, 1700, 3600)[seed % 3]
    outcome, model, critic = played(task, max_calls, seed=seed, capacity=(1, 7, 64)[seed % 3])
    assert model.asked + critic.asked <= max_calls
    assert max(everything(outcome.events).values()) == 1


@pytest.mark.parametrize("back", [5, 40, 200, 460, 700])
def test_cut_in_the_exam_and_taken_up_again_it_ends_alike_and_asks_nothing_twice(back: int) -> None:
    task = warm()
    whole, model, _ = played(task, 3000)
    before = whole.events[: len(whole.events) - back]
    again, rest, _ = played(task, 3000, before)
    assert again.finish == whole.finish
    assert everything(again.events) == everything(whole.events)
    assert sum(everything(before).values()) + rest.asked == model.asked
    assert found(again).sampling == found(whole).sampling
    assert found(again).alone == found(whole).alone


def test_money_that_ends_while_looking_closer_ends_nothing_else() -> None:
    def poor(request: Request) -> str | Failure:
        return Failure("budget", "money: all spent") if request.sample == 1 else wavering(request)

    outcome, _, _ = played(warm(), 3600, answer=poor)
    assert outcome.finish.ending == "budget"
    assert outcome.finish.reason.startswith("the search's")
    assert found(outcome).sampling.note.startswith("not measured: the run did not come to it")


def one(name: str) -> Candidate:
    return Candidate(name, Prompt((Component("user", "user", f"{name} {{{{text}}}}"),)))


@pytest.mark.parametrize(("earlier", "final", "rows"), [(0, False, 80), (100, False, 30), (101, False, 0), (101, True, 109)])
def test_what_an_earlier_winner_cost_is_not_there_for_a_later_one(earlier: int, final: bool, rows: int) -> None:
    task, journal = warm(), MemoryJournal()
    seat = Seat(UnevenModel(wavering), "fake")
    replay = Replay(held_out={(EXAM, "baseline", 0): 160, (EXAM, "old", 0): 160, (ALONE, "older", 0): earlier})
    replay.held_out |= {(EXAM, "baseline", 1): 40, (EXAM, "old", 1): 40}
    harness = Harness(task, LocalExecutor(task, say_right, seat, seat), journal, Replay(), Halt())
    exam = Exam(harness, ExamPlan(100, 3 + (earlier == 101), task.rows("holdout"), (), 40, 160, 0), replay)
    exam.admit(one("new"))

    async def close() -> None:
        await exam.repeat(one("new"))
        await exam.alone({"instructions": one("a"), "demos": one("b")}, final)

    asyncio.run(close())
    assert not asked(journal.events, EXAM, 1)
    assert asked(journal.events, ALONE) == (Counter({"a": rows, "b": rows}) if rows else Counter())


def test_a_run_that_money_ended_and_that_went_on_ends_like_the_one_that_had_enough() -> None:
    task = warm()

    class Poor:
        """The search's money ends after 400 calls; the exam has its own."""

        left = 400

        def __call__(self, request: Request) -> str | Failure:
            if "holdout" in request.messages[-1].content:
                return wavering(request)
            self.left -= 1
            return wavering(request) if self.left > 0 else Failure("budget", "money: all spent")

    whole, _, _ = played(task, 3000, seed=4)
    first, one, critic = played(task, 3000, answer=Poor(), seed=4)
    again, other, judge = played(task, 3000, before=first.events, seed=4)
    assert first.finish.ending == "money"
    assert first.finish.winner != whole.finish.winner
    assert again.finish == whole.finish
    assert found(again).alone == found(whole).alone
    assert one.asked + other.asked + critic.asked + judge.asked <= 3000
