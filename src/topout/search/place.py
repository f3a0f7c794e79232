"""Randomness by place."""

from __future__ import annotations

import hashlib
import random

__all__ = ["rng_for", "seed_for"]


def seed_for(seed: int, decision: int, purpose: str) -> int:
    """A 63-bit seed that depends on the run's seed, the number of the decision and its purpose, and on nothing else."""
    digest = hashlib.blake2b(f"{seed}/{decision}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def rng_for(seed: int, decision: int, purpose: str) -> random.Random:
    """A generator for one decision. However many draws came before it elsewhere, it yields the same: so a resumed run, or one at
    another concurrency, decides alike."""
    return random.Random(seed_for(seed, decision, purpose))
