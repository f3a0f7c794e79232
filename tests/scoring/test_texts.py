from __future__ import annotations

import pytest

from topout.contracts import Scorer
from topout.domain import Example, Json, Scored
from topout.scoring import contains, exact, regex, token_f1
from topout.scoring.texts import regex_problem


def judge(scorer: Scorer, answer: str, expected: Json) -> tuple[float, str]:
    score = scorer(answer, Example("1", {}, expected))
    assert isinstance(score, Scored)
    return score.value, score.feedback


def test_exact_minds_case_only_when_asked() -> None:
    assert judge(exact(), " Paris\n", "Paris") == (1.0, "")
    assert judge(exact(), "paris", "Paris") == (0.0, "expected 'Paris', got 'paris'")
    assert judge(exact(ignore_case=True), "paris", "Paris") == (1.0, "")
    assert judge(exact(), "Rome", ["Paris", "Lutetia"]) == (0.0, "expected 'Paris' or 'Lutetia', got 'Rome'")
    assert judge(exact(), "7", 7) == (1.0, "")


def test_contains_gives_the_share_that_was_found() -> None:
    assert judge(contains(), "We met in PARIS.", "paris") == (1.0, "")
    assert judge(contains(), "Paris", ["Paris", "1889"]) == (0.5, "expected to find '1889' in the answer, got 'Paris'")
    assert judge(contains(ignore_case=False), "PARIS", "paris")[0] == 0.0


def test_regex_reads_the_pattern_from_the_row() -> None:
    assert judge(regex(), "on 2025-03-04", r"\d{4}-\d\d-\d\d") == (1.0, "")
    assert judge(regex(), "yesterday", r"\d+") == (0.0, r"expected a match of /\d+/, got 'yesterday'")


def test_regex_takes_the_answer_out_of_a_form() -> None:
    form = regex(r"#### (\S+)")
    assert judge(form, "#### 1\nno:\n#### 42", "42") == (1.0, "")
    assert judge(form, "#### 41", "42") == (0.0, "expected '42', got '41'")
    assert judge(form, "42", "42") == (0.0, r"expected '42' in the form /#### (\S+)/, got '42'")


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        regex("(")
    assert regex_problem("(").startswith("'(' is no regular expression: missing ), unterminated subpattern")
    assert regex_problem(3) == "expected a regular expression (text), found 3."
    assert regex_problem("a+") == ""


def test_token_f1_forgives_articles_case_and_punctuation() -> None:
    assert judge(token_f1(), "The Eiffel tower!", "eiffel Tower") == (1.0, "")
    assert judge(token_f1(), "tower in paris", "Eiffel tower") == (
        0.4,
        "expected 'Eiffel tower', got 'tower in paris' (missing: eiffel; too much: in paris)",
    )
    assert judge(token_f1(), "", "Eiffel")[0] == 0.0
    assert judge(token_f1(), "Lutetia", ["Paris", "Lutetia"])[0] == 1.0
