"""Work on the one event loop of the process, waited for from a thread without one."""

from __future__ import annotations

import asyncio

import pytest

from topout.models import event_loop
from topout.models.event_loop import run_blocking


def nothing() -> None:
    pass


def test_work_that_ends_while_somebody_looks_is_not_taken_for_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking all the time, as here, it ends between a look and the next line every few times."""
    monkeypatch.setattr(event_loop, "LOOK_S", 0.0)

    async def work() -> str:
        await asyncio.sleep(0.001)
        return "done"

    assert {run_blocking(work(), nothing) for _ in range(120)} == {"done"}


def test_a_timeout_of_the_work_itself_is_raised() -> None:
    async def work() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        run_blocking(work(), nothing)
