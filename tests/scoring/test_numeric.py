from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Example, Json, Scored
from topout.scoring import numeric
from topout.scoring.numbers import numeric_problem, read_number


def judge(answer: str, expected: Json, tolerance: float = 0.0, relative: bool = False) -> tuple[float, str]:
    score = numeric(tolerance=tolerance, relative=relative)(answer, Example("1", {}, expected))
    assert isinstance(score, Scored)
    return score.value, score.feedback


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42.0),
        ("so it is $1,249.50.", 1249.5),
        ("1.249,50 EUR", 1249.5),
        ("1'249.5", 1249.5),
        ("1,249", 1249.0),
        ("1.249", 1.249),
        ("12,5", 12.5),
        ("1.234.567", 1234567.0),
        ("-3.5 %", -3.5),
        ("−7", -7.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("first 1, then 2", 2.0),
        ("12kg", 12.0),
        ("v1.2.3", None),
        ("none", None),
        ("1e999", None),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float | None) -> None:
    assert read_number(text) == value


def test_the_tolerance_is_absolute_or_relative() -> None:
    assert judge("10.1", 10, tolerance=0.1)[0] == 1.0
    assert judge("10.2", 10, tolerance=0.1) == (0.0, "expected 10 (within 0.1), got 10.2")
    assert judge("110", "100", tolerance=0.1, relative=True)[0] == 1.0
    assert judge("0.30000000000000004", 0.3)[0] == 1.0


def test_feedback_says_what_was_expected() -> None:
    assert judge("it is 7", 8) == (0.0, "expected 8, got 7")
    assert judge("no idea", 8) == (0.0, "expected 8, got no number: 'no idea'")


def test_an_expected_value_has_to_be_a_number() -> None:
    assert numeric_problem("many") == "expected a number, found many."
    assert numeric_problem(True) == "expected a number, found true."
    assert numeric_problem("1,249.5") == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_prints_is_read_back(value: float) -> None:
    assert judge(repr(value), value)[0] == 1.0


@given(st.text(st.sampled_from(list("0123456789.,'-e ")), max_size=30))
def test_no_text_breaks_the_reading(text: str) -> None:
    read_number(text)
