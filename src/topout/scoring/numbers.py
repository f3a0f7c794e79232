"""Answers that are a number."""

from __future__ import annotations

import math
import re

from topout.contracts import Scorer
from topout.domain import Example, Json, Score, Scored
from topout.scoring.answers import capped, shown, text_of

__all__ = ["TOKEN", "close", "numeric", "numeric_problem", "read_number"]

TOKEN = re.compile(r"(?<![\w.,])[-+−]?(?:\d[\d.,'’\u00a0\u202f]*\d|\d|\.\d+)(?:[eE][-+]?\d{1,3})?")
LOST = str.maketrans({"'": "", "’": "", "\u00a0": "", "\u202f": "", "−": "-", "+": ""})


def numeric(*, tolerance: float = 0.0, relative: bool = False) -> Scorer:
    """1 when the last number in the answer is the expected one, within `tolerance` (a share of the expected when `relative`).

    Reads thousands separators, decimal points and decimal commas: 1,249.50 and 1.249,50 and 1'249.5 are the same; 1,249 is read as
    thousands and 1.249 as a decimal. Raises ValueError for a negative tolerance.
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError("tolerance must be 0 or more")

    def score(answer: str, example: Example) -> Score:
        text, wanted = capped(answer), expected_number(example.expected)
        got = read_number(text)
        if wanted is None or got is None:
            return Scored(0.0, f"expected {shown(example.expected)}, got no number: '{shown(text)}'")
        if close(got, wanted, tolerance * abs(wanted) if relative else tolerance):
            return Scored(1.0)
        margin = f" (within {tolerance:g}{' of it' if relative else ''})" if tolerance else ""
        return Scored(0.0, f"expected {shown(example.expected)}{margin}, got {got:.15g}")

    return score


def numeric_problem(expected: Json) -> str:
    """Why a row's expected value is no number ('' when it is one)."""
    return "" if expected_number(expected) is not None else f"expected a number, found {shown(expected)}."


def expected_number(expected: Json) -> float | None:
    return None if isinstance(expected, bool) else read_number(text_of(expected))


def read_number(text: str) -> float | None:
    """The last number in a text; None when there is none."""
    for token in reversed(TOKEN.findall(text)):
        plain = without_separators(token)
        if plain is not None and math.isfinite(float(plain)):
            return float(plain)
    return None


def without_separators(token: str) -> str | None:
    """A number as Python reads it; None for what only looks like one (a date, a version)."""
    body = token.translate(LOST)
    points, commas = body.count("."), body.count(",")
    if points and commas:
        decimal, thousands = (".", ",") if body.rfind(".") > body.rfind(",") else (",", ".")
        if body.count(decimal) > 1 or not in_threes(body.partition(decimal)[0], thousands):
            return None
        return body.replace(thousands, "").replace(decimal, ".")
    if commas and in_threes(body, ","):
        return body.replace(",", "")
    if commas > 1:
        return None
    if points > 1:
        return body.replace(".", "") if in_threes(body, ".") else None
    return body.replace(",", ".")


def in_threes(body: str, separator: str) -> bool:
    """Whether the separators stand where thousands end."""
    first, *rest = body.lstrip("-").split(separator)
    return 1 <= len(first) <= 3 and all(len(group) == 3 for group in rest)


def close(got: float, wanted: float, tolerance: float) -> bool:
    """Equal within the tolerance, rounding of binary fractions forgiven."""
    try:
        return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=max(tolerance * (1 + 1e-9), 1e-12))
    except OverflowError:
        return got == wanted
