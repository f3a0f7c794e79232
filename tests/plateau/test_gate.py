from math import exp, lgamma, log, nan

import pytest

from topout.plateau.gate import at_least, no_worse


def test_a_score_whose_whole_interval_reaches_the_bound_meets_it() -> None:
    found = at_least([1.0] * 95 + [0.0] * 5, 0.85)
    assert (found.outcome, found.rows, found.estimate.level) == ("met", None, 0.9)
    assert found.estimate.low > 0.85


def test_a_mean_above_the_bound_is_not_enough() -> None:
    found = at_least([1.0] * 86 + [0.0] * 14, 0.85)
    assert found.outcome == "undecided"
    assert found.rows is not None and 7_000 < found.rows < 8_500  # (1.645 + 0.842)^2 * 0.86 * 0.14 / 0.01^2 = 7,444


def test_a_score_whose_whole_interval_is_below_does_not_meet_it() -> None:
    assert at_least([1.0] * 60 + [0.0] * 40, 0.85).outcome == "not met"


def test_few_rows_decide_nothing() -> None:
    assert at_least([1.0] * 5, 0.85).outcome == "undecided"
    assert at_least([], 0.85).outcome == "undecided"


def test_a_score_at_the_bound_is_decided_by_no_number_of_rows() -> None:
    assert at_least([1.0] * 85 + [0.0] * 15, 0.85).rows is None


def test_rows_without_a_score_that_could_tip_it_leave_it_undecided() -> None:
    answered = [1.0] * 95 + [0.0] * 5
    assert at_least([*answered, nan], 0.85).outcome == "met"
    tipped = at_least([*answered, *[nan] * 20], 0.85)
    assert (tipped.outcome, tipped.tipped, tipped.estimate.unscored) == ("undecided", True, 20)
    low = at_least([*[0.0] * 40, *[1.0] * 60, *[nan] * 100], 0.7)
    assert (low.outcome, low.tipped) == ("undecided", True)


def test_rows_of_one_group_count_less() -> None:
    scores = [1.0] * 95 + [0.0] * 5
    assert at_least(scores, 0.85, [f"g{i // 10}" for i in range(100)]).estimate.low < at_least(scores, 0.85).estimate.low


def test_no_worse_is_decided_on_the_same_rows() -> None:
    before = [1.0, 0.0] * 200
    after = [0.0, *before[1:]]
    assert no_worse(after, before, 0.02).outcome == "met"
    assert no_worse(before, before, 0.0).outcome == "undecided"
    assert no_worse([0.0] * 400, before, 0.02).outcome == "not met"


def test_few_changed_rows_ask_for_more_of_them() -> None:
    before = [1.0, 0.0] * 20
    found = no_worse([*before[2:], 0.0, 1.0], before, 0.02)
    assert found.outcome == "undecided"
    assert found.rows is not None and found.rows > 40
    assert (found.better, found.worse) == (1, 1)


def test_a_row_that_only_one_prompt_answered_counts_against_the_decision() -> None:
    before = [1.0, 0.0] * 100
    after = [nan] * 30 + before[30:]
    found = no_worse(after, before, 0.05)
    assert (found.outcome, found.tipped, found.estimate.n) == ("undecided", True, 170)


@pytest.mark.parametrize("rows", [30, 60, 100, 200, 432])
@pytest.mark.parametrize("truth", [0.5, 0.7, 0.85, 0.9, 0.95, 0.98])
def test_a_prompt_that_is_just_short_of_the_bound_passes_in_about_one_of_twenty_data_sets(rows: int, truth: float) -> None:
    passed = failed = 0.0
    for right in range(rows + 1):
        chance = exp(
            lgamma(rows + 1) - lgamma(right + 1) - lgamma(rows - right + 1) + right * log(truth) + (rows - right) * log(1 - truth)
        )
        outcome = at_least([1.0] * right + [0.0] * (rows - right), truth).outcome
        passed += chance * (outcome == "met")
        failed += chance * (outcome == "not met")
    assert passed < 0.07  # 0.0665 at most: 432 rows, 98 %
    assert failed < 0.06  # 0.0578 at most: 60 rows, 85 %
