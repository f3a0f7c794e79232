"""Inputs, one by one: empty, too long, with the answer in them, or with personal data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from statistics import median

from topout.checks.found import Found, Subject, counted
from topout.domain import Example

__all__ = ["empty_inputs", "leaked_answers", "long_inputs", "personal_data"]

LONG_WORDS = 2000
LONG_FACTOR = 20
LEAK_SHARE = 0.3
BEFORE = re.compile(r"(\w+)\W{1,3}$")

EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
CARD = re.compile(r"\b(?:\d[ -]?){13,19}\b")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
SSN = re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b")
PHONE = re.compile(r"(?<![\w.])\+[1-9]\d{0,2}[ ().-]*(?:\d[ ().-]*){7,11}\d(?!\w)")


def empty_inputs(subject: Subject) -> Iterable[Found]:
    """Rows in which every field is blank, and fields that are blank in many rows."""
    rows = subject.located()
    blank = [example for _, example in rows if not any(text.strip() for text in example.inputs.values())]
    if blank:
        yield Found(
            "error",
            "empty-inputs",
            subject.place(blank[0]),
            f"{len(blank):,} of {len(rows):,} rows {'has' if len(blank) == 1 else 'have'} no input at all",
            "Fill them in or remove the rows.",
        )
    for name in subject.task.fields:
        some = [e for _, e in rows if not e.inputs.get(name, "").strip() and any(text.strip() for text in e.inputs.values())]
        if some:
            yield Found(
                "warning",
                "empty-inputs",
                subject.place(some[0]),
                f"'{name}' is empty in {len(some)} of {len(rows)} rows",
                "Fill it in, or see that the prompt makes sense without it.",
            )


def long_inputs(subject: Subject) -> Iterable[Found]:
    """Rows that are far longer than the others: they cost most, and may not fit a model's window."""
    sizes = [(sum(len(text.split()) for text in e.inputs.values()), e) for _, e in subject.located()]
    usual = median(size for size, _ in sizes)
    bound = max(LONG_WORDS, LONG_FACTOR * usual)
    far = sorted((pair for pair in sizes if pair[0] > bound), key=lambda pair: -pair[0])
    if far:
        yield Found(
            "warning",
            "long-inputs",
            subject.place(far[0][1]),
            f"{counted(len(far), 'row is', 'rows are')} longer than {bound:,.0f} words, this one {far[0][0]:,}; half of all have at most {usual:,.0f}",
            "Shorten or remove them, or see that the model's window and your budget take them.",
        )


def leaked_answers(subject: Subject) -> Iterable[Found]:
    """The expected answer stands in the input behind the same word in many rows (`category: billing`): then nothing is learned but to copy it."""
    rows = [e for _, e in subject.located() if isinstance(e.expected, str) and e.expected.strip()]
    marks: Counter[str] = Counter()
    first: dict[str, Example] = {}
    for example in rows:
        answer = str(example.expected).strip().casefold()
        found = set()
        for text in example.inputs.values():
            low = text.casefold()
            for match in re.finditer(rf"(?<!\w){re.escape(answer)}(?!\w)", low):
                before = BEFORE.search(low[max(0, match.start() - 40) : match.start()])
                if before:
                    found.add(before[1])
        for mark in found:
            marks[mark] += 1
            first.setdefault(mark, example)
    labels = {label.casefold() for label in subject.task.labels}
    for mark, count in marks.most_common(1):
        if len(rows) >= 10 and count >= LEAK_SHARE * len(rows) and mark not in labels:
            yield Found(
                "error" if subject.task.labels else "warning",
                "leaked-answers",
                subject.place(first[mark]),
                f"the expected answer stands in the input, behind '{mark}', in {count} of {len(rows)} rows",
                "Take it out of the inputs, unless the task is to copy it.",
            )


def personal_data(subject: Subject) -> Iterable[Found]:
    """Patterns of personal data in what would be sent to a provider. The data itself is not shown."""
    kinds: dict[str, list[Example]] = {}
    for _, example in subject.located():
        for kind in sorted({kind for text in example.inputs.values() for kind in personal(text)}):
            kinds.setdefault(kind, []).append(example)
    for kind, found in kinds.items():
        yield Found(
            "note",
            "personal-data",
            subject.place(found[0]),
            f"what looks like {kind} in {counted(len(found), 'row', 'rows')}",
            "They are sent to the model's provider and kept in the run: see that this is allowed, or replace them.",
        )


def personal(text: str) -> list[str]:
    """The kinds of personal data that a text seems to hold."""
    found = []
    if EMAIL.search(text):
        found.append("e-mail addresses")
    if any(luhn(re.sub(r"\D", "", match[0])) for match in CARD.finditer(text)):
        found.append("card numbers")
    if any(iban(match[0].replace(" ", "")) for match in IBAN.finditer(text)):
        found.append("bank accounts (IBAN)")
    if SSN.search(text):
        found.append("US social security numbers")
    if PHONE.search(text):
        found.append("phone numbers")
    return found


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1)."""
    doubled = [int(d) for d in reversed(digits)]
    for i in range(1, len(doubled), 2):
        doubled[i] = doubled[i] * 2 - 9 * (doubled[i] > 4)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616)."""
    turned = text[4:] + text[:4]
    return len(text) >= 15 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1
