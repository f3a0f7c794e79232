"""Texts that people see: whatever a model, a data file or a folder name said is made harmless first, then figures in one form."""

from __future__ import annotations

import json
import math
import re

from topout.domain import Estimate, Gain
from topout.plateau.wording import dollars, gain, points, quality

__all__ = [
    "EMBEDDED_NOTE",
    "amount",
    "count",
    "difference",
    "duration",
    "is_embedded",
    "paired",
    "quality",
    "safe_json",
    "safe_text",
    "seconds",
]

EMBEDDED_NOTE = "embedded reader: a program in this process, says nothing about LLMs"

# Controls (C0 without tab and line feed, DEL, C1), bidi and other invisible format characters, line and paragraph separators, tags, lone surrogates.
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def safe_text(text: str, limit: int | None = None, lines: bool = False) -> str:
    """Foreign text as a terminal or a picture may show it: nothing in it can move the cursor, change colours, hide or reorder letters.

    Controls become their pictures (ESC is `␛`), other unseen characters their escapes (`\\u202e`). Without `lines` it is one line (line feeds
    become ` ⏎ `, tabs blanks). At most `limit` characters, the last of them `…` when something was cut.
    """
    if limit is not None and len(text) > 4 * limit + 64:
        text = text[: 4 * limit + 64]
    shown = UNSEEN.sub(visible, text.replace("\r\n", "\n"))
    if not lines:
        shown = shown.strip("\n").replace("\n", " ⏎ ").replace("\t", " ")
    if limit is not None and len(shown) > limit:
        return shown[: max(0, limit - 1)] + "…"
    return shown


def safe_json(document: str) -> str:
    """A JSON text with every unseen character in it escaped. Such a character can only stand within a string of it, so that it means what it meant; and a
    terminal that it is printed on is not steered, which DEL, C1 controls and bidi marks would do."""
    return UNSEEN.sub(lambda found: json.dumps(found.group())[1:-1] if found.group() != "\x7f" else "\\u007f", document)


def visible(match: re.Match[str]) -> str:
    """One unseen character in letters."""
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def is_embedded(model: str) -> bool:
    """Models that run in this process: good for trying topout out, no evidence about any LLM."""
    return model.startswith("embedded/")


def paired(change: Gain | None) -> str:
    """`+12.4 points [8.1, 16.7], n = 360 (101 rows better, 20 worse)`."""
    if change is None or change.estimate.n == 0:
        return "not measured, n = 0"
    return f"{gain(change.estimate)} ({change.better:,} row{'' if change.better == 1 else 's'} better, {change.worse:,} worse)"


def difference(estimate: Estimate) -> str:
    """`-9.1 points [-20.4, 2.2]`."""
    return f"{points(estimate.mean, True)} points [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def count(value: float | None) -> str:
    """`1,234`, `12.5`; `unknown` for None."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"


def amount(value: float | None) -> str:
    """`$1.20`, `$0.00012`, `$0.000016`; `unknown` for None."""
    if value is not None and 0 < value < 1e-4:
        return f"${value:.{1 - math.floor(math.log10(value))}f}".rstrip("0")
    return "unknown" if value is None else dollars(value)


def seconds(value: float | None) -> str:
    """`0.4 ms`, `120 ms`, `1.3 s`; `unknown` for None."""
    if value is None:
        return "unknown"
    if value < 1:
        return f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.1f} ms"
    return f"{value:.1f} s"


def duration(value: float) -> str:
    """`41 s`, `3:05 min`, `2:03:10 h`."""
    whole = max(0, round(value))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"
