"""Checks of a task before money is spent: the classic mistakes, each with its place and its remedy. Pure: no model is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from topout.checks.alike import contradictions, near_duplicates
from topout.checks.answers import labels_by_split, scorer_sanity
from topout.checks.found import Found, Severity, Subject
from topout.checks.sizes import Visible, split_sizes, visible
from topout.checks.texts import empty_inputs, leaked_answers, long_inputs, personal_data

__all__ = ["CHECKS", "Found", "Severity", "Subject", "Visible", "check", "visible"]

CHECKS: tuple[Callable[[Subject], Iterable[Found]], ...] = (
    near_duplicates,
    contradictions,
    leaked_answers,
    empty_inputs,
    long_inputs,
    labels_by_split,
    scorer_sanity,
    split_sizes,
    personal_data,
)

ORDER: tuple[Severity, ...] = ("error", "warning", "note")


def check(subject: Subject) -> tuple[Found, ...]:
    """All findings, errors first."""
    found = [one for each in CHECKS for one in each(subject)]
    return tuple(sorted(found, key=lambda one: ORDER.index(one.severity)))
