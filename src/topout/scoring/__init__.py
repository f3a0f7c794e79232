"""Graders: pure functions from an answer and its example to a score with feedback in words."""

from __future__ import annotations

from topout.scoring.fields import json_fields
from topout.scoring.labels import label
from topout.scoring.numbers import numeric
from topout.scoring.texts import contains, exact, regex, token_f1

__all__ = ["contains", "exact", "json_fields", "label", "numeric", "regex", "token_f1"]
