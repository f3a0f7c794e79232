"""Graders: pure functions from an answer and its example to a score with feedback in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from topout.contracts import Scorer
from topout.scoring.fields import json_fields
from topout.scoring.labels import label
from topout.scoring.numbers import numeric
from topout.scoring.texts import contains, exact, regex, token_f1

__all__ = ["BUILT_IN", "contains", "exact", "json_fields", "label", "numeric", "regex", "token_f1"]

BUILT_IN: Mapping[str, Callable[..., Scorer]] = {
    "label": label,
    "exact": exact,
    "contains": contains,
    "regex": regex,
    "numeric": numeric,
    "token_f1": token_f1,
    "json": json_fields,
}
"""The scorers that a task can name, each a factory that closes over its settings (described in the task file's schema)."""
