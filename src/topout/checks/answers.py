"""Expected answers and the scorer: are labels where they are needed, and can the scorer tell right from wrong?"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable

from topout.checks.found import Found, Subject, counted
from topout.domain import SPLITS, Example, Scored

__all__ = ["gold", "graded", "labels_by_split", "score", "scorer_sanity"]

MAJORITY = 0.8
FEW = 3
LOOKED_AT = 300
NO_GOLD = (
    "regex",
    "code",
    "judge",
)  # the expected value is a pattern or tests, not an answer; or no scorer is at hand that could tell


def one_answer(subject: Subject) -> Iterable[Found]:
    """One text or number that every row of a split expects, in a task without labels."""
    for split in SPLITS:
        rows = subject.task.rows(split)
        answers = {e.expected for e in rows if isinstance(e.expected, str | int | float)}
        if len(rows) >= 10 and len(answers) == 1 and all(isinstance(e.expected, str | int | float) for e in rows):
            yield Found(
                "warning",
                "imbalance",
                subject.place(rows[0]),
                f"'{str(answers.pop())[:60]}' is the answer of all {len(rows)} {split} rows: a prompt that always says it cannot be beaten",
                "Add rows with other answers.",
            )


def labels_by_split(subject: Subject) -> Iterable[Found]:
    """One label for nearly everything, labels that a split does not have, labels with hardly a row."""
    task = subject.task
    if not task.labels:
        yield from one_answer(subject)
        return
    counts = {split: Counter(str(e.expected) for e in task.rows(split)) for split in SPLITS if task.rows(split)}
    for split, found in counts.items():
        label, most = found.most_common(1)[0]
        n = found.total()
        if len(task.labels) > 1 and most > MAJORITY * n and n >= 10:
            yield Found(
                "warning",
                "imbalance",
                subject.place(next(e for e in task.rows(split) if str(e.expected) == label)),
                f"'{label}' is the answer of {most} of {n} {split} rows: always saying it scores {100 * most / n:.0f} %",
                "Add rows of the other labels, or measure with a scorer that weighs them.",
            )
        lacking = [name for name in task.labels if not found[name]]
        if lacking and split != "shift":
            meaning = {
                "train": "the critic never sees them and no example of them can be shown",
                "dev": "prompts are selected without them",
                "holdout": "what is gained or lost on them is not measured",
            }[split]
            yield Found(
                "error" if split == "train" else "warning",
                "missing-labels",
                stands(subject, lacking[0]) or subject.begins(split),
                f"no {split} row of {len(lacking)} of {len(task.labels)} labels ({', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}): {meaning}",
                f"Add {split} rows of them, or drop the labels.",
            )
    few = [name for name in task.labels if 0 < counts["train"][name] < FEW]
    if few:
        yield Found(
            "note",
            "rare-labels",
            stands(subject, few[0]),
            f"{counted(len(few), 'label has', 'labels have')} fewer than {FEW} train rows ({', '.join(few[:5])}{', ...' if len(few) > 5 else ''})",
            "A few more rows of each let the critic and the few-shot sets learn them.",
        )


def stands(subject: Subject, label: str) -> str:
    """The file and line of the first row with this label, '' where there is none."""
    return next((subject.place(e) for _, e in subject.located() if str(e.expected) == label), "")


def gold(example: Example, scorer: str = "") -> str:
    """The expected value as a model would write it. A list is a choice of answers, but for `contains`, which wants all of them."""
    match example.expected:
        case [*texts] if scorer == "contains" and all(isinstance(one, str) for one in texts):
            return "\n".join(str(one) for one in texts)
        case str() as text:
            return text
        case [str() as first, *_]:
            return first
        case other:
            return json.dumps(other, ensure_ascii=False)


def scorer_sanity(subject: Subject) -> Iterable[Found]:
    """The expected answer itself has to score 1, the answers of other rows must not, and an empty one neither."""
    if subject.task.scorer_name in NO_GOLD:
        return
    rows = [e for _, e in subject.located()][:LOOKED_AT]
    low = [(value, e) for e in rows if (value := score(subject, gold(e, subject.task.scorer_name), e)) < 1.0]
    if low:
        value, example = min(low, key=lambda pair: pair[0])
        own = subject.task.scorer_name.endswith(".py")
        yield Found(
            "warning" if own else "error",
            "gold-scores",
            subject.place(example),
            f"the expected answer itself scores {value:.2f} here, and under 1 in {len(low)} of {len(rows)} rows",
            "Mend the scorer or the expected values: no model can get these rows right."
            if not own
            else "See whether your scorer grants what the rows expect: no model could get these rows fully right.",
        )
    wrong = [score(subject, gold(other, subject.task.scorer_name), e) for e, other in shuffled(rows)]
    if len(wrong) >= 10 and math.fsum(wrong) / len(wrong) >= 0.9:
        yield Found(
            "error",
            "scorer-always-right",
            subject.scorer_place,
            f"the expected answers of other rows score {math.fsum(wrong) / len(wrong):.2f} on average over {len(wrong)} rows",
            "The scorer cannot tell right from wrong: make it stricter.",
        )
    blank = [score(subject, "", e) for e in rows]
    if blank and math.fsum(blank) / len(blank) >= 0.5:
        yield Found(
            "error",
            "empty-scores",
            subject.scorer_place,
            f"an empty answer scores {math.fsum(blank) / len(blank):.2f} on average over {len(blank)} rows",
            "Give an empty answer 0.",
        )


def graded(subject: Subject) -> bool:
    """Whether wrong answers get part of the score: then a row says more, and fewer show a gain. Tried with the answers of other rows."""
    if subject.task.scorer_name in NO_GOLD:
        return False
    rows = [e for _, e in subject.located()][:LOOKED_AT]
    values = [score(subject, gold(other, subject.task.scorer_name), e) for e, other in shuffled(rows)]
    return sum(0.0 < value < 1.0 for value in values) > 0.2 * len(values) > 0


def shuffled(rows: list[Example]) -> list[tuple[Example, Example]]:
    """Each row with the next one that expects something else."""
    pairs = []
    for i, example in enumerate(rows):
        others = (rows[(i + k) % len(rows)] for k in range(1, len(rows)))
        other = next((o for o in others if gold(o).strip().casefold() != gold(example).strip().casefold()), None)
        if other is not None:
            pairs.append((example, other))
    return pairs


def score(subject: Subject, answer: str, example: Example) -> float:
    """What the scorer gives; 0 where it gives none."""
    found = subject.scorer(answer, example)
    return found.value if isinstance(found, Scored) else 0.0
