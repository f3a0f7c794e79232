"""How an answer is judged. A task names this file in its task.toml:

    [scorer]
    file = "mine.py"

`score` must be pure (equal arguments, equal score), never raise for a bad answer, and give the right answer 1.
"""

import json
from collections.abc import Mapping
from typing import Any


def score(answer: str, expected: Any, inputs: Mapping[str, str]) -> tuple[float, str]:
    """A number from 0 to 1, and what the critic should hear about a wrong answer ('' for a right one)."""
    wanted = expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)
    if plain(answer) == plain(wanted):
        return 1.0, ""
    if plain(wanted) and plain(wanted) in plain(answer):
        return 0.5, f"'{wanted}' is in the answer, with more around it: answer with it alone"
    return 0.0, f"expected '{wanted}', got '{answer[:200]}'"


def plain(text: str) -> str:
    """Text without what should not count: case, white space at the ends and in a row, a full stop."""
    return " ".join(text.casefold().split()).rstrip(".")
