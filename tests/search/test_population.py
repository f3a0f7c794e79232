"""The pool, its champion and its frontier, against their definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topout.domain import Candidate, Component, Demo, Prompt, Rollout, Scored, Unscored
from topout.search.population import Population, mean_score, prompt_size

VALUES = st.sampled_from([0.0, 0.25, 0.5, 1.0, None])
NAN = math.nan


def rollouts(name: str, scores: list[float | None], tokens: int = 10) -> list[Rollout]:
    return [
        Rollout(name, f"e{i}", "dev", 0, "", Unscored("down") if score is None else Scored(score), tokens)
        for i, score in enumerate(scores)
    ]


def pool(*members: tuple[list[float | None], int]) -> Population:
    population = Population(len(members[0][0]))
    for number, (scores, tokens) in enumerate(members):
        population.add(Candidate(f"c{number}", Prompt(())), rollouts(f"c{number}", scores, tokens))
    return population


@settings(deadline=None)  # the first population imports numpy
@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(st.tuples(st.lists(VALUES, min_size=n, max_size=n), st.integers(1, 3)), min_size=1, max_size=8)
    )
)
def test_holders_and_champion_are_those_of_the_definition(members: list[tuple[list[float | None], int]]) -> None:
    population = pool(*members)
    for row in range(len(members[0][0])):
        scores = [scores[row] for scores, _ in members]
        best = max((s for s in scores if s is not None), default=0.0)
        holders = [i for i, s in enumerate(scores) if s is not None and s == best > 0]
        assert population.holders[row] == holders

    def beats(one: int, other: int) -> bool:
        scored, rival = ([s for s in members[i][0] if s is not None] for i in (one, other))
        if not scored or not rival:
            return bool(scored)
        pairs = [(a, b) for a, b in zip(members[one][0], members[other][0], strict=True) if a is not None and b is not None]
        lead = sum(a - b for a, b in pairs) if pairs else sum(scored) / len(scored) - sum(rival) / len(rival)
        return lead > 0 or (lead == 0 and members[one][1] < members[other][1])

    champion = 0
    for index in range(1, len(members)):
        if beats(index, champion):
            champion = index
    assert population.champion == champion


def test_members_are_compared_on_the_rows_that_both_were_measured_on() -> None:
    assert pool(([0.0, 0.0, 1.0, 1.0], 1), ([1.0, 0.0, None, None], 9)).champion == 1
    assert pool(([1.0, 0.0, 0.0, 0.0], 1), ([1.0, 0.0, None, None], 9)).champion == 0


def test_a_tie_goes_to_the_shorter_prompt_then_to_the_older() -> None:
    assert pool(([1.0, 0.0], 20), ([0.0, 1.0], 10), ([1.0, 0.0], 10)).champion == 1


def test_a_member_without_any_score_never_leads_one_with_a_zero() -> None:
    assert pool(([None], 1), ([0.0], 9), ([None], 1)).champion == 1


def test_means_leave_unscored_rows_out() -> None:
    assert mean_score([1.0, NAN, 0.5]) == 0.75
    assert math.isnan(mean_score([NAN]))


def test_only_scored_train_rows_are_learned() -> None:
    population = Population(1)
    population.learn(
        [
            Rollout("c", "t1", "train", 0, "", Scored(0.5)),
            Rollout("c", "t2", "train", 0, "", Unscored("down")),
            Rollout("c", "d1", "dev", 0, "", Scored(1.0)),
        ]
    )
    assert population.train_scores == {"c": {"t1": 0.5}}


def test_a_member_must_be_measured_on_every_row() -> None:
    with pytest.raises(ValueError, match="1 scores for 2 dev rows"):
        Population(2).add(Candidate("c", Prompt(())), rollouts("c", [1.0]))


def test_the_size_of_a_prompt_is_what_the_model_says_or_a_quarter_of_its_characters() -> None:
    prompt = Prompt((Component("system", "system", "x" * 40),), (Demo({"text": "y" * 12}, "z" * 8),))
    candidate = Candidate("c", prompt)
    told = [*rollouts("c", [1.0], 10), *rollouts("c", [1.0], 20)]
    untold = [Rollout("c", "e", "dev", 0, "", Scored(1.0))]
    assert prompt_size(candidate, told) == 15
    assert prompt_size(candidate, untold) == 15
    assert prompt_size(candidate, [*untold, *rollouts("c", [1.0], 99)]) == 99


def test_a_shortening_of_the_champion_that_was_kept_takes_its_place_and_no_other_shortening_does() -> None:
    population = pool(([1.0, 1.0, 0.0], 20))
    population.add(Candidate("c1", Prompt(()), ("c0",), "shorten"), rollouts("c1", [1.0, 0.0, 0.0], 10))
    assert population.champion == 1
    population.add(Candidate("c2", Prompt(()), ("c0",), "shorten"), rollouts("c2", [0.0, 0.0, 0.0], 5))
    population.add(Candidate("c3", Prompt(()), ("c1",), "shorten"), rollouts("c3", [0.0, 0.0, 0.0], 10))
    assert population.champion == 1


def test_a_level_is_what_a_member_scored_beyond_what_its_rows_let_expect() -> None:
    population = pool(([1.0, 0.0, 0.0], 1), ([1.0, None, None], 1))
    assert population.pool[0].level == pytest.approx(1 / 3)
    assert population.pool[1].level == pytest.approx(2 / 3)  # row 0 had been a third easier


def test_a_champion_that_was_measured_on_further_rows_is_compared_on_those_too() -> None:
    population = pool(([1.0, None], 1))
    population.extend("c0", {1: rollouts("c0", [0.0])[0]})
    assert (population.pool[0].scores, population.pool[0].mean) == ((1.0, 0.0), 0.5)
    population.add(Candidate("c1", Prompt(())), rollouts("c1", [1.0, 0.5], 9))
    assert population.champion == 1
