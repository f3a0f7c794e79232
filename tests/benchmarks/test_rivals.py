"""The rivals on a landscape: every call counted, the budget kept, equal seeds alike, and a critic that they can make use of."""

from __future__ import annotations

import random
import statistics

import pytest

from benchmarks.search.landscape import landscape
from benchmarks.search.rivals import RIVALS, fitted
from benchmarks.search.rivals.direct import Direct
from topout.bridges.host import Over


@pytest.mark.parametrize("name", ["gepa", "gepa-tuned", "gepa-pxn", "mipro-light", "mipro-fitted", "random-search"])
def test_a_rival_is_charged_for_all_that_it_asks_and_ends_at_its_budget(name: str) -> None:
    ground = landscape("plain", 3)
    course = RIVALS[name].run(ground, 500, 1)
    stand_ins = course.calls - ground.model.asked - ground.critic.asked  # questions of DSPy's that propose nothing
    assert stand_ins in range(45) if name.startswith("mipro") else stand_ins == 0
    assert 300 <= course.calls <= 620
    assert [stage.calls for stage in course.stages] == sorted(stage.calls for stage in course.stages)
    assert [stage.dev for stage in course.stages] == sorted(stage.dev for stage in course.stages)
    assert course.stages[0].prompt == ground.task.baseline


@pytest.mark.parametrize("name", ["gepa-tuned", "mipro-light"])
def test_equal_seeds_give_equal_courses_and_others_do_not(name: str) -> None:
    courses = []
    for noise, seed in ((1, 4), (2, 4), (3, 5)):
        random.seed(noise)
        courses.append(RIVALS[name].run(landscape("plain", 2), 700, seed))
    assert courses[0] == courses[1]
    assert courses[0] != courses[2]


def test_with_calls_enough_rivals_find_better_prompts_than_the_baseline() -> None:
    gains: dict[str, list[float]] = {"gepa-tuned": [], "mipro-medium": []}
    for name, found in gains.items():
        for seed in range(3):
            ground = landscape("plain", seed)
            last = RIVALS[name].run(ground, 1500, seed).stages[-1]
            found.append(ground.quality(last.prompt) - ground.quality(ground.task.baseline))
    assert statistics.mean(gains["gepa-tuned"]) > 0.1
    assert statistics.mean(gains["mipro-medium"]) > 0.01


def test_miprov2_is_given_settings_that_its_budget_suffices_for() -> None:
    assert (fitted(100, 250).num_candidates, fitted(100, 250).num_trials) == (2, 1)
    assert fitted(100, 2000).num_trials > fitted(100, 1000).num_trials > fitted(100, 500).num_trials
    assert fitted(100, 100_000).num_candidates == 18


def test_nothing_more_is_answered_past_the_budget() -> None:
    ground = landscape("plain", 0)
    host = Direct(ground, 10, 0)
    host.measure(ground.task.baseline, ground.task.rows("dev")[:10])
    with pytest.raises(Over):
        host.measure(ground.task.baseline, ground.task.rows("dev")[:1])
    assert ground.model.asked == 10
