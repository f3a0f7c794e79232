"""What the embedded readers make of a task folder: accuracy by prompt, and the controls that show where it comes from.

    python -m benchmarks.embedded tasks/support-tickets

Labels only (scorer `label`). All figures are on the holdout, n rows each, with 95 % intervals. The controls: labels renamed to names without
meaning and a bare list (has to fall to chance), demos with the outputs of other rows (has to hurt), no list at all (has to be 0).
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

from topout.domain import Component, Demo, Example, Prompt, Scored
from topout.models.embedded import answer
from topout.plateau.intervals import mean_interval
from topout.plugins.tasks import TaskFolder, load_task
from topout.search.demos import as_demo, spread
from topout.text.rendering import renderer


def measure(folder: TaskFolder, prompt: Prompt, rows: Sequence[Example], model: str) -> str:
    """The score of a prompt as a cell of the table."""
    to_messages = renderer(prompt)
    scores = []
    for row in rows:
        messages = [{"role": m.role, "content": m.content} for m in to_messages(row.inputs)]
        score = folder.scorer(answer(model, messages)[0].text, row)
        scores.append(score.value if isinstance(score, Scored) else float("nan"))
    found = mean_interval(scores)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"


def listed(labels: Sequence[str]) -> Prompt:
    """A bare list of labels."""
    text = (
        "Choose one of these categories:\n\n" + "\n".join(f"- {label}" for label in labels) + "\n\nAnswer with the category only."
    )
    return Prompt((Component("system", "system", text), Component("user", "user", "Text: {{text}}")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", type=Path)
    folder = load_task(parser.parse_args().task)
    task = folder.task
    if task.scorer_name != "label" or task.fields != ("text",):
        parser.error(f"{task.name}: a task with the scorer `label` and the one field `text` is expected")
    rng = random.Random(1)
    train = spread(rng.sample(list(task.rows("train")), len(task.rows("train"))))
    rows, labels = task.rows("holdout"), task.labels
    bare = listed(labels)
    print(
        f"{task.name}: {len(labels)} labels, {len(train)} train and {len(rows)} holdout rows (n of every figure), chance {1 / len(labels):.3f}"
    )
    started = time.process_time()
    for model in ("reader-small", "reader"):
        print(f"\nembedded/{model}")
        for each in (0, 1, 4, len(train) // len(labels)):
            prompt = bare.with_demos(tuple(as_demo(e) for e in train[: each * len(labels)]))
            print(f"  bare list, {each:3d} demos a label   {measure(folder, prompt, rows, model)}")
    print("\ncontrols, embedded/reader")
    renamed = {label: f"L{i:02d}" for i, label in enumerate(labels)}
    bare_renamed = listed(list(renamed.values()))
    moved = [Example(e.id, e.inputs, renamed[str(e.expected)], e.group) for e in rows]
    to_messages = renderer(bare_renamed)
    right = [
        float(answer("reader", [{"role": m.role, "content": m.content} for m in to_messages(e.inputs)])[0].text == e.expected)
        for e in moved
    ]
    found = mean_interval(right)
    print(f"  labels renamed, bare list      {found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]")
    shown = [as_demo(e) for e in train[: 4 * len(labels)]]
    outputs = [d.output for d in shown]
    rng.shuffle(outputs)
    mixed = bare.with_demos(tuple(Demo(d.inputs, output, d.example_id) for d, output in zip(shown, outputs, strict=True)))
    print(f"  4 demos a label, outputs mixed {measure(folder, mixed, rows, 'reader')}")
    none = Prompt((Component("system", "system", "Sort this text."), Component("user", "user", "Text: {{text}}")))
    print(f"  no list of labels              {measure(folder, none, rows, 'reader')}")
    print(f"\n{time.process_time() - started:.1f} s of CPU")


if __name__ == "__main__":
    main()
