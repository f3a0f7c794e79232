"""The exam that an optimizer sits, ours and a plugin author's alike.

    from topout.testing.conformance import check_optimizer

    def test_mine_keeps_the_contract() -> None:
        check_optimizer(lambda: Mine(patience=40))

It runs the real engine in memory on a made-up task, with models that cost nothing. Whether the optimizer finds good prompts is not examined, only
whether a run can be trusted to it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from topout.contracts import Optimizer
from topout.domain import AttemptDone, Component, Event, Failure, Prompt, Request, RolloutDone, Task
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import UnevenModel, fixed_accuracy, made_up_task, say_right, writing_critic
from topout.testing.watched import Watched

__all__ = ["check_optimizer"]

CALLS = 450
CUTS = 4
PATIENCE_S = 300.0
"""So long may one run of the exam take; ours take a second."""

Answer = Callable[[Request], str | Failure]


def check_optimizer(make: Callable[[], Optimizer]) -> None:
    """Raise AssertionError, with a sentence, on the first promise that the optimizer breaks; return when it keeps them all.

    `make` returns a new optimizer with the same settings each time. Examined are: equal arguments give equal plans; equal seeds and replies give equal
    runs, at any speed of the models, from a used optimizer as from a new one, and when the run was cut and resumed; the budget holds; single
    rows and critiques without an answer are survived; nothing of dev and holdout rows gets into a prompt or to the critic; frozen
    components stay; what is kept was measured on all dev rows; the run ends.
    """
    used = make()
    assert used.lanes >= 1, f"lanes is {used.lanes}: at least one attempt must be in flight"
    whole = sit(used)
    told = decisions(whole)
    assert told[1:], "it stopped before it had tried anything"
    assert decisions(sit(used)) == told, "the same optimizer decides otherwise in its second run: it remembers the first"
    assert decisions(sit(make())) == told, "two runs with the same seed and the same replies differ"
    for salt, capacity in ((1, 3), (2, 64)):
        assert decisions(sit(make(), salt, capacity)) == told, "the run depends on which reply comes first"
    for turn in range(1, CUTS + 1):
        cut = max(1, turn * len(whole.events) // (CUTS + 1))
        again = sit(make(), before=whole.events[:cut])
        assert (decisions(again), again.finish) == (told, whole.finish), f"cut after event {cut} and resumed, it decides otherwise"
    sit(make(), answer=patchy(0.1), critic=patchy_critic(0.3))
    sit(make(), task=frozen(made_up_task(30, 40, 40, 5)))


def sit(
    optimizer: Optimizer,
    salt: int = 0,
    capacity: int = 1,
    before: Sequence[Event] = (),
    task: Task | None = None,
    answer: Answer | None = None,
    critic: Answer | None = None,
) -> Outcome:
    """One run under watch. Raises AssertionError when the optimizer raises, hangs, overspends or is seen at what it must not do."""
    task = task or made_up_task(30, 40, 40, 5)
    watched = Watched(optimizer, task)
    model = UnevenModel(answer or fixed_accuracy(0.6), salt, capacity)
    judge = UnevenModel(critic or writing_critic(21), salt, capacity)
    reader = UnevenModel(
        critic or writing_critic(21), salt, capacity
    )  # reads failing dev rows when the search is over, and no optimizer hears of it
    run = run_in_memory(task, say_right, watched, model, judge, max_calls=CALLS, seed=3, before=before, reader=reader)
    try:
        outcome = asyncio.run(asyncio.wait_for(run, PATIENCE_S))
    except TimeoutError:
        raise AssertionError(f"{CALLS} calls without latency were not over after {PATIENCE_S:.0f} s") from None
    except BaseExceptionGroup as group:
        error = first(group)
        raise AssertionError(f"it raised {type(error).__name__}: {error}") from error
    assert not watched.faults, watched.faults[0]
    asked = model.asked + judge.asked + reader.asked
    assert asked <= CALLS, f"{asked} calls were made, {CALLS} were allowed"
    ending = outcome.finish.ending
    assert ending in ("budget", "finished"), f"the run ended with '{ending}' ({outcome.finish.reason})"
    check_pairs(outcome)
    check_texts(model.requests, judge.requests)
    return outcome


def check_pairs(outcome: Outcome) -> None:
    """Nothing is bought twice."""
    pairs = Counter((e.rollout.candidate, e.rollout.example) for e in outcome.events if isinstance(e, RolloutDone))
    twice = [pair for pair, count in pairs.items() if count > 1]
    assert not twice, f"the row {twice[0][1]} was asked more than once with candidate {twice[0][0]}"


def check_texts(asked: Sequence[Request], critiques: Sequence[Request]) -> None:
    """The rows of the made-up task name their split in their text, which therefore shows where it went. The last message is the row's own."""
    prompts = {message.content for request in asked for message in request.messages[:-1]}
    for split in ("dev", "holdout", "shift"):
        assert not any(f"{split} row number" in text for text in prompts), f"the text of a {split} row stands in a prompt"
        shown = any(f"{split} row number" in message.content for request in critiques for message in request.messages)
        assert not shown, f"the critic was shown the text of a {split} row"


def decisions(outcome: Outcome) -> list[AttemptDone]:
    """All attempts with their outcomes and what they cost, the baseline first."""
    return [e for e in outcome.events if isinstance(e, AttemptDone)]


def patchy(share: float) -> Answer:
    """Some rows never get an answer, and of all other calls a share."""
    fails, answers = fixed_accuracy(share, 17), fixed_accuracy(0.6)

    def answer(request: Request) -> str | Failure:
        row = request.messages[-1].content
        return Failure("outage", "down") if row.endswith("7") or fails(request) == "right" else answers(request)

    return answer


def patchy_critic(share: float) -> Answer:
    """A critic that has nothing to say in a share of cases."""
    fails, writes = fixed_accuracy(share, 23), writing_critic(21)
    return lambda request: Failure("empty", "no text") if fails(request) == "right" else writes(request)


def frozen(task: Task) -> Task:
    """The task with a prompt of which no component may be edited."""
    components = tuple(Component(c.name, c.role, c.text, frozen=True) for c in task.baseline.components)
    return replace(task, baseline=Prompt(components, task.baseline.demos))


def first(error: BaseException) -> BaseException:
    """The first error in a group of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
