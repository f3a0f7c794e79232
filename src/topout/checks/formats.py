"""What the first prompt makes a model answer: is it of the form that the scorer reads at all?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from topout.checks.answers import score
from topout.checks.found import Found, Subject
from topout.domain import Example
from topout.scoring.fields import read_json
from topout.scoring.numbers import read_number

__all__ = ["Asked", "answer_format"]

Asked = tuple[Example, str, float]
"""A row, what the model answered, and its score."""

WANTED = {"label": "one of the labels and nothing else", "json": "a JSON object", "numeric": "a number", "code": "code"}


def answer_format(subject: Subject, asked: Sequence[Asked]) -> Iterable[Found]:
    """Answers that the scorer cannot read, whatever the row expects: all of them is an error, some a warning. With a form that is not known, answers that
    all score 0."""
    if not asked:
        return
    reads = reader(subject)
    name = subject.task.scorer_name
    missed = [one for one in asked if one[2] <= 0.0 and (reads is None or not reads(one[1]))]
    n = len(asked)
    if not missed or (reads is None and len(missed) < n):
        return
    example, answer, _ = missed[0]
    shown = " ".join(answer.split())
    found = f"here the model says '{shown[:120]}{'...' if len(shown) > 120 else ''}'" if shown else "here the model says nothing"
    form = f"not {WANTED[name]}" if reads is not None else "score 0"
    remedy = (
        "Say in prompt.md exactly what an answer looks like, with an example."
        if reads is not None
        else "See whether the scorer and the prompt want the same thing; then say in prompt.md exactly what an answer looks like."
    )
    yield Found(
        "error" if len(missed) == n else "warning",
        "answer-format",
        subject.place(example),
        f"{len(missed)} of {n} answers to the first prompt are {form}: {found}"
        if reads is not None
        else f"all {n} answers to the first prompt score 0: {found}",
        remedy,
    )


def reader(subject: Subject) -> Callable[[str], bool] | None:
    """Whether an answer has the form that the scorer reads; None for a scorer that reads any text."""
    match subject.task.scorer_name:
        case "label":
            row = subject.task.rows("dev")[0]
            rows = [replace(row, expected=label) for label in subject.task.labels]
            return lambda answer: any(score(subject, answer, one) > 0 for one in rows)
        case "json":
            return is_object
        case "numeric":
            return lambda answer: read_number(answer) is not None
        case "code":
            return lambda answer: re.search(r"\bdef |\bimport |=|print", answer) is not None
        case _:
            return None


def is_object(answer: str) -> bool:
    """Whether an answer is a JSON object, in a fence or bare."""
    try:
        return isinstance(read_json(answer, True), dict)
    except (ValueError, RecursionError):
        return False
