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
        raise UserError(f"{len(entries)} usable rows: too few for train, dev and holdout. Bring 100 or more; 6 is the least.")
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
    labels = tuple(sorted({text(e.expected).strip() for e in entries})) if chosen == "label" else ()
    if labels:
        entries = [Entry(e.inputs, text(e.expected).strip(), e.id, e.group, e.split) for e in entries]
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
    if clashing:
        why.append(f"{clashing} rows left out: inputs that stand there with two different answers (none of these is kept)")
    return Proposal(reading.fields, chosen, labels, splits, tuple(why))


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
    counts = Counter(texts)
    few = len(counts) <= min(MOST_LABELS, max(2, n // 4))
    repeated = sum(1 for count in counts.values() if count > 1)
    if len(counts) > 1 and few and repeated >= 0.8 * len(counts) and max(len(t) for t in counts) <= 60:
        return "label", f"{len(counts)} different answers in {n} rows"
    if all(as_number(a) is not None for a in answers):
        return "numeric", "all expected answers are numbers"
    lists = [a for a in answers if isinstance(a, list)]
    if len(lists) == n:
        return "contains", "the expected answers are lists of texts"
    words = sorted(len(t.split()) for t in texts)
    if words[n // 2] <= 4 and words[int(0.9 * (n - 1))] <= 8:
        return "exact", f"short answers, half of them of {words[n // 2]} words or fewer"
    return (
        FREE_TEXT,
        f"free text, half of the answers of {words[n // 2]} words or more; judge, or a scorer.py of your own, may mark it better",
    )


def as_number(value: Json) -> Json:
    """A number, also one in a text (`1,250.5`); None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d[\d,]*(\.\d+)?\s*", value):
        found = float(value.replace(",", ""))
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
    """Rows by split: as the file says, or 40 / 20 / 40 by the hash of each row, within each label; groups stay together."""
    named = [SPLIT_NAMES.get(e.split.strip().casefold()) for e in entries]
    if all(named) and {"train", "dev", "holdout"} <= set(named):
        known: dict[Split, list[Entry]] = defaultdict(list)
        for entry, split in zip(entries, named, strict=True):
            if split is not None:
                known[split].append(entry)
        return {s: tuple(known[s]) for s in get_args(Split) if known[s]}, "splits: as the file says"
    units: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        units[f"group {entry.group}" if entry.group else f"row {fingerprint(entry)}"].append(entry)
    strata: dict[str, list[str]] = defaultdict(list)
    for key, members in units.items():
        strata[text(members[0].expected) if by_label else ""].append(key)
    ordered: list[str] = []
    for stratum in sorted(strata):
        ordered += sorted(strata[stratum], key=lambda key: hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())
    given: dict[Split, list[Entry]] = {"train": [], "dev": [], "holdout": []}
    done = 0
    for key in ordered:
        done += len(units[key])
        lacking = {split: share * done - len(given[split]) for split, share in RATIOS.items()}
        given[max(lacking, key=lambda split: lacking[split])] += units[key]
    if not all(given.values()):
        raise UserError("too few groups for train, dev and holdout. Leave the group column out, or bring more rows.")
    within = ", within each label" if by_label else ""
    together = ", groups together" if any(e.group for e in entries) else ""
    unread = sorted({e.split for e, s in zip(entries, named, strict=True) if e.split and s is None})
    note = f" (the file's own splits, {', '.join(unread[:4])}, are not train, dev and holdout)" if unread or any(named) else ""
    return {
        s: tuple(rows) for s, rows in given.items()
    }, f"splits: train 40 %, dev 20 %, holdout 40 %, by the hash of each row{within}{together}{note}"


def fingerprint(entry: Entry) -> str:
    """A row's content."""
    return json.dumps([list(entry.inputs.items()), text(entry.expected)], ensure_ascii=False)
