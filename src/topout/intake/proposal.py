"""From rows to a task: a scorer, splits, a prompt to start from. Proposals only: all of it is plain files that the user edits."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from topout.domain import Json, Split
from topout.errors import UserError, did_you_mean
from topout.intake.shapes import Entry, Reading, text
from topout.scoring.code_answers import code_problem
from topout.scoring.labels import key as label_key
from topout.scoring.numbers import TOKEN, read_number
from topout.scoring.texts import regex_problem

__all__ = ["SCORERS", "Proposal", "propose"]

SCORERS: Mapping[str, str] = {
    "label": "one label out of a list: sorting, routing, intent, yes or no",
    "exact": "one short text, spelled as expected: names, codes, dates",
    "contains": "the answer may say more, as long as the expected texts occur in it",
    "regex": "the answer is found in the reply by a pattern, or each row brings a pattern",
    "numeric": "a number, with a tolerance",
    "token_f1": "a sentence or two that should share words with the expected one",
    "json": "a JSON object; credit for each field, or all or nothing",
    "code": "a Python program, run in a sandbox against the row's tests, calls or inputs and outputs",
    "judge": "free text that only a reader can mark: a model does, by your rubric, at its own cost",
    "scorer.py": "anything else: your own function score(answer, expected, inputs)",
}
"""When to use which, a line each."""
FREE_TEXT = "token_f1"
"""What is proposed when the answers' form tells no scorer."""

MOST_LABELS = 60
MOST_ROWS = 2500
"""Rows that a task is given unless more are asked for: 1,000 held-out ones show gains from 3.6 points up, and every pass over dev costs its rows."""
RATIOS: Mapping[Split, float] = {"train": 0.4, "dev": 0.2, "holdout": 0.4}
SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train", "training": "train", "dev": "dev", "val": "dev", "valid": "dev", "validation": "dev", "development": "dev",
    "holdout": "holdout", "test": "holdout", "testing": "holdout", "eval": "holdout", "shift": "shift", "ood": "shift",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """A task, ready to be written. `why` says what each choice rests on, a line each."""

    fields: tuple[str, ...]
    scorer: str
    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[Entry, ...]]
    why: tuple[str, ...]


def propose(
    reading: Reading,
    scorer: str = "",
    max_rows: int = MOST_ROWS,
    shown: Sequence[Mapping[str, str]] = (),
    choose: Callable[[str, str], str] | None = None,
) -> Proposal:
    """A scorer (the given one if any), labels and splits of at most `max_rows` rows. Rows with the inputs of `shown` (demos that the first prompt brings)
    go to train, so that no held-out row stands in a prompt. Where the answers' form tells no scorer, `choose` is asked with what would be taken and why.
    Rows without ids are named by their number in the source: row-17. Raises UserError for an unknown scorer, for expected answers that do not suit it, and for too few rows."""
    if scorer and scorer not in SCORERS:
        raise UserError(f"--scorer {scorer}: no such scorer.{did_you_mean(scorer, SCORERS)}")
    every = list(reading.entries)
    if not any(e.id for e in every):
        every = [replace(e, id=f"row-{number}") for number, e in enumerate(every, 1)]
    entries = [e for e in every if text(e.expected).strip()]
    dropped = len(every) - len(entries)
    entries, repeated, clashing = distinct(entries)
    if len(entries) < 6:
        raise UserError(
            f"{len(entries)} usable row{'' if len(entries) == 1 else 's'}{unusable(len(every), dropped, repeated, clashing)}: too few for train, dev and holdout."
            " Bring 100 or more; 6 is the least."
        )
    if len(entries) > max_rows:
        whole = len(entries)
        entries = fewer(entries, max_rows)
        cut = (
            f"{len(entries):,} of {whole:,} rows, by the hash of each: every pass over dev costs its rows (--max-rows N takes more)"
        )
    else:
        cut = ""
    chosen, reason = (
        (scorer, "as asked") if scorer else (reading.scorer, "as the file has it") if reading.scorer else fitting(entries)
    )
    if choose is not None and not scorer and not reading.scorer and chosen == FREE_TEXT:
        picked = choose(chosen, reason)
        chosen, reason = picked, reason if picked == chosen else "as chosen"
    entries = suited(entries, chosen)
    labels, respelled = usual_spelling(entries) if chosen == "label" else ({}, ())
    if labels:
        entries = [replace(e, expected=labels[text(e.expected).strip()]) for e in entries]
    splits, how = divided(entries, bool(labels))
    splits, pinned = seen_in_train(splits, shown)
    why = [f"scorer {chosen}: {reason}", how]
    if cut:
        why.append(cut)
    if pinned:
        why.append(f"{pinned} rows that are examples in the first prompt went to train")
    if dropped:
        why.append(f"{dropped} rows left out: no expected answer")
    if repeated:
        why.append(f"{repeated} rows left out: the same inputs and answer as another row")
    if respelled:
        why.append(f"labels that differ in case or marks alone have the usual spelling: {', '.join(respelled[:6])}")
    if labels and all(as_number(label) is not None for label in labels):
        why.append("the labels are numbers: say in prompt.md what each of them means")
    if clashing:
        why.append(f"{clashing} rows left out: inputs that stand there with two different answers (none of these is kept)")
    return Proposal(reading.fields, chosen, tuple(sorted(set(labels.values()))), splits, tuple(why))


def unusable(rows: int, dropped: int, repeated: int, clashing: int) -> str:
    """` of 120 (115 have no expected answer)`: where the others went, '' when there are none."""
    reasons = (
        (dropped, "have no expected answer: of merged cells only the first has one"),
        (repeated, "repeat another"),
        (clashing, "have the same inputs as another, and another answer"),
    )
    said = [f"{n} {why}" for n, why in reasons if n]
    return f" of {rows} ({', '.join(said)})" if said else ""


def usual_spelling(entries: Sequence[Entry]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Each label as it is to be written: where several differ only in what the label scorer does not read, as most rows have it; and those that change."""
    counts = Counter(text(e.expected).strip() for e in entries)
    usual: dict[str, str] = {}
    for label in sorted(counts, key=lambda one: (-counts[one], one)):
        usual.setdefault(label_key(label), label)
    labels = {label: usual[label_key(label)] for label in counts}
    return labels, tuple(f"{label} -> {kept}" for label, kept in sorted(labels.items()) if label != kept)


def suited(entries: Sequence[Entry], scorer: str) -> list[Entry]:
    """The rows with their expected answers in the form that the scorer reads. Raises UserError when some cannot be brought into it."""
    convert, problem = FORMS.get(scorer, (None, lambda expected: ""))
    out = [replace(e, expected=convert(e.expected)) if convert else e for e in entries]
    wrong = [(e, said) for e, new in zip(entries, out, strict=True) if (said := problem(new.expected))]
    if wrong:
        first, said = wrong[0]
        found = said if "found" in said else f"expected {said}, found '{short(first.expected)}'."
        raise UserError(
            f"--scorer {scorer}: {len(wrong):,} of {len(entries):,} expected answers do not suit it: {found} topout init --scorers lists the others."
        )
    return out


def short(value: Json) -> str:
    """A value in a line."""
    line = " ".join(text(value).split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def distinct(entries: Sequence[Entry]) -> tuple[list[Entry], int, int]:
    """Each input once: repeats with the same answer are dropped, inputs with different answers altogether."""
    by_input: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_input[json.dumps(list(entry.inputs.values()), ensure_ascii=False)].append(entry)
    kept, repeated, clashing = [], 0, 0
    for same in by_input.values():
        if len({text(e.expected).strip() for e in same}) > 1:
            clashing += len(same)
        else:
            kept.append(same[0])
            repeated += len(same) - 1
    return kept, repeated, clashing


def fewer(entries: Sequence[Entry], most: int) -> list[Entry]:
    """So many rows, in their order: of each split and answer the same share, at least 5 of each, those with the smallest hashes; groups whole."""
    by_unit: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(entries):
        by_unit[f"group {entry.group}" if entry.group else f"row {fingerprint(entry)}"].append(i)
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, members in by_unit.items():
        first = entries[members[0]]
        answer = text(first.expected)
        strata[first.split, answer if len(answer) <= 60 else ""].append(key)
    if len(strata) > most // 10:  # answers that hardly repeat are no labels
        strata = {("", ""): list(by_unit)}
    kept: list[int] = []
    for keys in strata.values():
        keys.sort(key=lambda key: hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())
        room = max(5, round(most * sum(len(by_unit[key]) for key in keys) / len(entries)))
        for key in keys:
            if room <= 0:
                break
            kept += by_unit[key]
            room -= len(by_unit[key])
    return [entries[i] for i in sorted(kept)]


def seen_in_train(
    splits: Mapping[Split, tuple[Entry, ...]], shown: Sequence[Mapping[str, str]]
) -> tuple[dict[Split, tuple[Entry, ...]], int]:
    """The splits with rows whose inputs are among `shown` in train, and how many had to move; with them the rest of their groups."""
    known = {tuple(sorted(inputs.items())) for inputs in shown}
    hit = [e for rows in splits.values() for e in rows if tuple(sorted(e.inputs.items())) in known]
    groups = {e.group for e in hit if e.group}
    out: dict[Split, tuple[Entry, ...]] = {}
    moved: list[Entry] = []
    for split, rows in splits.items():
        stay = tuple(e for e in rows if split == "train" or not (e in hit or e.group in groups))
        moved += [e for e in rows if e not in stay] if len(stay) < len(rows) else []
        out[split] = stay
    out["train"] = (*out["train"], *moved)
    return out, len(moved)


def fitting(entries: Sequence[Entry]) -> tuple[str, str]:
    """The scorer that the expected answers look made for, and why."""
    n = len(entries)
    answers = [e.expected for e in entries]
    if all(is_cases(as_cases(a)) for a in answers):
        return "code", "all expected answers are tests of a program"
    if sum(as_object(a) is not None for a in answers) == n:
        return "json", "all expected answers are JSON objects"
    texts = [text(a).strip() for a in answers]
    counts = Counter(map(label_key, texts))
    few = len(counts) <= min(MOST_LABELS, max(2, n // 4))
    repeated = sum(1 for count in counts.values() if count > 1)
    if len(counts) > 1 and few and repeated >= 0.8 * len(counts) and max(len(t) for t in counts) <= 60:
        return "label", f"{len(counts)} different answers in {n:,} rows"
    if all(as_number(a) is not None for a in answers):
        return "numeric", "all expected answers are numbers"
    lists = [a for a in answers if isinstance(a, list)]
    if len(lists) == n:
        return "contains", "the expected answers are lists of texts"
    words = sorted(len(t.split()) for t in texts)
    if words[n // 2] <= 4 and words[int(0.9 * (n - 1))] <= 8:
        return "exact", f"short answers, half of them of {words[n // 2]} word{'s' if words[n // 2] > 1 else ''} or fewer"
    return (
        FREE_TEXT,
        f"free text, half of the answers of {words[n // 2]} words or more; judge, or a scorer.py of your own, may mark it better",
    )


def as_number(value: Json) -> Json:
    """A number, also one in a text (`1,250.5`, `12,50`), read as the numeric scorer reads answers; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and TOKEN.fullmatch(value.strip()) and (found := read_number(value)) is not None:
        return int(found) if found.is_integer() and "." not in value else found
    return None


def as_object(value: Json) -> Json:
    """A JSON object, also one in a text; None for anything else."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            found: Json = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None
    return None


def as_cases(value: Json) -> Json:
    """Cases of a program, also as JSON in a text; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            found: Json = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return found if not code_problem(found) else value
    return value


def is_cases(value: Json) -> bool:
    """Whether a value can only be cases of a program: any text might be a test, so of texts only those that assert something."""
    if code_problem(value):
        return False
    texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return all(re.search(r"^\s*assert\b", one, re.MULTILINE) for one in texts)


FORMS: Mapping[str, tuple[Callable[[Json], Json] | None, Callable[[Json], str]]] = {
    "numeric": (as_number, lambda value: "" if value is not None else "a number"),
    "json": (as_object, lambda value: "" if value is not None else "a JSON object"),
    "code": (as_cases, code_problem),
    "regex": (None, regex_problem),
}
"""Scorers that do not read any text: how an expected answer is brought into their form, and what is wrong with one that was ('' for nothing)."""


def divided(entries: Sequence[Entry], by_label: bool) -> tuple[dict[Split, tuple[Entry, ...]], str]:
    """Rows by split: as the file says; a test or dev split of the file is the holdout where it has only that beside train, and dev is taken out of train; else
    40 / 20 / 40 by the hash of each row. Within each label, and groups stay together."""
    named = [SPLIT_NAMES.get(e.split.strip().casefold()) for e in entries]
    known: dict[Split, list[Entry]] = defaultdict(list)
    for entry, split in zip(entries, named, strict=True):
        known[split or "train"].append(entry)
    within = ", within each label" if by_label else ""
    together = ", groups together" if any(e.group for e in entries) else ""
    by_hash = f"by the hash of each row{within}{together}"
    if all(named) and {"train", "dev", "holdout"} <= set(named):
        return {s: tuple(known[s]) for s in get_args(Split) if known[s]}, "splits: as the file says"
    if all(named) and set(named) - {"shift"} in ({"train", "holdout"}, {"train", "dev"}):
        held: Split = "holdout" if known["holdout"] else "dev"
        parts = shared_out(known["train"], {"train": 2 / 3, "dev": 1 / 3}, by_label)
        known["train"], known["dev"], known["holdout"] = parts["train"], parts["dev"], known[held]
        own = next(e.split.strip() for e in known["holdout"])
        said = f"splits: holdout is the file's '{own}'; dev is a third of its train, {by_hash}"
        return {s: tuple(known[s]) for s in get_args(Split) if known[s]}, said
    given = shared_out(entries, RATIOS, by_label)
    names = sorted({e.split.strip() for e in entries if e.split.strip()})
    note = f" (the file's own, {', '.join(names[:4])}, are not train, dev and holdout)" if len(names) > 1 else ""
    return {s: tuple(given[s]) for s in RATIOS}, f"splits: train 40 %, dev 20 %, holdout 40 %, {by_hash}{note}"


def shared_out(entries: Sequence[Entry], ratios: Mapping[Split, float], by_label: bool) -> dict[Split, list[Entry]]:
    """Rows by the hash of each, in these shares of each label; groups whole. Raises UserError when a split would be empty."""
    units: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        units[f"group {entry.group}" if entry.group else f"row {fingerprint(entry)}"].append(entry)
    strata: dict[str, list[str]] = defaultdict(list)
    for name, members in units.items():
        strata[text(members[0].expected) if by_label else ""].append(name)
    ordered: list[str] = []
    for stratum in sorted(strata):
        ordered += sorted(strata[stratum], key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest())
    given: dict[Split, list[Entry]] = {split: [] for split in ratios}
    done = 0
    for name in ordered:
        done += len(units[name])
        lacking = {split: share * done - len(given[split]) for split, share in ratios.items()}
        given[max(lacking, key=lambda split: lacking[split])] += units[name]
    if not all(given.values()):
        raise UserError(f"too few groups for {', '.join(ratios)}. Leave the group column out, or bring more rows.")
    return given


def fingerprint(entry: Entry) -> str:
    """A row's content."""
    return json.dumps([list(entry.inputs.items()), text(entry.expected)], ensure_ascii=False)
