"""Answers as text: equal, containing, overlapping, matching a pattern."""

from __future__ import annotations

import re
import string
from collections import Counter

from topout.contracts import Scorer
from topout.domain import Example, Json, Score, Scored
from topout.scoring.answers import capped, shown, text_of, texts_of

__all__ = ["contains", "exact", "regex", "regex_problem", "token_f1"]

ARTICLES = frozenset({"a", "an", "the"})
NO_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "“”„‘’«»–—…", " "))


def exact(*, ignore_case: bool = False) -> Scorer:
    """1 when the answer equals the expected text, white space around it aside. A list of expected texts: any of them."""

    def score(answer: str, example: Example) -> Score:
        text = capped(answer)
        accepted = texts_of(example.expected)
        if folded(text, ignore_case) in [folded(one.strip(), ignore_case) for one in accepted]:
            return Scored(1.0)
        return Scored(0.0, f"expected {alternatives(accepted)}, got '{shown(text)}'")

    return score


def contains(*, ignore_case: bool = True) -> Scorer:
    """The share of the expected texts (one, or a list) that occur in the answer."""

    def score(answer: str, example: Example) -> Score:
        text = folded(capped(answer), ignore_case)
        wanted = texts_of(example.expected)
        missing = [one for one in wanted if folded(one, ignore_case) not in text]
        if not missing:
            return Scored(1.0)
        names = ", ".join(f"'{shown(one)}'" for one in missing)
        return Scored(1.0 - len(missing) / len(wanted), f"expected to find {names} in the answer, got '{shown(capped(answer))}'")

    return score


def regex(pattern: str = "", *, ignore_case: bool = False) -> Scorer:
    """Without `pattern`: 1 when the row's expected value, a regular expression, is found in the answer.

    With `pattern`: what its first group (or, without groups, the whole match) finds in the answer has to equal the expected text; the
    last match counts. Raises ValueError for a pattern that does not compile.
    """
    flags = re.IGNORECASE if ignore_case else 0
    try:
        common = re.compile(pattern, flags)
    except re.error as error:
        raise ValueError(f"'{shown(pattern)}' is no regular expression: {error}") from None

    def by_row(answer: str, example: Example) -> Score:
        wanted = text_of(example.expected)
        if re.search(wanted, capped(answer), flags):
            return Scored(1.0)
        return Scored(0.0, f"expected a match of /{shown(wanted)}/, got '{shown(capped(answer))}'")

    def by_pattern(answer: str, example: Example) -> Score:
        wanted = text_of(example.expected)
        found: str | None = None
        for match in common.finditer(capped(answer)):
            found = match[1] if common.groups else match[0]
        if found is None:
            return Scored(0.0, f"expected '{shown(wanted)}' in the form /{shown(pattern)}/, got '{shown(capped(answer))}'")
        if folded(found.strip(), ignore_case) == folded(wanted.strip(), ignore_case):
            return Scored(1.0)
        return Scored(0.0, f"expected '{shown(wanted)}', got '{shown(found)}'")

    return by_pattern if pattern else by_row


def regex_problem(expected: Json) -> str:
    """Why a row's expected value is no regular expression ('' when it is one)."""
    if not isinstance(expected, str):
        return f"expected a regular expression (text), found {shown(expected)}."
    try:
        re.compile(expected)
    except re.error as error:
        return f"'{shown(expected)}' is no regular expression: {error}."
    return ""


def token_f1() -> Scorer:
    """F1 over words, case, punctuation and articles aside; the best over a list of expected texts.

    After SQuAD's evaluation script (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1).
    """

    def score(answer: str, example: Example) -> Score:
        got = words(capped(answer))
        best, gold = max(((f1(got, words(one)), one) for one in texts_of(example.expected)), key=lambda pair: pair[0])
        if best == 1.0:
            return Scored(1.0)
        missing, extra = words(gold) - got, got - words(gold)
        notes = [
            f"{name}: {shown(' '.join(some.elements()))}" for name, some in (("missing", missing), ("too much", extra)) if some
        ]
        return Scored(best, f"expected '{shown(gold)}', got '{shown(capped(answer))}' ({'; '.join(notes)})")

    return score


def words(text: str) -> Counter[str]:
    return Counter(word for word in text.lower().translate(NO_PUNCTUATION).split() if word not in ARTICLES)


def f1(got: Counter[str], gold: Counter[str]) -> float:
    """The harmonic mean of precision and recall; two empty texts agree."""
    if not got or not gold:
        return float(got == gold)
    return 2 * (got & gold).total() / (got.total() + gold.total())


def folded(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def alternatives(texts: tuple[str, ...]) -> str:
    return " or ".join(f"'{shown(one)}'" for one in texts)
