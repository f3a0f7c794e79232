"""What all hand-offs share: which rows they use, how a row becomes messages, and what is said about how much there is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from topout.contracts import Answer, HandOff
from topout.domain import Example, Json
from topout.errors import UserError
from topout.scoring.answers import text_of
from topout.text.rendering import render

__all__ = ["amount", "answers_by_row", "as_lines", "carried", "conversation", "label_counts", "usable"]

FEW = 200
ENOUGH = 500


def usable(hand_off: HandOff) -> tuple[tuple[Example, ...], tuple[str, ...]]:
    """The rows to learn from, each input once, and what was left out, a sentence each.

    A row that is a demo of the prompt stays out: its answer stands in the question. Of rows with equal inputs the first is kept.
    """
    demos = hand_off.offer.prompt.demos
    ids, shown = {d.example_id for d in demos if d.example_id}, {key(d.inputs) for d in demos}
    seen: set[str] = set()
    kept: list[Example] = []
    twice = in_demos = 0
    for row in hand_off.rows:
        place = key(row.inputs)
        if row.id in ids or place in shown:
            in_demos += 1
        elif place in seen:
            twice += 1
        else:
            seen.add(place)
            kept.append(row)
    said = list(hand_off.left_out)
    if in_demos:
        said.append(f"{in_demos} rows are demos of the prompt, which shows their answers: left out.")
    if twice:
        said.append(f"{twice} rows have the same inputs as another: left out.")
    return tuple(kept), tuple(said)


def key(inputs: Mapping[str, str]) -> str:
    return json.dumps(dict(inputs), sort_keys=True)


def conversation(hand_off: HandOff, row: Example) -> list[Json]:
    """The messages that ask for a row's answer."""
    return [{"role": m.role, "content": m.content} for m in render(hand_off.offer.prompt, row.inputs)]


def answers_by_row(hand_off: HandOff) -> dict[str, list[Answer]]:
    """The different answers to each row, best first: higher score, then the exported candidate's own, then the shorter one."""
    mine = hand_off.offer.provenance.candidate
    found: dict[str, dict[str, Answer]] = {}
    for one in sorted(hand_off.answers, key=lambda a: (-a.score, a.candidate != mine, len(a.text), a.text, a.candidate)):
        found.setdefault(one.example, {}).setdefault(one.text.strip(), one)
    return {example: list(by_text.values()) for example, by_text in found.items()}


def carried(row: Example) -> dict[str, Json]:
    """What a grader needs of a row, as JSON text, so that values of any type share a column."""
    return {
        "expected": json.dumps(row.expected, ensure_ascii=False),
        "inputs": json.dumps(dict(row.inputs), ensure_ascii=False),
    }


def as_lines(rows: Iterable[Mapping[str, Json]]) -> bytes:
    """JSON lines. Everything beyond ASCII is escaped, so that no reader takes U+2028 for the end of a line.

    Raises UserError for half a surrogate pair, on which trainers stumble much later.
    """
    lines = []
    for row in rows:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"a row or an answer holds half a surrogate pair, which no trainer takes: {error.reason}. Mend the data."
            ) from None
        lines.append(json.dumps(row) + "\n")
    return "".join(lines).encode()


def label_counts(hand_off: HandOff, rows: Sequence[Example]) -> dict[str, int]:
    """Rows by label, the most frequent first, labels without a row at the end; empty for a task without labels."""
    counts = Counter(text_of(row.expected) for row in rows)
    known = {name: counts[name] for name in hand_off.grading.labels}
    return dict(sorted(known.items(), key=lambda item: (-item[1], item[0])))


def amount(n: int, what: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Warnings about too little data. The limits are a rule of thumb, not a measurement."""
    said: list[str] = []
    if n < FEW:
        said.append(
            f"Only {n} {what}: with fewer than {FEW}, a trained model is seldom better than the prompt. Label more rows, or run with more calls first."
        )
    elif n < ENOUGH:
        said.append(
            f"{n} {what}: enough to try; below {ENOUGH}, more labelled rows are likely to be worth more than more training."
        )
    missing = [name for name, count in counts.items() if not count]
    if missing:
        said.append(f"No {what} for: {', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}.")
    return tuple(said)
