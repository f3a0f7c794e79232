"""The prompt of a program as one prompt a step, for registries that hold prompts of one call."""

from __future__ import annotations

import re
from dataclasses import replace

from topout.contracts import Offer
from topout.domain import Component, Prompt, belongs
from topout.search.steps import steps_of
from topout.text.rendering import placeholders

__all__ = ["step_offers"]


def step_offers(offer: Offer) -> list[Offer]:
    """An offer a step, named `NAME-STEP`. A step with a user part of its own is a prompt to fill in, demos and all; of any other the instruction alone
    travels, as one text: what it is filled with, its program knows."""
    found = []
    for step in steps_of(offer.prompt):
        parts = tuple(c for c in offer.prompt.components if belongs(c.name, step))
        demos = tuple(replace(d, component="") for d in offer.prompt.demos if d.component == step)
        if any(c.role == "user" and c.text for c in parts):
            prompt = Prompt(parts, demos)
        else:
            prompt = Prompt((Component("user", "user", "\n\n".join(c.text for c in parts)),))
        slug = re.sub(r"[^A-Za-z0-9]+", "-", step).strip("-").lower()
        fields = tuple(dict.fromkeys(name for c in parts for name in placeholders(c.text)))
        found.append(replace(offer, name=f"{offer.name}-{slug}", prompt=prompt, fields=fields))
    return found
