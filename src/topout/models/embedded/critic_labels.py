"""Edits of a text that lists labels: missing labels, phrases, what is not meant, answer form, fewer words, two texts in one."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from topout.models.embedded.critic_message import Brief, Case
from topout.models.embedded.features import kept, stem
from topout.models.embedded.listing import inline_names
from topout.models.embedded.marks import inline_shots
from topout.models.embedded.phrasing import hits, lift, mine
from topout.models.embedded.reading import label_blocks, read
from topout.models.embedded.shapes import Split
from topout.models.embedded.sheet import Sheet, size
from topout.models.embedded.styles import output_value

__all__ = ["merge_labels", "rewrite_labels", "shorten_text"]

_ONLY = "Answer with the label only, spelled exactly as listed, and nothing else."
_MOST_SHOTS = 12


def _sheet(text: str, cases: Sequence[Case]) -> tuple[Sheet, list[str]]:
    """The text as a sheet, and every label that it names."""
    known = list(dict.fromkeys(output_value(c.expected) for c in cases if c.expected))
    named = [label.name for label in read(Split(text, (), "")).labels]
    listed = [n for n in inline_names(text, known) if n.lower() in {k.lower() for k in [*known, *named]}]
    names = list(dict.fromkeys([*named, *listed]))
    return Sheet.of(text, label_blocks(text, [*known, *names])), names


def rewrite_labels(brief: Brief, rng: random.Random) -> tuple[str, str]:
    """The edited text and why. Each draw edits other labels with other phrases: a reflection is one try of many."""
    sheet, names = _sheet(brief.text, brief.cases)
    known = {name.lower(): name for name in names}
    why: list[str] = []
    gold = {
        id(case): known.get(output_value(case.expected).lower(), output_value(case.expected))
        for case in brief.cases
        if case.expected
    }
    missing = [name for name in dict.fromkeys(gold.values()) if name and name.lower() not in known]
    if missing:
        sheet.add_entries("Labels:", missing)
        why.append(f"{len(missing)} labels were missing")
    wordy = [
        c
        for c in brief.cases
        if c.failed and id(c) in gold and gold[id(c)].lower() in c.answer.lower() and c.answer.strip() != gold[id(c)]
    ]
    if wordy and _ONLY not in brief.text:
        sheet.add_line(_ONLY)
        why.append("answers were not the bare label")
    base = sheet.text()
    texts: dict[str, list[str]] = defaultdict(list)
    for case in brief.cases:
        if id(case) in gold:
            texts[gold[id(case)]].append(case.text)
    failing = Counter(gold[id(case)] for case in brief.cases if case.failed and id(case) in gold)
    failing = failing or Counter(gold[id(case)] for case in brief.cases if id(case) in gold and any(c.failed for c in brief.cases))
    pruned = _prune(sheet, texts) if rng.random() < 0.7 else []
    added = _add_phrases(sheet, texts, failing, brief, rng)
    pulled = _pull_apart(sheet, texts, gold, brief, rng)
    why.extend([f"phrases that speak for other labels as well dropped: {', '.join(pruned[:3])}"] if pruned else [])
    why.extend([f"phrases added to {', '.join(sorted(added)[:4])}"] if added else [])
    why.extend([f"told apart: {', '.join(pulled[:3])}"] if pulled else [])
    sheet.tidy()
    text = sheet.text()
    if size(text) > brief.most_words:
        text = shorten_text(text, brief.cases, brief.most_words, rng)
    if not brief.own:
        text = _with_shots(text, brief, gold, rng)
        why.append("failing examples shown")
    if size(text) > brief.most_words:
        text = base if size(base) <= brief.most_words else brief.text
    return text, "; ".join(why) or "Nothing in these examples asks for a change"


def _add_phrases(sheet: Sheet, texts: dict[str, list[str]], failing: Counter[str], brief: Brief, rng: random.Random) -> list[str]:
    taken = {name: frozenset(stem(w) for w in kept(sheet.lines[line])) for name, line in sheet.entries.items()}
    found = mine(texts, taken, rng, rng.choice((0.6, 1.0, 1.0)))
    most = rng.choice((6, 10, 16))
    focus = [name for name in failing if rng.random() < rng.choice((0.6, 1.0, 1.0))] or list(failing)
    room = brief.most_words - size(sheet.text())
    chosen = {name: found.get(name, [])[:most] for name in focus if found.get(name)}
    sheet.add_entries("What belongs to each label:", [name for name in chosen if name not in sheet.entries])
    done = []
    for name, phrases in chosen.items():
        phrases = [p for p in phrases if p not in sheet.quoted(name)]
        cost = sum(size(p) for p in phrases)
        if phrases and cost + 2 < room:
            sheet.append(name, ", ".join(f'"{p}"' for p in phrases))
            room -= cost
            done.append(name)
    return done


def _prune(sheet: Sheet, texts: dict[str, list[str]]) -> list[str]:
    """Drop phrases that the shown texts speak against: seen in at least two texts of other labels and hardly more often in their own."""
    dropped = []
    total = sum(map(len, texts.values()))
    for name in sheet.entries:
        positive = re.split(r"[;:]?\s*\bnot\b", sheet.lines[sheet.entries[name]], maxsplit=1)[0]
        for phrase in sheet.quoted(name):
            if f'"{phrase}"' in positive:
                own = sum(hits(phrase, t) for t in texts.get(name, []))
                others = sum(hits(phrase, t) for group in texts.values() for t in group) - own
                size = len(texts.get(name, []))
                if others >= 2 and lift(own, size, others, total - size) < 1.5:
                    sheet.drop_quote(name, phrase)
                    dropped.append(phrase)
    return dropped


def _pull_apart(sheet: Sheet, texts: dict[str, list[str]], gold: dict[int, str], brief: Brief, rng: random.Random) -> list[str]:
    """Say on the line of a wrongly given label what is not meant."""
    spelled = {name.lower(): name for name in sheet.entries}
    pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in brief.cases:
        wrong = spelled.get(output_value(case.answer).lower())
        if case.failed and id(case) in gold and wrong and wrong != gold[id(case)]:
            pairs[gold[id(case)], wrong].append(case.text)
    told = []
    contrast = rng.random() < 0.3
    for (right, wrong), confused in pairs.items():
        if contrast and right in sheet.entries and (len(confused) >= 2 or rng.random() < 0.5):
            found = mine({right: confused, wrong: texts.get(wrong, [])}, {}, rng, 0.7).get(right, [])[:2]
            found = [p for p in found if p not in sheet.quoted(wrong)]
            if found and size(sheet.text()) + 2 + sum(map(size, found)) < brief.most_words:
                sheet.append(wrong, f"not {right} (" + ", ".join(f'"{p}"' for p in found) + ")")
                told.append(f"{right} from {wrong}")
    return told


def _with_shots(text: str, brief: Brief, gold: dict[int, str], rng: random.Random) -> str:
    """Failing examples as worked ones below the text, up to a dozen a reflection and within the word cap."""
    shown = {shot.text for shot in inline_shots(text)[0]}
    failing = [case for case in brief.cases if case.failed and id(case) in gold and case.text not in shown]
    rng.shuffle(failing)
    lines = []
    room = brief.most_words - size(text)
    for case in failing[:_MOST_SHOTS]:
        single = re.sub(r"\s+", " ", case.text).replace('"', "'")
        cost = size(single) + 2
        if cost < room:
            lines.append(f'"{single}" -> {gold[id(case)]}')
            room -= cost
    return "\n".join([text, *(["", "Examples:"] if lines and "Examples:" not in text else []), *lines])


def shorten_text(text: str, cases: Sequence[Case], most: int, rng: random.Random) -> str:
    """The text within `most` words where that can be had: least useful phrases go first, then sentences that name no entry.
    Placeholders and entry names stay."""
    sheet, names = _sheet(text, cases)
    worth: list[tuple[float, str, str]] = []
    for name in sheet.entries:
        for phrase in sheet.quoted(name):
            own = sum(hits(phrase, c.text) for c in cases if output_value(c.expected).lower() == name.lower())
            other = sum(hits(phrase, c.text) for c in cases) - own
            worth.append((own - other + rng.random() * 0.5, name, phrase))
    for _, name, phrase in sorted(worth):
        if size(sheet.text()) <= most:
            return sheet.text()
        sheet.drop_quote(name, phrase)
    keep = set(sheet.entries.values())
    candidates = [
        i
        for i, line in enumerate(sheet.lines)
        if i not in keep
        and line.strip()
        and "{{" not in line
        and not line.rstrip().endswith(":")
        and not re.search(r"\bonly\b|json", line, re.I)
        and not any(name.lower() in line.lower() for name in names)
    ]
    for at in sorted(candidates, key=lambda i: -size(sheet.lines[i])):
        if size(sheet.text()) <= most:
            break
        sheet.lines[at] = ""
    return re.sub(r"\n{3,}", "\n\n", sheet.text())


def merge_labels(brief: Brief, rng: random.Random) -> tuple[str, str]:
    """The first text with what the second says more about each label, within the word cap."""
    sheet, _ = _sheet(brief.text, brief.cases)
    other, _ = _sheet(brief.second, brief.cases)
    spelled = {name.lower(): name for name in sheet.entries}
    new = [name for name in other.entries if name.lower() not in spelled]
    sheet.add_entries("Labels:", new)
    spelled.update({name.lower(): name for name in new})
    additions: list[tuple[str, str]] = []
    for name in other.entries:
        mine_of = spelled[name.lower()]
        have = {p.lower() for p in sheet.quoted(mine_of)}
        line = other.lines[other.entries[name]]
        if name in new:
            body = re.sub(r"^\W*" + re.escape(name) + r"\W*", "", line).strip(" |")
            additions.extend([(mine_of, body)] if body else [])
        else:
            positive = re.split(r"[;,]?\s*\bnot\b", line, maxsplit=1)[0]
            more = [p for p in other.quoted(name) if p.lower() not in have and f'"{p}"' in positive]
            additions.extend((mine_of, f'"{phrase}"') for phrase in more)
    rng.shuffle(additions)
    room = brief.most_words - size(sheet.text())
    joined: dict[str, list[str]] = defaultdict(list)
    for name, addition in additions:
        if size(addition) < room:
            room -= size(addition)
            joined[name].append(addition)
    for name, parts in joined.items():
        sheet.append(name, ", ".join(parts))
    sheet.tidy()
    text = sheet.text()
    if size(text) > brief.most_words:
        text = shorten_text(text, brief.cases, brief.most_words, rng)
    return text, f"What the second text says more about {len(joined)} labels was taken over"
