"""A task folder of short texts and their intents: `python -m benchmarks.search.intents SOURCE TARGET [--dev 15]`.

SOURCE has train.jsonl, validation.jsonl and test.jsonl with lines such as {"text": "what do i owe", "intent": "bill_balance"}: 18 banking and card intents of CLINC150
(Larson et al. 2019, repository clinc/oos-eval, CC BY 3.0), 30, 20 and 30 texts of each, gave the figures in docs/search.md. TARGET gets all of train and test (as the holdout)
and the first so many validation texts of each intent as dev.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

__all__ = ["main"]

TASK = """name = "{name}"
description = "Sort a question into an intent."
fields = ["text"]
expected = "intent"
labels = "from:train"

[scorer]
name = "label"
"""

PROMPT = """--- system ---
Choose one of these intents:

{labels}

Answer with the intent only.
--- user (frozen) ---
Text: {{{{text}}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.intents", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--dev", type=int, default=15, help="dev rows of each intent")
    told = parser.parse_args()
    splits = {name: read(told.source / f"{name}.jsonl") for name in ("train", "validation", "test")}
    labels = sorted({row["intent"] for row in splits["train"]})
    write(told.target / "task.toml", TASK.format(name=told.target.name))
    write(told.target / "prompt.md", PROMPT.format(labels="\n".join(f"- {label}" for label in labels)))
    for split, rows in (("train", splits["train"]), ("dev", first(splits["validation"], told.dev)), ("holdout", splits["test"])):
        lines = (json.dumps({"id": f"{split}-{i}", "text": row["text"], "intent": row["intent"]}) for i, row in enumerate(rows))
        write(told.target / "data" / f"{split}.jsonl", "\n".join(lines) + "\n")


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def first(rows: Iterable[dict[str, str]], each: int) -> list[dict[str, str]]:
    """The first so many of each intent."""
    met: Counter[str] = Counter()
    out = []
    for row in rows:
        met[row["intent"]] += 1
        if met[row["intent"]] <= each:
            out.append(row)
    return out


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
