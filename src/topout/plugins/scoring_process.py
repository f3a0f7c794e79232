"""What runs in a scorer's process: `python -m topout.plugins.scoring_process FILE`. A question a line in, a score a line out, both JSON.

What the user's code prints goes to standard error, so that it cannot be taken for a score.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from topout.domain import Example, Scored
from topout.errors import TopoutError
from topout.plugins.scorers import load_scorer

__all__ = ["main"]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, and ends us in its own time
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a program that the scorer runs must not wait for the next question
    scorer, broken = None, ""
    try:
        scorer = load_scorer(Path(sys.argv[1]))
    except TopoutError as error:
        broken = str(error)
    for line in questions:
        asked = json.loads(line)
        example = Example(asked["id"], asked["inputs"], asked["expected"])
        told: dict[str, object] = {"error": broken}
        if scorer is not None:
            try:
                score = scorer(asked["answer"], example)
            except TopoutError as error:
                told = {"error": str(error)}
            else:
                if isinstance(score, Scored):
                    told = {"value": score.value, "feedback": score.feedback, "parts": dict(score.parts)}
                else:
                    told = {"unscored": score.reason}
        out.write(json.dumps(told) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
