from __future__ import annotations

import math

import pytest

from topout.domain import Deployment
from topout.plateau.break_even import break_even, price_change

TOLD = Deployment(calls_per_day=12_000, tuned_price_per_1000_usd=0.4, training_cost_usd=900.0, maintenance_usd_per_month=100.0)


def test_months_are_training_over_what_a_month_saves_after_upkeep() -> None:
    found = break_even(0.001, 237, TOLD)
    assert found.calls_per_month == pytest.approx(365_000)
    assert found.now_usd_per_month == pytest.approx(365.0)
    assert found.then_usd_per_month == pytest.approx(146.0)
    assert found.saved_usd_per_month == pytest.approx(119.0)
    assert found.months == pytest.approx(7.563, abs=0.001)
    assert found.asks == ()
    assert found.sentence == (
        "Now 12,000 calls a day x 30.4 days x $1.00 per 1,000 (mean of n = 237) = $365.00 a month; trained, at $0.40 per 1,000, $146.00; "
        "upkeep $100.00 a month; saved $119.00 a month; training $900.00: repaid after 7.6 months."
    )


def test_upkeep_above_the_saving_never_pays_back() -> None:
    found = break_even(0.0005, 237, TOLD)
    assert found.months == math.inf
    assert "$63.50 a month more than now; training $900.00: never repaid by cheaper calls" in found.sentence


def test_every_missing_part_is_asked_for_by_name_and_none_is_assumed() -> None:
    found = break_even(None, 0, Deployment())
    assert found.asks == (
        "a price for today's model (--price MODEL=IN,OUT)",
        "deployment.calls_per_day in task.toml",
        "deployment.tuned_price_per_1000_usd in task.toml",
        "deployment.training_cost_usd in task.toml",
        "deployment.maintenance_usd_per_month in task.toml",
    )
    assert (found.months, found.saved_usd_per_month, found.sentence) == (
        None,
        None,
        "Not known: neither volume nor prices were told.",
    )


@pytest.mark.parametrize("price", [math.nan, math.inf])
def test_a_price_that_is_no_number_is_an_unknown_price(price: float) -> None:
    assert break_even(price, 10, TOLD).months is None


def test_no_calls_a_day_save_nothing() -> None:
    assert (
        break_even(
            0.001, 5, Deployment(calls_per_day=0, tuned_price_per_1000_usd=0, training_cost_usd=1, maintenance_usd_per_month=0)
        ).months
        == math.inf
    )


def test_another_model_is_priced_beside_todays_and_by_the_month_where_volume_is_known() -> None:
    assert price_change(0.001, 237, 4.0, 12_000) == (
        "$4.00 per 1,000 calls against $1.00 now (mean of n = 237): +$1,095.00 a month at 12,000 calls a day"
    )
    assert price_change(0.001, 237, 0.4, None) == "$0.40 per 1,000 calls against $1.00 now (mean of n = 237): -$0.60 per 1,000"
    assert price_change(None, 0, 4.0, 12_000) == ""
