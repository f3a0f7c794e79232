"""Checks of a task before money is spent: the classic mistakes, each with its place and its remedy. Pure: no model is asked here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from topout.checks.alike import contradictions, near_duplicates
from topout.checks.answers import labels_by_split, scorer_sanity
from topout.checks.formats import Asked, answer_format
from topout.checks.found import Found, Severity, Subject
from topout.checks.prompts import placeholders_and_labels
from topout.checks.sizes import Visible, split_sizes, visible
from topout.checks.texts import empty_inputs, leaked_answers, long_inputs, personal_data

__all__ = ["CHECKS", "Asked", "Found", "Severity", "Subject", "Visible", "check", "visible"]

CHECKS: tuple[Callable[[Subject], Iterable[Found]], ...] = (
    near_duplicates,
    contradictions,
    leaked_answers,
    empty_inputs,
    long_inputs,
    labels_by_split,
    placeholders_and_labels,
    scorer_sanity,
    split_sizes,
    personal_data,
)

ORDER: tuple[Severity, ...] = ("error", "warning", "note")


def check(subject: Subject, asked: Sequence[Asked] = ()) -> tuple[Found, ...]:
    """All findings, errors first. `asked` are a few rows that a model answered with the first prompt."""
    found = [*(one for each in CHECKS for one in each(subject)), *answer_format(subject, asked)]
    return tuple(sorted(found, key=lambda one: ORDER.index(one.severity)))
