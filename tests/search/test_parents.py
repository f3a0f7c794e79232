"""Who is built on: the champion by its share, else those who hold rows, in proportion to what few others solve."""

from __future__ import annotations

import math
import random
from collections import Counter

from topout.contracts import History, Member
from topout.domain import Candidate, Prompt
from topout.search.parents import draw_parent, draw_partner
from topout.testing.fakes import made_up_task

DRAWS = 4000


def history(*scores: tuple[float, ...], champion: int = 0) -> History:
    members = [
        Member(Candidate(f"c{i}", Prompt(())), s, math.fsum(x for x in s if x == x) / len(s), 10.0) for i, s in enumerate(scores)
    ]
    rows = range(len(scores[0]))
    best = [max((s[row] for s in scores if s[row] == s[row]), default=0.0) for row in rows]
    holders = [[i for i, s in enumerate(scores) if s[row] == best[row] > 0] for row in rows]
    return History(made_up_task(1, len(scores[0]), 1), (), members, champion, holders, {}, 0, 100)


def shares(known: History, champion_share: float) -> dict[str, float]:
    rng = random.Random(1)
    counts = Counter(draw_parent(known, rng, champion_share).candidate.id for _ in range(DRAWS))
    return {name: count / DRAWS for name, count in sorted(counts.items())}


def test_the_champion_is_the_parent_as_often_as_its_share_says() -> None:
    known = history((1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0), champion=2)
    found = shares(known, 0.5)
    assert abs(found["c2"] - 0.5) < 0.03
    assert abs(found["c0"] - 0.25) < 0.03


def test_a_frontier_draw_goes_by_rows_held() -> None:
    found = shares(history((1.0, 1.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)), 0.0)
    assert abs(found["c0"] - 0.75) < 0.03
    assert abs(found["c1"] - 0.25) < 0.03


def test_among_those_who_share_a_row_the_better_of_two_is_drawn() -> None:
    found = shares(history((1.0, 1.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0)), 0.0)
    assert abs(found["c1"] - 0.25 / 3) < 0.02


def test_who_holds_no_row_is_never_drawn() -> None:
    assert set(shares(history((1.0, 0.5), (0.5, 1.0), (0.5, 0.5)), 0.0)) == {"c0", "c1"}


def test_when_nobody_solves_anything_the_champion_is_drawn() -> None:
    assert shares(history((0.0, 0.0), (0.0, 0.0), champion=1), 0.0) == {"c1": 1.0}


def test_a_lone_baseline_is_the_parent() -> None:
    assert shares(history((0.0, 1.0)), 0.0) == {"c0": 1.0}


def test_a_partner_solves_what_the_parent_misses() -> None:
    known = history((1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0))
    names = Counter(partner.candidate.id for _ in range(50) if (partner := draw_partner(known, random.Random(_), known.pool[0])))
    assert set(names) == {"c1", "c2"}
    assert names["c1"] > 40


def test_a_parent_that_misses_nothing_has_no_partner() -> None:
    known = history((1.0, 1.0), (1.0, 0.0), (math.nan, 1.0))
    assert all(draw_partner(known, random.Random(seed), known.pool[0]) is None for seed in range(50))
