"""First words with the models of a run, before much is paid: a wrong name, a wrong key or a closed port has to show at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from topout.domain import Candidate, Example, Rollout, Unscored
from topout.engine.critic import Critic
from topout.engine.harness import Harness
from topout.errors import UserError

__all__ = ["BASELINE", "PATIENCE_S", "SETUP_FAILURES", "first_row", "first_words", "reason_of"]

BASELINE = -1
"""The attempt number of the baseline, and of an evaluation outside of any run."""

SETUP_FAILURES = ("auth", "not_found", "unreachable", "quota")
"""What a first call can meet that no later one will mend."""

ROW_FAILURES = ("rejected", "context", "unreadable")
"""What can be one row's fault, or every row's (a setting that the model does not take, a prompt longer than its window, a judge that cannot
give verdicts)."""

ROWS_ALONE = 3
"""So many rows in a row with a failure of their own make it every row's."""

PATIENCE_S = 0.25
"""So long the baseline waits for the critic's first word. Wrong names and keys and closed ports mostly show in less; a slow critic that is well would cost its
whole latency. A refusal that comes later ends the run as well, and what is paid meanwhile is kept."""


async def first_row(harness: Harness, candidate: Candidate, rows: Sequence[Example]) -> None:
    """One row goes ahead alone. Raises UserError when it meets what no later call will mend."""
    reason = ""
    for example in rows[:ROWS_ALONE]:
        found = await harness.measure(BASELINE, candidate, [example])
        failure = found[0].failure if found else None
        reason = reason_of(found[0]).removeprefix(f"{failure}: ") if found else ""
        if failure in SETUP_FAILURES:
            break
        if failure not in ROW_FAILURES:
            return
    raise UserError(reason)


@asynccontextmanager
async def first_words(critic: Critic) -> AsyncIterator[asyncio.Task[None]]:
    """The critic's first call, under way: a critic that can never answer mostly says so at once (UserError, here); the word of one that
    answers late is the task's, to be heard while the run goes on."""
    ping = asyncio.create_task(critic.ping())
    try:
        await asyncio.wait({ping}, timeout=PATIENCE_S)
        if ping.done():
            ping.result()
        yield ping
    finally:
        ping.cancel()
        await asyncio.gather(ping, return_exceptions=True)


def reason_of(rollout: Rollout) -> str:
    """Why a rollout failed, for a person; '' when it did not."""
    return rollout.score.reason if isinstance(rollout.score, Unscored) else ""
