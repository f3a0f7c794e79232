"""An answer may take several calls: the cap counts calls, the winner can always be examined, and a resumed run is the uninterrupted one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from topout.contracts import Model, Solve, Solved
from topout.domain import AttemptDone, Event, Example, Failure, Message, Prompt, Request, RolloutDone
from topout.engine.exam import plan_exam
from topout.engine.meter import Meter
from topout.engine.probe import design
from topout.errors import OptimizerError
from topout.report.findings import find
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import Outcome, probe_in_memory, run_in_memory
from topout.testing.fakes import UnevenModel, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=3, read_rows=8, first_block=8)
TASK = made_up_task(30, 40, 40)


class Chorus:
    """Asks once, and with demos `many` times, the same but for the sample; the last answer counts."""

    def __init__(self, many: int = 3, really: int | None = None) -> None:
        self.many = many
        self.really = really or many

    def calls(self, prompt: Prompt) -> int:
        return self.many if prompt.demos else 1

    def bind(self, prompt: Prompt) -> Solve:
        often = self.really if prompt.demos else 1

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            text = "".join(c.text for c in prompt.components) + "demos" * len(prompt.demos)
            answer = ""
            for i in range(often):
                said = await model.complete(Request(name, (Message("user", f"{text}/{example.id}/{i}"),), sample=sample))
                if isinstance(said, Failure):
                    return said
                answer = said.text
            return Solved(answer)

        return solve


def answer(request: Request) -> str:
    """Better with demos, so that they win."""
    row = int(request.messages[-1].content.split("/")[1].rpartition("-")[2])
    return "right" if row % 10 < (8 if "demos" in request.messages[-1].content else 4) else "wrong"


def played(
    max_calls: int, program: Chorus, votes: int = 3, before: Sequence[Event] = (), capacity: int = 64
) -> tuple[Outcome, int, int]:
    model, critic = UnevenModel(answer, capacity=capacity), UnevenModel(writing_critic(), capacity=capacity)
    work = run_in_memory(
        TASK, say_right, Evolve(SETTINGS), model, critic, max_calls=max_calls, seed=3, before=before, program=program, votes=votes
    )
    return asyncio.run(work), model.asked, critic.asked


@pytest.mark.parametrize("max_calls", [600, 1000, 2000])
@pytest.mark.parametrize("many", [2, 3])
def test_the_cap_counts_every_call_of_an_answer(max_calls: int, many: int) -> None:
    outcome, asked, critiques = played(max_calls, Chorus(many), votes=many)
    assert asked + critiques <= max_calls
    f, plan = find(outcome.events), plan_exam(TASK, max_calls, 0.4, votes=many)
    assert plan.search - many * 57 <= f.attempts[-1].calls <= plan.search
    spend = f.spend
    assert spend["task"].calls + spend["exam"].calls == asked


def test_a_winner_of_many_calls_sits_the_whole_exam() -> None:
    outcome, _, _ = played(1200, Chorus())
    f = find(outcome.events)
    assert f.winner.prompt.demos
    assert (f.holdout.winner.n, f.holdout.baseline.n) == (40, 40)
    assert (f.before.calls, f.after.calls) == (1.0, 3.0)


def test_calls_of_the_search_are_what_was_charged_attempt_by_attempt() -> None:
    outcome, _, _ = played(1200, Chorus())
    done = [e for e in outcome.events if isinstance(e, AttemptDone)]
    searched = [e.rollout for e in outcome.events if isinstance(e, RolloutDone) and e.rollout.split in ("train", "dev")]
    assert done[0].task_calls == 40
    assert done[-1].task_calls == sum(r.calls for r in searched)
    assert Counter(r.calls for r in searched).keys() == {1, 3}


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("capacity", [1, 16])
def test_a_run_that_was_cut_decides_as_the_uninterrupted_one(part: float, capacity: int) -> None:
    whole, _, _ = played(1200, Chorus())
    cut = whole.events[: int(part * len(whole.events))]
    again, _, _ = played(1200, Chorus(), before=cut, capacity=capacity)
    assert decided(again.events) == decided(whole.events)
    assert (again.finish.winner, again.finish.reason) == (whole.finish.winner, whole.finish.reason)


def decided(events: Sequence[Event]) -> list[tuple[int, str, str, int]]:
    return [(e.attempt.number, e.attempt.outcome, e.champion, e.task_calls) for e in events if isinstance(e, AttemptDone)]


def test_an_optimizer_that_makes_heavier_prompts_than_were_allowed_is_told() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        played(1200, Chorus(5), votes=3)
    found = caught.value.exceptions[0]
    while isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, OptimizerError)
    assert "an answer of its prompt takes 5 calls, and the run has set aside 3 at most for its exam" in str(found)


def test_a_program_that_asks_more_than_it_declared_is_refused_the_rest() -> None:
    outcome, asked, critiques = played(1200, Chorus(2, really=3), votes=2)
    heavy = [e.rollout for e in outcome.events if isinstance(e, RolloutDone) and e.rollout.calls == 2]
    assert heavy and {r.failure for r in heavy} == {"rejected"}
    assert asked + critiques <= 1200


def test_a_plan_sets_aside_what_the_heaviest_winner_would_take() -> None:
    plan = plan_exam(TASK, 2000, 0.4, votes=5)
    assert plan.calls == 2000
    assert plan.champions * 40 + plan.alone >= (1 + 2 * 5) * 40
    assert plan.sittings == plan.champions - 8
    double = plan_exam(TASK, 2000, 0.4, weight=2)
    assert (double.calls, double.heaviest) == (2000, 2)


@pytest.mark.parametrize("room", [0, 500])
def test_a_probe_keeps_its_cap_of_calls(room: int) -> None:
    task = made_up_task(30, 40, 120)
    program, optimizer = Chorus(), Evolve(SETTINGS)
    model, critic = UnevenModel(answer), UnevenModel(writing_critic())
    ran = asyncio.run(
        run_in_memory(task, say_right, optimizer, model, critic, max_calls=1600, seed=3, program=program, votes=3)
    ).events
    cap = 300
    while design(task, optimizer, ran, number=1, seed=3, max_calls=cap, calls=program.calls) is None:
        cap += 50
    cap += room
    model, critic = UnevenModel(answer), UnevenModel(writing_critic())
    work = probe_in_memory(task, say_right, optimizer, model, critic, ran, max_calls=cap, seed=3, program=program)
    events = asyncio.run(work)[len(ran) :]
    assert 0 < model.asked + critic.asked <= cap
    assert 3 in {e.rollout.calls for e in events if isinstance(e, RolloutDone)}


def test_a_meter_adds_up_what_its_calls_took() -> None:
    model = UnevenModel(lambda request: "right")
    meter = Meter(model, 2)

    async def three() -> Failure | None:
        for i in range(3):
            said = await meter.complete(Request("m", (Message("user", "abcd" * (i + 1)),)))
        return said if isinstance(said, Failure) else None

    refused = asyncio.run(three())
    assert refused is not None and refused.kind == "rejected"
    rollout = meter.rollout("c", "e", "dev", 0, "right", say_right("right", TASK.rows("dev")[0]))
    assert (rollout.calls, rollout.prompt_tokens, rollout.output_tokens, rollout.paid) == (2, 1 + 2, 2, True)
