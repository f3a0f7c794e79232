"""Who is built on: the champion by its share, else those who hold rows, in proportion to what few others solve."""

from __future__ import annotations

import math
import random
from collections import Counter

from topout.contracts import History, Member
from topout.domain import Attempt, Candidate, Operator, Outcome, Prompt
from topout.search.parents import draw_parent, draw_partner, newcomer
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


def lineage(*members: tuple[str, tuple[str, ...]], champion: int, outcome: Outcome = "kept", met: tuple[str, ...] = ()) -> History:
    pool = [
        Member(Candidate(name, Prompt(()), parents, "rewrite" if parents else "baseline"), (1.0,), 0.5 + i / 100, 1.0)
        for i, (name, parents) in enumerate(members)
    ]
    operator: Operator = "merge"
    attempts = [Attempt(n, operator, ("x", name), "dropped") for n, name in enumerate(met)]
    attempts.append(Attempt(9, "rewrite", (), outcome))
    return History(made_up_task(1, 1, 1), attempts, pool, champion, [[0]], {}, 0, 100)


FAMILY: tuple[tuple[str, tuple[str, ...]], ...] = (("base", ()), ("a", ("base",)), ("b", ("base",)), ("c", ("a",)))


def test_a_member_kept_beside_the_champion_is_to_be_crossed_with_it_once() -> None:
    found = newcomer(lineage(*FAMILY, champion=3))
    assert found is not None
    assert found.candidate.id == "b"
    assert newcomer(lineage(*FAMILY, champion=3, met=("b",))) is None


def test_nobody_is_crossed_at_another_moment_or_when_the_champion_descends_from_all() -> None:
    assert newcomer(lineage(*FAMILY, champion=3, outcome="dropped")) is None
    assert newcomer(lineage(*FAMILY[:2], champion=1)) is None
    assert newcomer(lineage(("base", ()), ("a", ("base",)), ("b", ("base",)), ("m", ("a", "b")), champion=3)) is None
