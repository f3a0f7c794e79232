"""An outage is not a wrong answer, a limit is an ending, and what no later call can mend is told at once."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence

import pytest

from topout.contracts import History, Move, Optimizer, Stop
from topout.domain import Attempt, AttemptDone, Event, Failure, FailureKind, Request, RolloutDone, Score, Scored, Unscored
from topout.domain import Example as Row
from topout.engine.halt import Halt
from topout.errors import ScorerError, UserError
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import FakeModel, UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=3, read_rows=8, first_block=4, edits=1)
TASK = made_up_task(20, 24, 30)
Answer = Callable[[Request], str | Failure]
right = fixed_accuracy(0.6, 3)


def played(
    answer: Answer = right, critic: Answer | None = None, before: Sequence[Event] = (), optimizer: Optimizer | None = None
) -> tuple[Outcome, UnevenModel, UnevenModel]:
    model, judge = UnevenModel(answer, capacity=4), UnevenModel(critic or writing_critic(), capacity=4)
    work = run_in_memory(TASK, say_right, optimizer or Evolve(SETTINGS), model, judge, max_calls=300, seed=1, before=before)
    return asyncio.run(work), model, judge


def rollouts(outcome: Outcome, *splits: str) -> list[RolloutDone]:
    return [e for e in outcome.events if isinstance(e, RolloutDone) and e.rollout.split in splits]


def decisions(outcome: Outcome) -> list[Attempt]:
    return [e.attempt for e in outcome.events if isinstance(e, AttemptDone)]


def row_of(request: Request) -> str:
    return request.messages[-1].content.removeprefix("Row: ")


class After:
    """Answers `first` calls, then fails for good."""

    def __init__(self, first: int, failure: Failure) -> None:
        self.left, self.failure = first, failure

    def __call__(self, request: Request) -> str | Failure:
        self.left -= 1
        return right(request) if self.left >= 0 else self.failure


def test_rows_without_an_answer_are_unscored_and_means_leave_them_out() -> None:
    down = {f"dev row number {i}" for i in (2, 3, 5, 7)} | {"holdout row number 1"}
    seen: list[float] = []

    class Watching(Evolve):
        def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
            seen.append(history.pool[0].mean)
            assert [i for i, score in enumerate(history.pool[0].scores) if math.isnan(score)] == [2, 3, 5, 7]
            return super().plan(number, history, rng)

    def answer(request: Request) -> str | Failure:
        return Failure("outage", "503") if row_of(request) in down else "right"

    outcome, _, _ = played(answer, optimizer=Watching(SETTINGS))
    failed = [e.rollout for e in rollouts(outcome, "dev", "holdout") if e.rollout.failure]
    assert {r.score for r in failed} == {Unscored("outage: 503")}
    assert seen[0] == 1.0
    assert next(r.example for r in failed if r.split == "holdout") == "holdout-1"


@pytest.mark.parametrize(
    ("failure", "ending"),
    [
        (Failure("circuit", "8 calls in a row failed"), "outage"),
        (Failure("stopped", "stopped"), "stopped"),
        (Failure("budget", "money: $5 of $5 spent"), "money"),
        (Failure("budget", "time"), "time"),
    ],
)
def test_a_halt_is_the_ending_that_it_means(failure: Failure, ending: str) -> None:
    outcome, _, _ = played(After(90, failure))
    assert (outcome.finish.ending, outcome.finish.reason) == (ending, failure.message)
    assert outcome.finish.winner is not None


@pytest.mark.parametrize("message", ["money: $5 of $5 spent", "time"])
def test_when_the_money_or_time_of_the_search_is_spent_the_exam_still_runs(message: str) -> None:
    searched = 0

    def answer(request: Request) -> str | Failure:
        nonlocal searched
        if "holdout" in row_of(request):
            return right(request)
        searched += 1
        return right(request) if searched <= 60 else Failure("budget", message)

    outcome, _, _ = played(answer)
    winner = outcome.finish.winner
    assert winner is not None
    assert sum(e.rollout.candidate == winner.id for e in rollouts(outcome, "holdout")) == 30


class InExam:
    """Answers all of the search, and `first` calls of the exam."""

    def __init__(self, first: int, failure: Failure) -> None:
        self.left, self.failure = first, failure

    def __call__(self, request: Request) -> str | Failure:
        if "holdout" not in row_of(request):
            return right(request)
        self.left -= 1
        return right(request) if self.left >= 0 else self.failure


@pytest.mark.parametrize(("message", "ending"), [("money: $5 of $5 spent", "money"), ("time", "time")])
def test_an_exam_that_its_own_money_or_time_cut_short_leaves_the_search_whole_and_can_be_resumed(message: str, ending: str) -> None:
    whole, _, _ = played()
    cut, _, _ = played(InExam(20, Failure("budget", message)))
    assert (cut.finish.ending, cut.finish.reason) == (ending, f"in the exam: {message}")
    assert decisions(cut) == decisions(whole)
    assert len(rollouts(cut, "holdout")) == 20
    again, _, _ = played(before=cut.events)
    assert again.finish == whole.finish
    assert len(rollouts(again, "holdout")) == len(rollouts(whole, "holdout"))


def test_a_stop_goes_ahead_of_time_and_money_and_bars_the_exam_too() -> None:
    halt = Halt()
    halt.set("time", "the search's 60 s are used up")
    assert (halt.bars("dev"), halt.bars("holdout")) == (True, False)
    halt.set("stopped", "stopped")
    assert (halt.ending, halt.bars("holdout")) == ("stopped", True)
    halt.set("money", "money")
    assert halt.ending == "stopped"


def test_after_a_stop_nothing_is_asked() -> None:
    asked_after_stop = 0
    stopped = False

    def answer(request: Request) -> str | Failure:
        nonlocal asked_after_stop, stopped
        asked_after_stop += stopped
        if "train" in row_of(request):
            stopped = True
            return Failure("stopped", "stopped")
        return right(request)

    outcome, _, critic = played(answer)
    assert outcome.finish.ending == "stopped"
    assert asked_after_stop <= 4 * 8
    assert critic.asked == 1


@pytest.mark.parametrize("kind", ["circuit", "stopped", "budget"])
def test_an_attempt_that_a_halt_cut_is_made_anew_on_resume(kind: FailureKind) -> None:
    whole, _, _ = played()
    for first in (40, 75, 110, 140):
        message = "time" if kind == "budget" else "gone"
        halted, _, _ = played(After(first, Failure(kind, message)))
        assert decisions(halted) == decisions(whole)[: len(decisions(halted))]
        again, _, _ = played(before=halted.events)
        assert decisions(again) == decisions(whole)
        assert again.finish.ending == "budget"


def test_a_baseline_that_is_mostly_unscored_ends_the_run_with_the_reason() -> None:
    def answer(request: Request) -> str | Failure:
        return right(request) if row_of(request) in ("dev row number 0", "dev row number 1") else Failure("outage", "503")

    outcome, _, _ = played(answer)
    assert outcome.finish.ending == "outage"
    assert outcome.finish.reason == "22 of 24 dev rows could not be scored, the first with: outage: 503"
    assert outcome.finish.winner is None


def test_an_attempt_most_of_whose_rows_are_unscored_failed() -> None:
    def answer(request: Request) -> str | Failure:
        if len(request.messages) > 2 or request.messages[0].content != "Answer.":
            return Failure("context", "too long")
        return right(request)

    outcome, _, _ = played(answer)
    assert {a.outcome for a in decisions(outcome)[1:]} == {"failed"}
    assert decisions(outcome)[1].reason == "only 0 of 4 rows could be scored"
    assert outcome.finish.winner == decisions(outcome)[0].candidate


def test_a_critic_that_fails_on_one_question_costs_one_attempt() -> None:
    asked = 0
    write = writing_critic()

    def critic(request: Request) -> str | Failure:
        nonlocal asked
        asked += 1
        return Failure("outage", "timed out") if asked == 2 else write(request)

    outcome, _, _ = played(critic=critic)
    refused = [a for a in decisions(outcome) if "the critic gave no answer" in a.reason]
    assert [(a.outcome, a.reason) for a in refused] == [("rejected", "the critic gave no answer (outage: timed out)")]
    assert outcome.finish.ending == "budget"


@pytest.mark.parametrize("kind", ["auth", "not_found", "unreachable", "quota"])
def test_what_no_later_call_will_mend_is_told_after_one_call(kind: FailureKind) -> None:
    model, critic = FakeModel(lambda request: Failure(kind, "no key in OPENAI_API_KEY")), FakeModel(writing_critic())
    with pytest.raises(UserError, match="no key in OPENAI_API_KEY"):
        asyncio.run(run_in_memory(TASK, say_right, Evolve(SETTINGS), model, critic, max_calls=300))
    assert (model.asked, critic.asked) == (1, 0)


@pytest.mark.parametrize("kind", ["rejected", "context"])
def test_a_refusal_of_every_row_is_told_after_three_calls(kind: FailureKind) -> None:
    model, critic = FakeModel(lambda request: Failure(kind, "no temperature 0 here")), FakeModel(writing_critic())
    with pytest.raises(UserError, match="no temperature 0 here"):
        asyncio.run(run_in_memory(TASK, say_right, Evolve(SETTINGS), model, critic, max_calls=300))
    assert (model.asked, critic.asked) == (3, 0)


@pytest.mark.parametrize("kind", ["rejected", "context", "filtered", "outage"])
def test_one_row_that_is_always_refused_ends_nothing_even_when_it_is_the_first(kind: FailureKind) -> None:
    def answer(request: Request) -> str | Failure:
        return Failure(kind, "not this one") if row_of(request) == "dev row number 0" else right(request)

    outcome, _, _ = played(answer)
    assert outcome.finish.ending == "budget"
    assert {e.rollout.failure for e in rollouts(outcome, "dev") if e.rollout.example == "dev-0"} == {kind}


@pytest.mark.parametrize("kind", ["auth", "not_found", "unreachable", "quota", "rejected"])
def test_a_critic_that_can_never_answer_is_told_before_the_baseline_is_paid(kind: FailureKind) -> None:
    model, critic = FakeModel(right), FakeModel(lambda request: Failure(kind, "wrong key"))
    with pytest.raises(UserError, match="critic: wrong key"):
        asyncio.run(run_in_memory(TASK, say_right, Evolve(SETTINGS), model, critic, max_calls=300))
    assert model.asked == 1


def test_a_critic_that_is_down_ends_the_run_before_the_baseline_is_paid() -> None:
    outcome, model, _ = played(critic=lambda request: Failure("outage", "503"))
    assert (outcome.finish.ending, outcome.finish.reason) == ("outage", "critic: 503")
    assert model.asked == 1


def test_a_stop_during_the_first_calls_is_an_ending_not_an_error() -> None:
    outcome, _, critic = played(lambda request: Failure("stopped", "stopped"))
    assert (outcome.finish.ending, outcome.finish.winner, critic.asked) == ("stopped", None, 0)
    outcome, model, _ = played(critic=lambda request: Failure("stopped", "stopped"))
    assert (outcome.finish.ending, outcome.finish.winner, model.asked) == ("stopped", None, 1)


def test_an_error_of_the_scorer_ends_the_run_and_leaves_no_call_behind() -> None:
    async def alone() -> tuple[int, int, list[str]]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(str(context["message"])))
        model = UnevenModel(right, capacity=8, most_turns=40)

        def broken(answer: str, example: Row) -> Score:
            if example.id in ("dev-3", "dev-9", "dev-11"):
                raise ScorerError("tasks/made-up/scorer.py: raised ValueError")
            return Scored(1.0)

        with pytest.raises((ScorerError, BaseExceptionGroup)):
            await run_in_memory(TASK, broken, Evolve(SETTINGS), model, FakeModel(writing_critic()), max_calls=300)
        asked = model.asked
        for _ in range(200):
            await asyncio.sleep(0)
        left = len(asyncio.all_tasks()) - 1
        return model.asked - asked, left, told

    assert asyncio.run(alone()) == (0, 0, [])


def test_half_a_character_in_an_answer_or_a_critique_does_not_end_the_run() -> None:
    write = writing_critic()
    outcome, _, _ = played(
        lambda request: "wrong \ud83d", lambda request: write(request).replace("Answer well.", "Answer \udc00 well.")
    )
    assert {e.rollout.answer for e in rollouts(outcome, "dev")} == {"wrong \ufffd"}
    texts = [a.candidate.prompt.components[0].text for a in decisions(outcome) if a.candidate and a.operator == "rewrite"]
    assert texts
    assert all(text.startswith("Answer \ufffd well.") for text in texts if text != "Answer.")
