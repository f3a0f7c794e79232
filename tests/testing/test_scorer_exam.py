"""The exam of scorers: the built-in ones pass it, and each promise that is broken is named."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from topout.contracts import Scorer
from topout.domain import Example, Json, Score, Scored
from topout.scoring import contains, exact, json_fields, label, numeric, regex, token_f1
from topout.testing.scoring import check_scorer

LABELS = ("delivery", "refund", "billing")
TEXTS = [Example(str(i), {"text": "late"}, text) for i, text in enumerate(LABELS)]
NUMBERS = [Example("1", {"text": "one"}, "1"), Example("2", {"text": "many"}, "2.5")]
OBJECTS = [Example("1", {"text": "a"}, {"id": "A1", "n": 2}), Example("2", {"text": "b"}, {"id": "B2", "n": 3})]
BUILT_IN: dict[str, tuple[Scorer, list[Example]]] = {
    "label": (label(LABELS), TEXTS),
    "exact": (exact(), TEXTS),
    "contains": (contains(), TEXTS),
    "regex": (regex(r"\w+"), TEXTS),
    "numeric": (numeric(), NUMBERS),
    "token_f1": (token_f1(), TEXTS),
    "json": (json_fields(), OBJECTS),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_built_in_scorers_pass(name: str) -> None:
    check_scorer(*BUILT_IN[name])


def right(answer: str, example: Example) -> float:
    return float(answer.strip() == example.expected)


@dataclass
class Drifting:
    """Its scores depend on how often it was asked."""

    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def __call__(self, answer: str, example: Example) -> Score:
        return Scored(1.0 if right(answer, example) else self.rng.random())


def spoiling(answer: str, example: Example) -> Score:
    inputs: dict[str, Json] = example.inputs  # type: ignore[assignment]
    inputs["text"] = answer
    return Scored(right(answer, example))


def too_much(answer: str, example: Example) -> Score:
    return Scored(2.0 if len(answer) > 1000 else right(answer, example))


BROKEN: dict[str, tuple[Scorer, str]] = {
    "never 1": (
        lambda answer, example: Scored(right(answer, example) / 2),
        r"right answer 'delivery' to the row 0 scores 0\.5, expected 1",
    ),
    "all 1": (lambda answer, example: Scored(1.0), "does not tell right from wrong"),
    "raises": (lambda answer, example: Scored(right(answer, example) if answer else 1 / 0), "it raised ZeroDivisionError"),
    "out of range": (too_much, r"value is 2\.0, expected a number in \[0, 1\]"),
    "drifts": (Drifting(), "judged otherwise the second time"),
    "spoils": (spoiling, "it changed the row 0"),
    "no score": (lambda answer, example: right(answer, example), "returned a float, expected Scored"),  # type: ignore[dict-item]
    "white space": (lambda answer, example: Scored(float(answer == example.expected)), r"'\\n delivery \\n' to the row 0 scores 0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_named(name: str) -> None:
    scorer, said = BROKEN[name]
    rows = [Example(row.id, dict(row.inputs), row.expected) for row in TEXTS]
    with pytest.raises(AssertionError, match=said):
        check_scorer(scorer, rows)


def test_rows_that_cannot_show_anything_are_refused() -> None:
    with pytest.raises(AssertionError, match="at least two rows"):
        check_scorer(exact(), TEXTS[:1])
    with pytest.raises(AssertionError, match="two different right answers"):
        check_scorer(exact(), [TEXTS[0], TEXTS[0]])
