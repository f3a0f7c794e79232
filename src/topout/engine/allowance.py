"""How many calls the search may make, dealt out so that the cap holds and the outcome does not depend on timing.

Attempts run side by side, yet who gets the last calls must not be a matter of which reply came first. So each attempt is granted its
calls when it is planned (a moment fixed by its number), and one that needs more waits until all older ones are committed, which is again a
moment fixed by numbers. What attempts share (rollouts that another one had already asked for) is given back at commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set

__all__ = ["Allowance"]

Key = tuple[str, str, int]


class Allowance:
    """Counts calls against `total`. `charged` are the distinct calls of committed work; grants are held for what is in flight."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.charged = 0
        self.task_calls = 0
        self._seen: set[Key] = set()
        self._grants: dict[int, int] = {}
        self._turns: dict[int, asyncio.Event] = {}

    @property
    def left(self) -> int:
        """Calls neither charged nor held."""
        return self.total - self.charged - sum(self._grants.values())

    def grant(self, number: int, calls: int) -> bool:
        """Hold `calls` for attempt `number`; False when so many are not left."""
        if calls > self.left:
            return False
        self._grants[number] = calls
        self._turns[number] = asyncio.Event()
        return True

    def turn(self, number: int) -> None:
        """All older attempts are committed: `number` may ask for more from now on."""
        self._turns[number].set()

    async def extend(self, number: int, needed: int) -> bool:
        """See to it that attempt `number` holds at least `needed` calls; False when the rest does not allow for it."""
        if needed <= self._grants[number]:
            return True
        await self._turns[number].wait()
        if needed - self._grants[number] > self.left:
            return False
        self._grants[number] = needed
        return True

    def settle(self, number: int, rollouts: Set[Key], critiques: int) -> None:
        """Attempt `number` is committed: charge what nobody had asked for before it, let go of the rest."""
        self._grants.pop(number, None)
        self._turns.pop(number, None)
        fresh = len(rollouts - self._seen)
        self._seen |= rollouts
        self.task_calls += fresh
        self.charged += fresh + critiques
