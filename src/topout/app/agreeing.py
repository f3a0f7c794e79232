"""A judge held against people: it is asked about answers that they have marked."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Sequence

from topout.app.judges import judging, with_judge
from topout.app.running import unwrapped
from topout.app.workbench import Workbench
from topout.config.settings import RunSettings
from topout.domain import Scored, Unscored
from topout.engine.judging import Judged, Judging
from topout.engine.opening import SETUP_FAILURES
from topout.errors import UserError
from topout.models.event_loop import run_blocking
from topout.plateau.agreement import Agreement, agreement
from topout.plugins.human_marks import Marked
from topout.plugins.tasks import TaskFolder

__all__ = ["agree"]


def agree(settings: RunSettings, folder: TaskFolder, marks: Sequence[Marked]) -> Agreement:
    """Ask the judge about each of these answers once; replies are kept in the cache. Raises UserError for a wrong name, key or address, and when
    there is not one verdict."""
    settings, folder = with_judge(settings, folder)
    bench = Workbench(settings)

    async def session() -> list[Judged]:
        gateway = bench.open(f"judge-{secrets.token_hex(4)}")
        try:
            judge = judging(settings, folder, gateway, one_purse=True)
            return await unwrapped(every(judge, marks)) if judge is not None else []
        finally:
            await gateway.aclose()

    told = run_blocking(session(), bench.stop)
    scores = [one.score.value if isinstance(one.score, Scored) else math.nan for one in told]
    if not any(map(math.isfinite, scores)):
        raise UserError(next((one.score.reason for one in told if isinstance(one.score, Unscored)), "nobody marked an answer"))
    return agreement(scores, [mark.score for mark in marks])


async def every(judge: Judging, marks: Sequence[Marked]) -> list[Judged]:
    """All verdicts, in order. One goes ahead alone."""

    async def one(mark: Marked) -> Judged:
        return await judge.of(mark.answer, mark.example, "dev", 0)

    if not marks:
        return []
    first = await one(marks[0])
    if first.failure in SETUP_FAILURES and isinstance(first.score, Unscored):
        raise UserError(first.score.reason.removeprefix(f"{first.failure}: "))
    return [first, *await asyncio.gather(*(one(mark) for mark in marks[1:]))]
