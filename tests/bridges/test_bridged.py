"""A foreign loop as an optimizer of a run: in step with it, ended with it, and its faults told."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from topout.bridges.bridged import Bridged
from topout.bridges.gepa_loop import GepaSettings, run_gepa
from topout.bridges.host import Host, Over, Step, answerable, needs, points
from topout.contracts import History, Member, Move
from topout.domain import AttemptDone, Candidate, Component, Critiqued, Message, Prompt, Rollout, Scored, Unscored
from topout.errors import OptimizerError, UserError
from topout.search.place import rng_for
from topout.testing.engine_room import Outcome, run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

TASK = made_up_task(20, 10, 10)


def foreign_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "foreign optimizer"]


def gone(patience_s: float = 5.0) -> bool:
    until = time.monotonic() + patience_s
    while foreign_threads() and time.monotonic() < until:
        time.sleep(0.01)
    return not foreign_threads()


def run(optimizer: Bridged, calls: int = 200) -> Outcome:
    model, critic = FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic())
    return asyncio.run(run_in_memory(TASK, say_right, optimizer, model, critic, max_calls=calls, seed=1))


def attempts(outcome: Outcome) -> list[AttemptDone]:
    return [event for event in outcome.events if isinstance(event, AttemptDone)]


def two_texts(host: Host, seed: int, calls: int) -> None:
    for number in (1, 2):
        prompt = host.task.baseline.with_text("system", f"Text {number}. {host.ask([Message('user', f'question {number}')])[:9]}")
        host.measure(prompt, host.task.rows("dev")[:4])
        host.tell(Step("dropped", "too early to say"))
        host.measure(prompt, host.task.rows("dev"))
        host.tell(Step("kept", "good", prompt, host.task.baseline, 0.5))


def test_each_step_is_an_attempt_and_what_is_kept_joins_the_pool_with_its_gain_over_its_parent() -> None:
    done = attempts(run(Bridged("mine", two_texts, demos=False)))
    assert [one.attempt.outcome for one in done] == ["kept", "dropped", "kept", "dropped", "kept", "rejected"]
    assert done[-1].attempt.reason == "mine has ended: it has tried all that it plans to"
    kept = done[2].attempt
    assert kept.candidate is not None and kept.candidate.prompt.component("system").text.startswith("Text 1. Rationale")
    assert (kept.rows, kept.gain is not None, kept.parents) == (10, True, (done[0].champion,))
    assert gone()


def test_calls_are_charged_once_and_a_run_that_ends_on_its_budget_lets_the_thread_go() -> None:
    def endless(host: Host, seed: int, calls: int) -> None:
        try:
            for number in range(10_000):
                host.measure(host.task.baseline.with_text("system", f"Text {number // 2}."), host.task.rows("dev"))
                host.tell(Step("dropped", "no"))
        except Exception as error:
            raise AssertionError("the end of the budget must pass such handlers by") from error

    outcome = run(Bridged("mine", endless, demos=False), 120)
    assert (outcome.finish.ending, outcome.finish.reason.endswith("calls are used up")) == ("budget", True)
    tried = [one for one in attempts(outcome) if one.attempt.outcome == "dropped"]
    assert tried[-1].calls <= 120
    assert tried[1].calls == tried[0].calls
    assert gone()


def test_an_error_of_the_foreign_loop_is_told_in_one_line_and_ends_the_run() -> None:
    def broken(host: Host, seed: int, calls: int) -> None:
        raise ValueError("no\nway")

    with pytest.raises(BaseExceptionGroup) as raised:
        run(Bridged("mine", broken, demos=False))
    found = raised.value
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, OptimizerError) and str(found) == "recipe 'mine': ValueError: no way."


def test_a_resumed_run_hears_the_critic_from_the_journal() -> None:
    whole = run(Bridged("mine", two_texts, demos=False))
    at = next(i for i, event in enumerate(whole.events) if isinstance(event, AttemptDone) and event.attempt.number == 2)
    critic = FakeModel(writing_critic())
    model = FakeModel(fixed_accuracy(0.6))
    again = asyncio.run(
        run_in_memory(
            TASK,
            say_right,
            Bridged("mine", two_texts, demos=False),
            model,
            critic,
            max_calls=200,
            seed=1,
            before=whole.events[: at + 1],
        )
    )
    assert attempts(again) == attempts(whole)
    heard = sum(isinstance(event, Critiqued) for event in whole.events[: at + 1])
    assert heard >= 2
    assert critic.asked == sum(isinstance(event, Critiqued) for event in whole.events) - heard


def test_asked_out_of_turn_it_plans_a_rewrite_of_the_champion() -> None:
    base = Candidate("base", TASK.baseline)
    history = History(TASK, (), [Member(base, (0.5,) * 10, 0.5, 10.0)], 0, [], {}, 0, 1000)
    optimizer = Bridged("mine", two_texts, demos=False)
    probe, own = optimizer.plan(1_000_000, history, rng_for(0, 0, "x")), optimizer.plan(0, history, rng_for(0, 0, "x"))
    assert isinstance(probe, Move) and probe.read and probe.prompt is None
    assert isinstance(own, Move) and not own.read and (own.calls, own.more) == (1, 999)


def test_a_text_without_its_placeholder_is_never_asked_about() -> None:
    prompt = Prompt((Component("user", "user", "Please answer as well as you can what is asked here: {{text}}"),))
    task = replace(TASK, baseline=prompt)
    assert answerable(prompt, task)
    assert not answerable(prompt.with_text("user", "Answer."), task)
    assert not answerable(prompt.with_text("user", "{{text}} {{more}}"), task)

    def forgetful(request: object) -> str:
        return "```\nPlease answer as well as you can what is asked here.\n```"

    model = FakeModel(fixed_accuracy(0.6))
    loop = Bridged("gepa", lambda host, seed, calls: run_gepa(host, GepaSettings(), seed, lambda: False), demos=False)
    outcome = asyncio.run(run_in_memory(task, say_right, loop, model, FakeModel(forgetful), max_calls=150, seed=1))
    assert {one.attempt.outcome for one in attempts(outcome)[1:]} <= {"dropped", "rejected", "cut"}
    assert any(one.attempt.outcome == "dropped" for one in attempts(outcome))


def test_a_row_without_a_score_counts_as_the_mean_of_the_others() -> None:
    def of(score: Scored | Unscored) -> Rollout:
        return Rollout("c", "e", "dev", 0, "", score)

    assert points([of(Scored(1.0)), of(Unscored("outage")), of(Scored(0.5))]) == [1.0, 0.75, 0.5]
    assert points([of(Unscored("outage"))]) == [0.0]


def test_over_is_no_exception_that_foreign_code_could_swallow() -> None:
    assert not issubclass(Over, Exception)


def test_a_missing_package_is_told_with_the_command_that_brings_it() -> None:
    with pytest.raises(
        UserError, match=r"recipe 'x': the package 'no_such_thing' is not installed. `pip install no_such_thing` brings it."
    ):
        needs("no_such_thing", "x")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["gepa", "mipro"])
def test_another_process_decides_alike(recipe: str) -> None:
    code = f"""
import asyncio
from topout.plugins.optimizers import load_recipe
from topout.domain import AttemptDone
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic
run = run_in_memory(made_up_task(40, 60, 10), say_right, load_recipe("{recipe}").optimizer, FakeModel(fixed_accuracy(0.6)), FakeModel(writing_critic()), max_calls=900, seed=5)
print([(e.attempt, e.calls) for e in asyncio.run(run).events if isinstance(e, AttemptDone)])
"""
    told = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": salt}, capture_output=True, text=True)
        for salt in ("1", "2")
    ]
    assert told[0].stdout.count("Attempt(") > 3, told[0].stderr
    assert told[0].stdout == told[1].stdout
