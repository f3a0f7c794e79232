"""What a challenger is held against: the parent as it is expected to do, not as it happened to."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from topout.contracts import History
from topout.domain import Attempt, Candidate, Outcome, Rollout, Scored, Unscored
from topout.search.bar import bar_of
from topout.search.population import Population
from topout.testing.fakes import made_up_task

NAN = math.nan


def pool_of(*scores: tuple[float, ...]) -> tuple[Population, History]:
    """Members with these scores, each made from the one before it."""
    task = made_up_task(0, 4, 0)
    population = Population(4)
    for number, own in enumerate(scores):
        parents = (f"c{number - 1}",) if number else ()
        candidate = Candidate(f"c{number}", task.baseline, parents)
        rollouts = [
            Rollout(candidate.id, f"d{i}", "dev", 0, "", Unscored("no") if s != s else Scored(s)) for i, s in enumerate(own)
        ]
        population.add(candidate, rollouts)
    history = History(task, (), population.pool, population.champion, population.holders, {}, 0, 0)
    return population, replace(history, ease=population.ease)


def test_rows_are_as_easy_as_the_members_measured_there_found_them_half_believed_at_first() -> None:
    population, _ = pool_of((1.0, 1.0, 0.0, NAN), (1.0, 0.0, 0.0, 1.0))
    assert population.pool[0].level == pytest.approx(2 / 3)
    assert population.pool[1].level == pytest.approx((5 / 6 - 1 / 6 + 1 / 3 + 1) / 4)
    assert population.ease == pytest.approx([(1 / 3 + 0.5) / 3, (1 / 3 - 0.5) / 3, (-2 / 3 - 0.5) / 3, 0.25])


def test_a_bar_lies_between_the_parents_own_score_and_what_the_pool_makes_of_the_row() -> None:
    population, history = pool_of((1.0, 1.0, 0.0, NAN))
    bar = bar_of(population.pool[0], history, 0, 0.5, 1.0)
    assert bar == pytest.approx(
        (11 / 12, 11 / 12, 1 / 6, 2 / 3)
    )  # halfway from 1 to 2/3 + 1/6; nobody has met the last row: the level alone


def test_only_a_part_of_the_lead_over_its_own_parent_is_believed() -> None:
    population, history = pool_of((0.0, 0.0, 1.0, 0.0), (1.0, 1.0, 1.0, 1.0))
    one, other = (bar_of(population.pool[1], history, 0, 1.0, trust) for trust in (1.0, 0.5))
    lead = population.pool[1].level - population.pool[0].level
    assert [a - b for a, b in zip(one, other, strict=True)] == pytest.approx([lead / 2] * 4)


def test_rows_past_the_race_have_none_and_without_pooling_there_is_none_at_all() -> None:
    population, history = pool_of((1.0, 1.0, 0.0, 0.0))
    assert sum(one == one for one in bar_of(population.pool[0], history, 2, 0.7, 0.7)) == 2
    assert bar_of(population.pool[0], history, 2, 0.0, 0.7) == ()


def tried(number: int, parent: str, outcome: Outcome, candidate: Candidate | None = None) -> Attempt:
    return Attempt(number, "rewrite", (parent,), outcome, "", candidate)


def test_the_more_challengers_a_parent_drops_the_less_of_its_lead_is_believed_while_rows_of_it_are_lacking() -> None:
    population, history = pool_of((0.0, 0.0, 1.0, 0.0), (1.0, 1.0, 1.0, NAN))
    parent, lead = population.pool[1], population.pool[1].level - population.pool[0].level
    came = tried(0, "c0", "kept", parent.candidate)

    def believed(*after: Attempt, rows: int = 0) -> float:
        """What is believed of its lead after these attempts, by the first row."""
        one, other = (bar_of(parent, replace(history, attempts=(came, *after)), rows, 1.0, 1.0, patience) for patience in (0, 2))
        first = next(i for i, value in enumerate(one) if value == value)
        return 1 - (one[first] - other[first]) / lead

    lost = [tried(1, "c1", "dropped"), tried(2, "c1", "dropped"), tried(3, "c0", "dropped"), tried(4, "c1", "rejected")]
    assert believed(lost[0]) == pytest.approx(1.0)
    assert believed(*lost) == pytest.approx(0.5)  # those of another parent, and what never came to a race, say nothing
    assert believed(*lost, tried(5, "c1", "dropped"), tried(6, "c1", "dropped")) == pytest.approx(0.25)
    assert believed(*lost, tried(5, "c1", "kept")) == pytest.approx(1.0)
    assert believed(*lost, rows=1) == pytest.approx(1.0)  # measured on all rows of the race: what it did there is known
