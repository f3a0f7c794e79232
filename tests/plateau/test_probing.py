from __future__ import annotations

import math
import random

import pytest

from topout.plateau import Contender, ProbePlan, Rung, chance_of_deciding, meeting, plan_probe, posterior, survivors


def test_a_plan_counts_its_proposals_and_its_rollouts() -> None:
    plan = ProbePlan((Rung(50, 25), Rung(15, 100), Rung(5, 400)))
    assert plan.proposals == 50
    assert plan.calls == 50 * 25 + 15 * 75 + 5 * 300


def test_a_plan_ends_at_the_rows_that_there_are() -> None:
    plan = plan_probe(60, 6000, 40.0)
    assert plan is not None
    assert max(rung.rows for rung in plan.rungs) == 60
    rows = [rung.rows for rung in plan.rungs]
    assert rows == sorted(set(rows))


def test_the_largest_design_that_fits_is_planned() -> None:
    everything = plan_probe(1000, None, 60.0)
    assert everything is not None and everything.proposals == 100
    assert plan_probe(1000, 100, 60.0) is None
    assert plan_probe(12, None, 60.0) is None
    some = plan_probe(1000, 4000, 61.0)
    assert some is not None
    assert some.calls + some.proposals * 61 <= 4000


def test_survivors_are_the_best_in_order_and_ties_go_to_the_earlier_one() -> None:
    found = [Contender(m, 0.1, 25) for m in (0.0, 0.1, -0.1, 0.1, 0.0)]
    assert survivors(found, 3) == [0, 1, 3]
    assert survivors(found, 99) == [0, 1, 2, 3, 4]
    assert survivors([Contender(math.nan, math.nan, 0), found[2]], 2) == [1]


def test_a_meeting_leaves_unscored_rows_out_and_is_never_certain() -> None:
    assert meeting([1.0, math.nan, 1.0], [0.0, 1.0, 1.0]).rows == 2
    equal = meeting([1.0] * 25, [1.0] * 25)
    assert (equal.mean, equal.rows) == (0.0, 25)
    assert equal.se == pytest.approx(0.0277, abs=1e-4)
    assert meeting([math.nan], [1.0]).rows == 0


def test_the_best_of_many_equals_is_drawn_back_to_them() -> None:
    noise = [math.sin(7 * i) * 0.1 for i in range(50)]
    best = max(range(50), key=lambda i: noise[i])
    found = posterior([Contender(m, 0.07, 25) for m in noise])
    assert noise[best] > 0.09
    assert found[best].mean < 0.04
    assert found[best].low <= 0.0 <= found[best].high


def test_corrected_intervals_of_the_best_of_many_hold_the_truth() -> None:
    rng = random.Random(4)
    held, naive, runs = 0, 0, 120
    for _ in range(runs):
        true = [rng.gauss(-0.05, 0.04) for _ in range(40)]
        found = [Contender(rng.gauss(t, 0.4 / math.sqrt(50)), 0.4 / math.sqrt(50), 50) for t in true]
        corrected = posterior(found)
        best = max(range(40), key=lambda i: corrected[i].mean)
        held += corrected[best].low <= true[best] <= corrected[best].high
        naive += abs(found[best].mean - true[best]) <= 1.96 * found[best].se
    assert held / runs >= 0.9
    assert naive / runs < 0.75


def test_without_scores_nothing_is_corrected() -> None:
    assert posterior([]) == ()
    assert posterior([Contender(math.nan, math.nan, 0)])[0].n == 0


def test_the_chance_of_deciding_is_a_chance_and_larger_probes_have_more_of_it() -> None:
    small, large = plan_probe(400, 2500, 20.0), plan_probe(400, None, 20.0)
    assert small is not None and large is not None and large.proposals > small.proposals
    one, two = chance_of_deciding(0.25, 0.02, small), chance_of_deciding(0.25, 0.02, large)
    assert one is not None and two is not None and 0.0 < one < two < 1.0
    assert chance_of_deciding(None, 0.02, small) is None
    assert chance_of_deciding(math.nan, 0.02, small) is None
