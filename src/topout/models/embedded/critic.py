"""The embedded critic: reads failures, writes an edit of the text, as a critic model would.

It knows no task. What it writes comes from the examples shown to it; draws differ by seed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from topout.models.embedded.critic_causes import causes_of
from topout.models.embedded.critic_fields import rewrite_fields
from topout.models.embedded.critic_labels import merge_labels, rewrite_labels, shorten_text
from topout.models.embedded.critic_message import Brief, brief_of
from topout.models.embedded.fields import values_of
from topout.models.embedded.sheet import fenced, size
from topout.models.embedded.splitting import content_text

__all__ = ["NOTHING", "criticise"]

NOTHING = "I can only edit a text that stands in a fenced block, with examples below it, and I found none in this prompt."


def criticise(messages: Sequence[Mapping[str, object]], rng: random.Random) -> str:
    """A rationale line and the new text in one fence (for GEPA's template the fence alone); the causes of failures when it is asked for those; or
    `NOTHING`."""
    asked = causes_of("\n\n".join(content_text(m.get("content")) for m in messages if m.get("role") == "user"))
    if asked is not None:
        return asked
    brief = brief_of(messages)
    if brief is None:
        return NOTHING
    text, why = _edited(brief, rng)
    return f"Rationale: {why}.\n\n{fenced(text)}" if brief.own else fenced(text)


def _edited(brief: Brief, rng: random.Random) -> tuple[str, str]:
    match brief.job:
        case "shorten":
            most = min(brief.most_words, max(1, int(size(brief.text) * rng.uniform(0.65, 0.92))))
            return shorten_text(brief.text, brief.cases, most, rng), "Phrases and sentences that help least were dropped"
        case "merge":
            return merge_labels(brief, rng)
        case "rewrite":
            several = any(len(values_of(case.expected) or {}) > 1 for case in brief.cases)
            return rewrite_fields(brief, rng) if several else rewrite_labels(brief, rng)
