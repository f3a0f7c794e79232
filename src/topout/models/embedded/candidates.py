"""What could be the value of a field: dates, numbers, codes, currencies and names in a text, with where they stand.

Patterns of how English and continental mails write such things; nothing about what a certain field is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from topout.models.embedded.features import stem, words
from topout.models.embedded.shapes import FieldKind

__all__ = ["Candidate", "candidates", "context", "number_of"]

_MONTHS: Final = {
    m: i + 1 for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_MONTH: Final = r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_YEAR: Final = r"(?P<year>(?:20|19)\d\d|['’]?\d\d(?![\d:.,/]\d))"
_DATES: Final = (
    re.compile(r"(?<![\d-])(?P<year>(?:20|19)\d\d)(?P<s>[-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})(?![\d-])"),
    re.compile(r"(?<![\w-])(?P<year>20\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-2]\d|3[01])(?![\w-])"),
    re.compile(r"(?<![\d./-])(?P<day>\d{1,2})(?P<s>[./-])(?P<month>\d{1,2})(?P=s)(?P<year>20\d\d|\d\d)(?![\d/-])"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: day)?(?:[ .-]+of)?[ .-]*{_MONTH}\b\.?(?:[,-]? ?{_YEAR})?", re.I),
    re.compile(rf"\b{_MONTH}\.?[ -]*(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? ?{_YEAR})?", re.I),
)
_NUMBER: Final = re.compile(
    r"(?<![\w.,/-])-?\d{1,3}(?:[.,'’ ]\d{3})+(?:[.,]\d{1,2})?(?![\w/-])|(?<![\w.,/-])-?\d+(?:[.,]\d{1,4})?(?![\w/-])"
)
_MONEY: Final = re.compile(r"(?:[€$£¥]|\b[A-Z]{3}) ?(-?\d[\d.,'’]{0,18}\d|\d)|(-?\d[\d.,'’]{0,18}\d|\d) ?(?:[€$£¥]|[A-Z]{3}\b)")
_CODE: Final = re.compile(r"(?<![\w/-])#?(?P<code>(?=[\w./-]{0,40}\d)[A-Za-z0-9]+(?:[./_-][A-Za-z0-9]+){0,8}(?: [A-Z]\d+)?)(?!\w)")
_SPACED: Final = re.compile(r"\b(?P<code>[A-Z]{1,5} \d{2,}(?:[-/]\w+)*|\d{2,} \d{2,}(?: \d{2,})*)\b")
_CURRENCY: Final = re.compile(
    r"[€$£¥]|\b(?:EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|CAD|AUD|INR|CNY)\b|\b(?:euros?|dollars?|pounds?|francs?)\b", re.I
)
_MONEY_NAMES: Final = {
    "€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD",
    "pound": "GBP", "pounds": "GBP", "franc": "CHF", "francs": "CHF",
}  # fmt: skip
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CAPITAL: Final = re.compile(
    r"[A-ZÀ-Þ][\w'’.&-]*(?:(?:, (?=Inc|Ltd|LLC|Co\b|GmbH|SE\b|PLC)| & | and | of the | of | for | the | de | du | van | von | und |[ ])(?:[A-ZÀ-Þ0-9][\w'’.&-]*))*"
)
_SEGMENT: Final = re.compile(r"[^|\n:;\t]+")
_KEYED: Final = re.compile(r"[:=|\t]")


_MOST: Final = 250
"""Candidates of one kind in a text; what comes later in a very long one is not looked at."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that could be a value: where it stands, how it is written and what it means (ISO date, number as text, currency code).
    `order` tells day-first from month-first readings of one date apart."""

    start: int
    end: int
    written: str
    value: str
    order: str = ""


def number_of(text: str) -> float | None:
    """The number that a text writes with either decimal sign, or None. A sign before one or two last digits is the decimal one."""
    digits = re.sub(r"[^\d.,-]", "", text).rstrip(".,")
    if not re.search(r"\d", digits):
        return None
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0 and (len(digits) - last - 1 != 3 or ("." in digits and "," in digits)):
        whole = re.sub(r"[.,]", "", digits[:last])
        digits = f"{whole}.{digits[last + 1 :]}"
    else:
        digits = re.sub(r"[.,]", "", digits)
    try:
        return float(digits)
    except ValueError:
        return None


def _iso(year: str, month: int, day: int) -> str | None:
    full = int(year.strip("'’"))
    try:
        return date(full + 2000 if full < 100 else full, month, day).isoformat()
    except ValueError:
        return None


def _dates(text: str) -> list[Candidate]:
    found: list[Candidate] = []
    loose: list[tuple[int, int, str, int, int]] = []
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in itertools.islice(pattern.finditer(text), _MOST):
            if any(a < match.end() and match.start() < b for a, b in taken):
                continue
            parts = match.groupdict()
            month, day = parts["month"], int(parts["day"])
            number = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
            if not parts.get("year"):
                loose.append((match.start(), match.end(), match[0], number, day))
                continue
            year = parts["year"]
            straight = _iso(year, number, day)
            turned = (
                _iso(year, day, number)
                if month.isdigit() and parts.get("s") and len(parts["day"]) <= 2 and pattern is _DATES[2]
                else None
            )
            written = match[0].rstrip(" .,")
            for value, order in ((straight, "dmy"), (turned if turned != straight else None, "mdy")):
                if value:
                    found.append(Candidate(match.start(), match.end(), written, value, order))
                    taken.append((match.start(), match.end()))
    year = found[0].value[:4] if found else ""
    for start, end, written, month, day in loose:
        value = _iso(year, month, day) if year else None
        if value and not any(a < end and start < b for a, b in taken):
            found.append(Candidate(start, end, written.rstrip(" .,"), value))
    return found


def _numbers(text: str) -> list[Candidate]:
    found = {}
    for match in (*itertools.islice(_NUMBER.finditer(text), _MOST), *itertools.islice(_MONEY.finditer(text), _MOST)):
        group = next((i for i in range(1, (match.re.groups or 0) + 1) if match[i]), 0)
        value = number_of(match[group])
        if value is not None:
            found[match.start(group)] = Candidate(match.start(group), match.end(group), match[group], repr(value))
    return list(found.values())


def _codes(text: str) -> list[Candidate]:
    found = {}
    for pattern in (_CODE, _SPACED):
        for match in itertools.islice(pattern.finditer(text), _MOST):
            code = match["code"].rstrip(".")
            for shorter in dict.fromkeys((code, code.split(" ")[0] if pattern is _CODE else code)):
                if len(shorter) >= 3 and any(c.isdigit() for c in shorter):
                    found[match.start("code"), len(shorter)] = Candidate(
                        match.start("code"), match.start("code") + len(shorter), shorter, shorter
                    )
    return list(found.values())


def _names(text: str) -> list[Candidate]:
    found: dict[tuple[int, str], Candidate] = {}

    def take(start: int, end: int) -> None:
        raw = text[start:end]
        start += len(raw) - len(raw.lstrip(" -*>\"'"))
        written = text[start:end].strip(" -*>\"'").rstrip(" ,.")
        if 2 <= len(written) <= 80 and any(c.isalpha() for c in written):
            found.setdefault((start, written), Candidate(start, start + len(written), written, written))
            if text[start + len(written) : start + len(written) + 1] == "." and len(written.rsplit(" ", 1)[-1]) <= 4:
                found.setdefault((start, written + "."), Candidate(start, start + len(written) + 1, written + ".", written + "."))

    for match in itertools.islice(_SEGMENT.finditer(text), _MOST):
        take(match.start(), match.end())
        for sign in (",", " (", " - ", ". "):
            at = match[0].find(sign)
            if at > 0:
                take(match.start(), match.start() + at)
    for match in itertools.islice(_CAPITAL.finditer(text), _MOST):
        take(match.start(), match.end())
        ending = re.search(r"['’]s$", match[0])
        if ending:
            take(match.start(), match.start() + ending.start())
        inner = match[0].find(". ")
        if inner > 3:
            take(match.start(), match.start() + inner)
    return list(found.values())


@lru_cache(maxsize=512)
def candidates(text: str, kind: FieldKind, options: tuple[str, ...] = ()) -> tuple[Candidate, ...]:
    """All spans of a text that could be a value of that kind, in no particular order."""
    found: Iterable[Candidate]
    if kind == "date":
        found = _dates(text)
    elif kind == "number":
        dates = [(c.start, c.end) for c in candidates(text, "date")]
        found = (c for c in _numbers(text) if not any(a <= c.start < b for a, b in dates))
    elif kind == "id":
        found = _codes(text)
    elif kind == "currency":
        found = (
            Candidate(m.start(), m.end(), m[0], _MONEY_NAMES.get(m[0].lower(), m[0].upper())) for m in _CURRENCY.finditer(text)
        )
    elif kind == "email":
        found = (Candidate(m.start(), m.end(), m[0], m[0]) for m in _EMAIL.finditer(text))
    elif kind == "option":
        found = [
            Candidate(m.start(), m.end(), m[0], option)
            for option in options
            for m in re.finditer(rf"(?<!\w){re.escape(option)}(?!\w)", text, re.I)
        ]
        if not found and all(re.fullmatch(r"[A-Z]{3}", option) for option in options):
            found = [c for c in candidates(text, "currency") if c.value in options]
    elif kind == "flag":
        found = (
            Candidate(m.start(), m.end(), m[0], str(m[0].lower() in ("yes", "true")).lower())
            for m in re.finditer(r"\b(?:yes|no|true|false)\b", text, re.I)
        )
    else:
        found = _names(text)
    return tuple(itertools.islice(found, _MOST))


def context(text: str, one: Candidate, peers: Sequence[Candidate]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where a candidate stands: the stems before it (nearest first, up to eight, of its line or, where it begins one, of the line
    above), and features of its place, shape and neighbours."""
    line_start = text.rfind("\n", 0, one.start) + 1
    line_end = text.find("\n", one.end)
    before = text[line_start : one.start]
    after = text[one.end : line_end if line_end >= 0 else len(text)]
    left = [stem(w) for w in words(before)[-8:]]
    above = False
    if not left and line_start:
        above = True
        start = text.rfind("\n", 0, line_start - 1) + 1
        left = [stem(w) for w in words(text[start : line_start - 1])[-4:]]
    left.reverse()
    number = text.count("\n", 0, one.start)
    total = text.count("\n")
    shape = re.sub(
        r"9+",
        "9",
        re.sub(r"a+", "a", re.sub(r"A+", "A", re.sub(r"\d", "9", re.sub(r"[a-zà-þ]", "a", re.sub(r"[A-ZÀ-Þ]", "A", one.written))))),
    )[:16]
    right = words(after[:24])[:1]
    clean = re.sub(r"\d+", "9", before.strip().lower())
    keyed = _KEYED.search(before) is not None
    features = [
        f"key={clean[-28:]}^{above}",
        f"line={min(number, 12)}",
        f"end={min(total - number, 8)}",
        f"shape={shape}",
        f"right={right[0] if right else after[:1]}",
        f"touch={before[-1:]}",
        f"keyed={keyed}",
        f"cell={len(_KEYED.findall(before))}",
        f"order={one.order}",
        f"whole={not before.strip() and not after.strip()}",
        f"close={after.strip()[:1] if not after.strip()[:1].isalnum() else 'a'}",
        f"rank={sum(1 for p in peers if p.start < one.start) if len(peers) < 8 else 'many'}",
        f"last={all(p.start <= one.start for p in peers)}",
        *(f"l{n}={w}" for n, w in enumerate(left[:3])),
        *(f"w={w}" for w in left[:6]),
    ]
    return tuple(left), tuple(dict.fromkeys(features))
