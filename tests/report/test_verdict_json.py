import json
import math

import pytest

from topout.domain import Estimate, RunEnded, RunResumed
from topout.report.findings import find
from topout.report.measures import shift_drop
from topout.report.verdict_json import verdict_document
from topout.testing.runs import PretendedRun


def test_the_document_tells_the_held_out_gain_and_that_dev_was_selected_on() -> None:
    document = json.loads(json.dumps(verdict_document(find(PretendedRun(outages=3).events())), allow_nan=False))
    assert document["schema"] == 1
    assert document["task"] == "support-tickets"
    assert document["embedded"] is False
    assert document["holdout"]["winner"]["n"] == 237
    assert document["holdout"]["paired_gain"]["low"] > 0
    assert document["dev"]["selected"] is True
    assert document["unscored"] == {"outage": 3}
    assert document["verdict"]["ruling"] == "can't tell yet"
    assert document["spend"]["critic"]["calls"] == 20
    assert document["per_call"]["after"]["prompt_tokens"] > document["per_call"]["before"]["prompt_tokens"]
    assert document["budget"] == {"max_calls": 2640, "max_cost": 5.0, "max_time": None}
    assert document["curve"][0]["dev_selected"]["n"] == 120


def test_a_pause_between_an_ending_and_a_resume_is_no_time_of_the_run() -> None:
    events = PretendedRun(ending="stopped").events()  # 41 s
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    events += [RunResumed(ended.at + 86_400), RunEnded("budget", "", ended.at + 86_410)]
    assert verdict_document(find(events))["seconds"] == 51


def test_what_was_not_measured_is_null() -> None:
    run = PretendedRun(qualities=(0.5,), dev=3, holdout=0, shift=0, price_usd=None, ending=None)
    document = json.loads(json.dumps(verdict_document(find(run.events())), allow_nan=False))
    assert document["holdout"]["winner"] == {"mean": None, "low": None, "high": None, "level": 0.95, "n": 0, "unscored": 0}
    assert document["ending"] is None and document["seconds"] is None and document["shift"] is None
    assert document["spend"]["task"]["unpriced"] == 3
    assert document["per_call"]["before"]["cost_usd"] is None


def test_an_embedded_model_is_named_as_such() -> None:
    assert verdict_document(find(PretendedRun(settings={"model": "embedded/reader"}).events()))["embedded"] is True


def test_the_drop_under_shift_joins_both_intervals() -> None:
    drop = shift_drop(Estimate(0.6, 0.5, 0.68, 100), Estimate(0.5, 0.38, 0.63, 60))
    assert drop is not None
    assert drop.mean == pytest.approx(-0.1)
    assert drop.low == pytest.approx(-0.1 - math.sqrt(0.12**2 + 0.08**2))
    assert drop.high == pytest.approx(-0.1 + math.sqrt(0.13**2 + 0.1**2))
    assert drop.n == 60


def test_there_is_no_drop_without_both_measurements() -> None:
    assert shift_drop(Estimate(math.nan, 0, 1, 0), Estimate(0.5, 0.4, 0.6, 60)) is None
