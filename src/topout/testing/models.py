"""A transport without a network and a clock without waiting: what lets a test decide what a provider does, and when.

>>> import asyncio
>>> from topout.domain import Message, Request
>>> from topout.testing.models import ScriptedTransport
>>> transport = ScriptedTransport(lambda request: request.messages[-1].content.upper())
>>> asyncio.run(transport.send(Request("fake/echo", (Message("user", "hello"),)))).text
'HELLO'
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from topout.domain import Request, Usage
from topout.models.transport import Delivered, Sent

__all__ = ["InstantTime", "ScriptedTransport"]


class ScriptedTransport:
    """Implements `topout.models.transport.Transport`.

    `answer` turns a request into a text (delivered with 10 prompt and 5 output tokens) or into any outcome; outcomes in `script`
    are used up first, in order of arrival. Each call takes `delay_s` by `sleep`. `requests` holds all that arrived, `in_flight` and
    `most_in_flight` count the calls in progress.
    """

    def __init__(
        self,
        answer: Callable[[Request], str | Sent] = lambda request: "ok",
        *,
        script: Iterable[str | Sent] = (),
        delay_s: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._answer = answer
        self._script = deque(script)
        self._delay_s = delay_s
        self._sleep = sleep
        self.requests: list[Request] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False

    async def send(self, request: Request) -> Sent:
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._delay_s:
                await self._sleep(self._delay_s)
            outcome = self._script.popleft() if self._script else self._answer(request)
        finally:
            self.in_flight -= 1
        return Delivered(outcome, "stop", Usage(10, 5), self._delay_s) if isinstance(outcome, str) else outcome

    async def aclose(self) -> None:
        self.closed = True


class InstantTime:
    """A clock that only moves when somebody sleeps on it: pass `clock` and `sleep` to a Gateway, and hours of back-off take no time.

    `slept` holds the seconds of each sleep in order.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
