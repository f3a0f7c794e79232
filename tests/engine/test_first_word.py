"""The critic's first word: waited for as long as a refusal takes, and no longer."""

from __future__ import annotations

import asyncio

import pytest

from topout.domain import AttemptDone, Critiqued, Failure
from topout.engine.critic import PING
from topout.errors import UserError
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

ROWS = made_up_task(20, 24, 30)
PLAIN = Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4))


def played(model: FakeModel, critic: FakeModel) -> Outcome:
    return asyncio.run(run_in_memory(ROWS, say_right, PLAIN, model, critic, max_calls=200, seed=1))


def test_a_refusal_that_comes_late_ends_the_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topout.engine.opening.PATIENCE_S", 0.01)
    model = FakeModel(fixed_accuracy(0.6), latency_s=0.002)
    critic = FakeModel(lambda request: Failure("auth", "wrong key"), latency_s=0.06)
    with pytest.raises(ExceptionGroup) as caught:
        played(model, critic)
    assert [str(one) for one in caught.value.exceptions] == ["critic: wrong key"]
    assert caught.group_contains(UserError)


def test_a_slow_critic_is_not_waited_for_and_decides_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = played(FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic()))
    monkeypatch.setattr("topout.engine.opening.PATIENCE_S", 0.0)
    late = played(FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic(), latency_s=0.05))
    first = next(i for i, e in enumerate(late.events) if isinstance(e, Critiqued) and e.attempt == PING)
    assert next(i for i, e in enumerate(late.events) if isinstance(e, AttemptDone)) < first
    decisions = [[e for e in outcome.events if isinstance(e, AttemptDone)] for outcome in (waited, late)]
    assert decisions[0] == decisions[1]
