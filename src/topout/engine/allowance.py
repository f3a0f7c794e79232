"""How many calls the search may make, dealt out so that the cap holds and the outcome does not depend on timing.

Attempts run side by side, yet who gets the last calls must not be a matter of which reply came first. So each attempt is granted its
calls when it is planned (a moment fixed by its number), and one that needs more waits until all older ones are committed, which is again a
moment fixed by numbers.

A grant covers only what is new: rollouts that were committed when the attempt was planned, or that an older attempt has announced to read, are
paid by others. Holding them twice would keep lanes empty, for most attempts read the rows of the same few parents.

A rollout may take several calls of the model (voting, programs), so rollouts come with their weights: how many calls each takes at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from topout.engine.pairs import Key, Pairs

__all__ = ["Allowance", "Weights"]

Weights = Mapping[Key, int]
"""Rollouts with the calls that each takes at most. One rollout weighs the same wherever it is named."""

GOES_ON = 0.25
"""Share of the attempts that will want all that they announced. Most are dropped early: to keep everything back for each would leave lanes
empty, to keep nothing back would stop the promising ones short."""


class Allowance:
    """Counts calls against `total`. `charged` are the calls of committed work, each rollout counted once; grants are held for what is in flight."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.charged = 0
        self.task_calls = 0
        self._settled = 0
        self._bought: Pairs[int] = Pairs()  # by how many settlements there had been before
        self._readers: Pairs[int] = Pairs()  # the first attempt that announced to read it
        self._reads: dict[int, Weights] = {}
        self._planned_at: dict[int, int] = {}  # how many settlements there had been
        self._grants: dict[int, int] = {}
        self._more: dict[int, int] = {}
        self._turns: dict[int, asyncio.Event] = {}

    @property
    def left(self) -> int:
        """Calls neither charged nor held."""
        return self.total - self.charged - sum(self._grants.values())

    def grant(self, number: int, calls: int, reads: Weights | None = None, more: int = 0) -> bool:
        """Hold `calls` for attempt `number`, and what of `reads` nobody has paid for; False when so many are not left.

        `reads` are charged to it, asked or not. `more` is what it will need besides if all goes well: that, and `GOES_ON` of what those in
        flight announced, has to be left for whoever asks for it at its turn.
        """
        reads = reads or {}
        self._planned_at[number] = self._settled
        held = calls + self.fresh(number, reads)
        if held + more + int(GOES_ON * sum(self._more.values())) > self.left:
            return False
        self._more[number] = more
        for key in reads:
            self._readers.setdefault(key, number)
        self._reads[number] = reads
        self._grants[number] = held
        self._turns[number] = asyncio.Event()
        return True

    def fresh(self, number: int, rollouts: Weights) -> int:
        """How many calls of these rollouts attempt `number` has to pay for: a function of what was planned and committed when it was planned."""
        planned_at = self._planned_at[number]
        bought, readers = self._bought, self._readers
        return sum(
            weight
            for key, weight in rollouts.items()
            if bought.get(key, planned_at) >= planned_at and readers.get(key, number) >= number
        )

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

    def settle(self, number: int, rollouts: Weights, critiques: int) -> None:
        """Attempt `number` is committed: charge what nobody had paid for before it, let go of the rest."""
        self._grants.pop(number, None)
        self._more.pop(number, None)
        self._turns.pop(number, None)
        self._planned_at.pop(number, None)
        fresh = {key: n for key, n in {**self._reads.pop(number, {}), **rollouts}.items() if key not in self._bought}
        self._bought.update(dict.fromkeys(fresh, self._settled))
        self._settled += 1
        calls = sum(fresh.values())
        self.task_calls += calls
        self.charged += calls + critiques
