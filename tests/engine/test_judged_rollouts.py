"""A judge in a run: counted, journaled, never asked twice, and never the answer's fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest

from topout.domain import AttemptDone, Event, Failure, Request, Rollout, RolloutDone, Scored, Unscored
from topout.errors import UserError
from topout.search.evolve import Evolve, EvolveSettings
from topout.store.codec import decode, encode
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, writing_critic
from topout.text.judging import pairs, points

Answer = Callable[[Request], str | Failure]
RUBRIC = "The answer is right."
CALLS = 600


def mark(request: Request) -> str:
    """Full marks for the answer 'right'."""
    assert request.role == "judge" and request.model == "fake/judge"
    right = "```answer\nright\n```" in request.messages[-1].content
    return json.dumps({"reason": "as it should be" if right else "wrong", "score": 5 if right else 1})


def played(
    before: Sequence[Event] = (), judge: Answer = mark, capacity: int = 16, paired: bool = False
) -> tuple[Outcome, UnevenModel, UnevenModel]:
    model = UnevenModel(fixed_accuracy(0.6, 5), salt=5, capacity=capacity)
    critic = UnevenModel(writing_critic(), salt=5, capacity=capacity)
    asked = UnevenModel(judge, salt=6, capacity=capacity)
    scorer = pairs(RUBRIC) if paired else points(RUBRIC)
    work = run_in_memory(
        made_up_task(20, 24, 30, 4),
        scorer,
        Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4)),
        model,
        critic,
        max_calls=CALLS,
        seed=5,
        before=before,
        judge=asked,
    )
    outcome = asyncio.run(work)
    assert model.asked + asked.asked + critic.asked <= CALLS
    return outcome, model, asked


def rollouts(events: Sequence[Event]) -> list[Rollout]:
    return [e.rollout for e in events if isinstance(e, RolloutDone)]


def decisions(events: Sequence[Event]) -> list[AttemptDone]:
    return [e for e in events if isinstance(e, AttemptDone)]


def test_every_answer_is_judged_once_and_each_call_is_in_the_journal() -> None:
    outcome, model, judge = played()
    done = rollouts(outcome.events)
    assert len(done) == model.asked == judge.asked == sum(len(r.judged) for r in done)
    assert all(r.score == Scored(float(r.answer == "right"), r.score.feedback) for r in done if isinstance(r.score, Scored))
    assert {r.all_calls for r in done} == {2} and {r.calls for r in done} == {1}
    for r in done:
        assert (r.prompt_tokens or 0) < 100 < (r.judged[0].prompt_tokens or 0), "the judge's tokens are not the answer's"


def test_a_pair_takes_two_calls_of_the_judge() -> None:
    def tie(request: Request) -> str:
        return '{"better": "tie"}'

    outcome, model, judge = played(judge=tie, paired=True)
    assert judge.asked == 2 * model.asked
    assert {r.all_calls for r in rollouts(outcome.events)} == {3}
    assert {r.score.value for r in rollouts(outcome.events) if isinstance(r.score, Scored)} == {0.5}


@pytest.mark.parametrize("capacity", [1, 16])
def test_cut_after_any_event_it_ends_alike_and_no_judgement_is_asked_for_twice(capacity: int) -> None:
    whole, _, judge = played(capacity=capacity)
    for cut in range(1, len(whole.events), 23):
        known = [decode(encode(event)) for event in whole.events[:cut]]
        again, _, rest = played(known, capacity=capacity)
        assert again.finish == whole.finish
        assert decisions(again.events) == decisions(whole.events)
        assert len(rollouts(known)) + rest.asked == judge.asked


def test_an_answer_whose_verdict_cannot_be_read_has_no_score() -> None:
    def rambling(request: Request) -> str:
        return "Full marks!" if "row number 3\n" in request.messages[-1].content else mark(request)

    outcome, _, _ = played(judge=rambling)
    unread = [r for r in rollouts(outcome.events) if r.failure is not None]
    assert unread and {r.example.rpartition("-")[2] for r in unread} == {"3"}
    assert {r.failure for r in unread} == {"unreadable"}
    assert all(isinstance(r.score, Unscored) and "cannot be read" in r.score.reason and r.judged for r in unread)


def test_a_judge_that_has_no_answer_leaves_the_row_without_a_score() -> None:
    def shy(request: Request) -> str | Failure:
        return Failure("filtered", "withheld") if "row number 3\n" in request.messages[-1].content else mark(request)

    outcome, _, _ = played(judge=shy)
    found = [r.score for r in rollouts(outcome.events) if r.failure == "filtered"]
    assert found and set(found) == {Unscored("filtered: judge: withheld")}


def test_a_judge_that_is_down_ends_the_run_and_it_goes_on_where_it_was() -> None:
    whole, _, judge = played()
    asked = [0]

    def tired(request: Request) -> str | Failure:
        asked[0] += 1
        return Failure("circuit", "judge is down") if asked[0] > 150 else mark(request)

    cut, _, _ = played(judge=tired, capacity=1)
    assert cut.finish.ending == "outage" and "judge is down" in cut.finish.reason
    unjudged = [r for r in rollouts(cut.events) if r.failure is not None]
    assert unjudged and all(r.failure == "circuit" and r.all_calls == 1 for r in unjudged), "the answers were bought all the same"
    again, _, rest = played(cut.events, capacity=1)
    assert again.finish == whole.finish and decisions(again.events) == decisions(whole.events)
    assert len(rollouts(cut.events)) - len(unjudged) + rest.asked == judge.asked


def test_a_judge_that_cannot_judge_at_all_shows_before_much_is_paid() -> None:
    def hopeless(request: Request) -> str:
        return "I like it."

    with pytest.raises(UserError, match="the judge's verdict cannot be read"):
        played(judge=hopeless)
