"""mine.py keeps the contract, and judges as it is meant to. Run with: pytest test_mine.py"""

from pathlib import Path

import pytest

from topout.domain import Example, Scored
from topout.plugins.scorers import load_scorer
from topout.testing.scoring import check_scorer

SCORER = load_scorer(Path(__file__).with_name("mine.py"))
ROWS = [  # put some rows of your task here: id, inputs, expected answer
    Example("1", {"text": "My parcel has not come."}, "delivery"),
    Example("2", {"text": "Take it back, please."}, "refund"),
    Example("3", {"text": "What do I owe?"}, "billing"),
]


def test_it_keeps_the_contract() -> None:
    check_scorer(SCORER, ROWS)


@pytest.mark.parametrize(
    ("answer", "value"),
    [("delivery", 1.0), ("Delivery.", 1.0), ("It is delivery", 0.5), ("refund", 0.0), ("", 0.0)],
)
def test_it_judges_as_meant(answer: str, value: float) -> None:
    score = SCORER(answer, ROWS[0])
    assert isinstance(score, Scored)
    assert score.value == value
