"""Edits of a text that asks for fields: missing fields, normal forms, and the words that values stand behind."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from topout.models.embedded.candidates import Candidate, candidates
from topout.models.embedded.critic_message import Brief
from topout.models.embedded.extraction import equal_value
from topout.models.embedded.fields import field_blocks, field_specs, values_of
from topout.models.embedded.shapes import FieldKind, Shot
from topout.models.embedded.sheet import Sheet, size

__all__ = ["rewrite_fields"]

_WORDS = re.compile(r"[^\W\d_]+(?:[.'-][^\W\d_]+)*")


def rewrite_fields(brief: Brief, rng: random.Random) -> tuple[str, str]:
    """The edited text and why."""
    shown = [(case, wanted, values_of(case.answer) or {}) for case in brief.cases if (wanted := values_of(case.expected))]
    keys = list(dict.fromkeys(key for _, wanted, _ in shown for key in wanted))
    sheet = Sheet.of(brief.text, field_blocks(brief.text, keys))
    spelled = {name.lower(): name for name in sheet.entries}
    why: list[str] = []
    missing = [key for key in keys if key.lower() not in spelled]
    if missing:
        sheet.add_entries("Fields of the JSON object:", missing)
        why.append(f"{len(missing)} fields had no line of their own")
    line_of = {key: spelled.get(key.lower(), key) for key in keys}
    specs = {spec.name: spec for spec in field_specs(brief.text, tuple(Shot(c.text, c.expected) for c, _, _ in shown), {})}
    wrong = Counter(key for _, wanted, got in shown for key in keys if got.get(key, ...) != wanted.get(key))
    if any(not got for case, _, got in shown if case.failed) and "json object only" not in brief.text.lower():
        sheet.add_line("Answer with one JSON object only, with exactly these keys.")
        why.append("answers were no JSON")
    for key in keys:
        if wrong[key]:
            kind = specs[key].kind if key in specs else "text"
            note = _form_note(kind, sheet.lines[sheet.entries[line_of[key]]], brief.text, [w.get(key) for _, w, _ in shown])
            if note and size(sheet.text()) + size(note) < brief.most_words:
                sheet.append(line_of[key], note)
                why.append(f"{key}: {note}")
    most = rng.choice((1, 2, 3, 4))
    for key, misses in wrong.most_common():
        if not misses or key not in specs or rng.random() > rng.choice((0.7, 1.0)):
            continue
        good, bad = _places(
            [(case.text, wanted.get(key), got.get(key)) for case, wanted, got in shown], specs[key].kind, specs[key].options
        )
        have = {p.lower() for p in sheet.quoted(line_of[key])}
        cues = _chosen(good, bad, have, most, rng)
        anti = _chosen(bad, good, have, 1, rng) if rng.random() < 0.6 else []
        for phrases, lead in ((cues, ""), (anti, "not ")):
            if phrases and size(sheet.text()) + 1 + sum(map(size, phrases)) < brief.most_words:
                sheet.append(line_of[key], lead + ", ".join(f'"{p}"' for p in phrases))
                why.append(f"{key}: {lead}{', '.join(phrases)}")
    sheet.tidy()
    text = sheet.text()
    return (text if size(text) <= brief.most_words else brief.text), "; ".join(
        why[:4]
    ) or "Nothing in these examples asks for a change"


def _form_note(kind: FieldKind, line: str, text: str, wanted: Sequence[object]) -> str:
    notes = []
    if kind == "date" and "YYYY-MM-DD" not in line and any(isinstance(v, str) for v in wanted):
        notes.append("as YYYY-MM-DD")
    if kind == "number" and "number" not in line:
        notes.append("as a number with a dot")
    if any(v is None for v in wanted) and "null" not in line:
        notes.append("null when absent")
    return ", ".join(notes)


def _before(text: str, one: Candidate) -> str:
    """The one to three words right before a place in its line, as written."""
    line = text[text.rfind("\n", 0, one.start) + 1 : one.start]
    found = list(_WORDS.finditer(line))[-2:]
    return line[found[0].start() :].strip(" :|=-#.,;\t€$£*>").lower() if found and len(line) - found[-1].end() <= 6 else ""


def _places(
    rows: Sequence[tuple[str, object, object]], kind: FieldKind, options: tuple[str, ...]
) -> tuple[Counter[str], Counter[str]]:
    """The words before right values, and those before wrongly answered ones, with how many texts have them."""
    good: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    for text, wanted, got in rows:
        here: dict[bool, set[str]] = defaultdict(set)
        for one in candidates(text, kind, options):
            words_before = _before(text, one)
            if words_before and re.fullmatch(r"[^\W\d]{2,}(?:[ .'-]{1,2}[^\W\d]+)*", words_before):
                if wanted is not None and equal_value(one, wanted):
                    here[True].add(words_before)
                elif got is not None and equal_value(one, got):
                    here[False].add(words_before)
        good.update(sorted(here[True]))
        bad.update(sorted(here[False]))
    return good, bad


def _chosen(these: Mapping[str, int], those: Mapping[str, int], have: set[str], most: int, rng: random.Random) -> list[str]:
    ranked = sorted(
        (
            (count - 2 * those.get(phrase, 0) + rng.random(), phrase)
            for phrase, count in these.items()
            if phrase not in have and count > those.get(phrase, 0) and (count >= 2 or rng.random() < 0.4)
        ),
        reverse=True,
    )
    return [phrase for _, phrase in ranked[:most]]
