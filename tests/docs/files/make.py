"""What a reader of a page has who is past its beginning: `python make.py judged | gepa FOLDER | dataset NAME`. Hidden steps of the pages call it."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path


def judged() -> None:
    """A small task whose answers a model marks, in ./judged."""
    from topout.testing.provider import make_task

    folder = make_task(Path("judged"), {"train": 12, "dev": 12, "holdout": 30})
    toml = folder / "task.toml"
    toml.write_text(
        re.sub(r"labels = .*\n", "", toml.read_text()).replace('name = "label"', 'name = "judge"\nrubric = "rubric.md"')
    )
    (folder / "rubric.md").write_text("The category is the one of the reference.\n")


def by_gepa(folder: str) -> None:
    """A folder that a run of gepa left behind."""
    import gepa

    from tests.logs.test_gepa_runs import Coins

    rng = random.Random(3)
    gepa.optimize(
        seed_candidate={"system": "start"},
        trainset=list(range(40)),
        valset=list(range(100, 150)),
        adapter=Coins(),
        reflection_lm=lambda prompt: f"```\nprompt {'x' * rng.randint(0, 9)}\n```",
        max_metric_calls=400,
        run_dir=folder,
        display_progress_bar=False,
    )


def dataset(name: str) -> None:
    """An MLflow dataset of the tickets in ./tickets.csv."""
    import csv

    from mlflow.genai.datasets import create_dataset

    made = create_dataset(name=name)
    with Path("tickets.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    made.merge_records([{"inputs": {"text": r["text"]}, "expectations": {"expected_response": r["category"]}} for r in rows])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["judged"]:
            judged()
        case ["gepa", folder]:
            by_gepa(folder)
        case ["dataset", name]:
            dataset(name)
