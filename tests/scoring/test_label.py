from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.contracts import Scorer
from topout.domain import Example, Scored
from topout.scoring import label
from topout.scoring.labels import label_problem

LABELS = ("refund", "billing_charge", "C++", "n/a", "card", "card lost")


def judge(scorer: Scorer, answer: str, expected: str = "refund") -> tuple[float, str]:
    score = scorer(answer, Example("1", {}, expected))
    assert isinstance(score, Scored)
    return score.value, score.feedback


@pytest.mark.parametrize(
    "answer",
    [
        "refund",
        " Refund.\n",
        "'refund'",
        "**refund**",
        "`REFUND`",
        "```\nrefund\n```",
        "Answer: refund",
        "The correct category is: refund",
        "**Category:** “refund”",
        "label = refund",
        "> refund!",
        "- refund",
    ],
)
def test_an_exact_label_counts_in_any_dress(answer: str) -> None:
    assert judge(label(LABELS), answer) == (1.0, "")


@pytest.mark.parametrize(
    ("answer", "feedback"),
    [
        ("billing_charge", "expected 'refund', got 'billing_charge'"),
        ("c++", "expected 'refund', got 'C++'"),
        ("card-lost", "expected 'refund', got 'card-lost', which is not one of the labels"),
        ("", "expected 'refund', got an empty answer"),
        (
            "I think this is a refund.",
            "expected 'refund', but the answer is a sentence, only the label was asked: 'I think this is a refund.'",
        ),
        ("refund, card", "expected 'refund', but the answer is a sentence, only the label was asked: 'refund, card'"),
        ("refunded", "expected 'refund', got 'refunded', which is not one of the labels"),
    ],
)
def test_anything_else_is_wrong_and_says_why(answer: str, feedback: str) -> None:
    assert judge(label(LABELS), answer) == (0.0, feedback)


def test_without_strict_one_mentioned_label_counts() -> None:
    lenient = label(LABELS, strict=False)
    assert judge(lenient, "I think this is a Refund, surely.") == (1.0, "")
    assert judge(lenient, "Lost: card lost it is", "card lost") == (1.0, "")
    assert judge(lenient, "refund or card")[0] == 0.0
    assert judge(lenient, "refunds")[0] == 0.0


def test_labels_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="differ only in case or punctuation"):
        label(("Refund", "refund."))
    with pytest.raises(ValueError, match="at least two"):
        label(("refund",))


def test_a_label_outside_the_list_is_named_with_the_nearest() -> None:
    assert label_problem("refnd", LABELS) == "label 'refnd' is not in the list of labels. Did you mean 'refund'?"
    assert label_problem("card", LABELS) == ""


@given(st.sampled_from(LABELS), st.text(max_size=60))
def test_every_answer_scores_and_the_label_itself_always_counts(gold: str, answer: str) -> None:
    assert judge(label(LABELS), gold, gold)[0] == 1.0
    assert judge(label(LABELS, strict=False), answer, gold)[0] in (0.0, 1.0)


def test_a_runaway_answer_is_cut() -> None:
    assert judge(label(LABELS), "refund" + " " * 100_000 + "not")[0] == 1.0
