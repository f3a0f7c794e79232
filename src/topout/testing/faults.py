"""Everything that a provider can do wrong, on a schedule that a seed draws: the provider of `topout.testing.provider` with faults.

Which fault a request meets is a function of the seed and of the request, never of the order in which requests arrive: a run meets the same
faults at any concurrency, and a run that asks the same again meets them no more. The provider keeps its own books: what it answered in full, what it
worked out for a client that never got it (a careful limit counts that as paid), and what both cost.

>>> from topout.testing.faults import FaultyProvider, Schedule
>>> with FaultyProvider(Schedule(seed=1, transient=("503", "drop"), share=0.5)) as provider:
...     provider.url.startswith("http://127.0.0.1"), provider.billed_usd
(True, 0.0)
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self

from topout.testing.provider import said_by, tokens
from topout.testing.server import OpenAIServer, Response, chat, drop, error

__all__ = ["ANSWERS", "LASTING", "SLOW", "TRANSIENT", "FaultyProvider", "Schedule", "Served"]

LATE_S = 0.03
"""How late a slow first token is: noticeable, and far from any time-out."""

NEVER_S = 3600.0

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What goes wrong. `share` of the distinct requests meet one of the `transient` faults, at most `most` times each, and are answered then.
    `answer_share` of them get one of `answers` for good: no outage, but no usable answer either. From request number `after` on the `lasting` fault
    meets everything, until `FaultyProvider.heal`. Requests with a number in `burst` meet a 503. At most `hangs` requests are kept waiting for ever. From
    request number `dearer_after` on every token costs `dearer` times its price."""

    seed: int = 0
    transient: tuple[str, ...] = ()
    share: float = 0.0
    most: int = 2
    answers: tuple[str, ...] = ()
    answer_share: float = 0.0
    lasting: str = ""
    after: int = 0
    burst: range = range(0)
    hangs: int = 2
    dearer_after: int = 0
    dearer: float = 1.0


Made = Callable[[Body], Response]


def answered(body: Body, **how: Any) -> Response:
    """The true answer, told in some way."""
    text = said_by(body)
    return chat(text, **{"usage": (tokens(body), len(text.split())), **how})


def told(response: Response, **how: Any) -> Response:
    """A response that comes over the wire in another way."""
    return Response(response.status, response.body, response.headers, **how)


def soon(seconds: float) -> str:
    """An HTTP date so far from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


TRANSIENT: Mapping[str, Made] = {
    "429": lambda body: error(429, "slow down"),
    "429 retry-after": lambda body: error(429, "slow down", headers={"retry-after": "0.02"}),
    "429 retry-after date": lambda body: error(429, "slow down", headers={"retry-after": soon(0.1)}),
    "429 retry-after nonsense": lambda body: error(429, "slow down", headers={"retry-after": "-inf"}),
    "500": lambda body: error(500, "internal error"),
    "502 html": lambda body: Response(502, "<html>Bad gateway</html>", {"content-type": "text/html"}),
    "503": lambda body: error(503, "overloaded"),
    "529": lambda body: error(529, "overloaded"),
    "drop": lambda body: drop(),
    "half a reply": lambda body: told(answered(body), sent=0.5),
    "not JSON": lambda body: Response(200, "<html>Welcome to the proxy</html>"),
    "empty body": lambda body: Response(200, ""),
    "error with status 200": lambda body: Response(200, json.dumps({"error": {"message": "try again", "code": 500}})),
    "choices null": lambda body: Response(200, json.dumps({"id": "x", "object": "chat.completion", "choices": None})),
    "hang": lambda body: told(answered(body), delay_s=NEVER_S),
    "slow first token": lambda body: told(answered(body), first_token_s=LATE_S),
}
"""Faults after which the same request is answered. The slow first token is an answer itself."""

ANSWERS: Mapping[str, Made] = {
    "empty choices": lambda body: answered(body, choices=False),
    "no content": lambda body: chat(None, usage=(tokens(body), 0)),
    "content filter": lambda body: chat(None, finish_reason="content_filter", usage=(tokens(body), 0)),
    "truncated": lambda body: chat(said_by(body)[:2], finish_reason="length", usage=(tokens(body), 1)),
    "context overflow": lambda body: error(400, "maximum context length is 8 tokens", code="context_length_exceeded"),
    "missing usage": lambda body: chat(said_by(body), usage=None),
    "refused": lambda body: error(400, "this request is not allowed"),
}
"""What a request gets for good."""

LASTING: Mapping[str, Made] = {
    "401": lambda body: error(401, "the key was revoked"),
    "quota": lambda body: error(429, "You exceeded your current quota", code="insufficient_quota"),
    "down": lambda body: error(503, "we are down"),
    "gone": lambda body: error(404, "the model does not exist", code="model_not_found"),
    "closed": lambda body: drop(),
}
"""What ends a run until somebody mends it."""

SLOW: Mapping[str, Made] = {
    "hang": TRANSIENT["hang"],
    "429 for an hour": lambda body: error(429, "slow down", headers={"retry-after": "3600"}),
    "drip": lambda body: told(answered(body), drip_s=0.2),
}
"""What a run with a deadline must not wait for: the drip sends a byte now and then, so that no silence is ever long."""

UNPAID = ("context overflow", "refused")
WORKED_OUT = ("half a reply", "not JSON", "empty body", "error with status 200", "choices null", "hang", "drop", "drip")
"""Replies that no client can read, though the provider may have done the work: a bill for them has to fit into the limit."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request as the provider saw it: its fault ('' for none), the request itself, tokens and dollars."""

    fault: str
    key: str
    usage: tuple[int, int]
    usd: float


@dataclass
class FaultyProvider:
    """The provider with a schedule. `prices` are dollars per token in and out, by model; `tokens_per_word` is its tokenizer's."""

    schedule: Schedule = field(default_factory=Schedule)
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    tokens_per_word: float = 1.0
    delay_s: float = 0.0
    log: list[Served] = field(default_factory=list)
    healed: bool = False
    server: OpenAIServer = field(init=False)
    _arrivals: Counter[str] = field(default_factory=Counter)
    _hangs: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = OpenAIServer(self.answer)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def url(self) -> str:
        """What to pass as `api_base`."""
        return self.server.url

    def heal(self) -> None:
        """From now on nothing goes wrong any more but what requests get for good."""
        self.healed = True

    def answer(self, body: Body) -> Response:
        """The response to a request."""
        key = json.dumps(body, sort_keys=True)
        with self._lock:
            fault = self._fault(key)
            if fault == "hang":
                self._hangs += 1
            self._arrivals[key] += 1
            made = {**TRANSIENT, **ANSWERS, **LASTING, **SLOW}.get(fault, answered)(body)
            usage = (round(tokens(body) * self.tokens_per_word) + 8, max(1, len(said_by(body).split())))
            price = self.prices.get(body["model"], (0.0, 0.0))
            factor = self.schedule.dearer if len(self.log) >= self.schedule.dearer_after else 1.0
            self.log.append(Served(fault, key, usage, factor * (usage[0] * price[0] + usage[1] * price[1])))
        response = counted(made, usage)
        return told(response, delay_s=self.delay_s) if self.delay_s and not fault else response

    def _fault(self, key: str) -> str:
        s = self.schedule
        rng = random.Random(f"{s.seed}/{key}")
        number, before = len(self.log), self._arrivals[key]
        hit, times, final = rng.random() < s.share, rng.randint(1, s.most), rng.random() < s.answer_share
        kinds = [rng.choice(s.transient) for _ in range(times)] if s.transient else []
        if not self.healed:
            if s.lasting and number >= s.after:
                return s.lasting
            if number in s.burst and before < s.most:
                return "503"
            if hit and before < len(kinds):
                return "503" if kinds[before] == "hang" and self._hangs >= s.hangs else kinds[before]
        return rng.choice(s.answers) if final and s.answers else ""

    @property
    def arrived(self) -> int:
        return len(self.log)

    def delivered(self) -> Counter[str]:
        """How often each request was answered in full and billed: once each, unless somebody paid twice."""
        done = zip(self.log, self.server.exchanges, strict=False)
        return Counter(one.key for one, exchange in done if exchange.completed and billed(one) and one.fault not in WORKED_OUT)

    @property
    def billed_usd(self) -> float:
        """Dollars for all that was worked out, whether or not it arrived."""
        return sum(one.usd for one in self.log if billed(one))

    @property
    def delivered_usd(self) -> float:
        """Dollars for what was answered in full."""
        done = zip(self.log, self.server.exchanges, strict=False)
        return sum(one.usd for one, e in done if e.completed and billed(one) and one.fault not in WORKED_OUT)


def billed(one: Served) -> bool:
    """Whether a provider would put this on the bill: an error with a status of its own is free."""
    return one.fault in ("", "slow first token") or one.fault in WORKED_OUT or (one.fault in ANSWERS and one.fault not in UNPAID)


def counted(response: Response, usage: tuple[int, int]) -> Response:
    """The response with the provider's own count of tokens in it, where it tells one."""
    if '"usage"' not in response.body:
        return response
    body = json.loads(response.body)
    body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Response(
        response.status,
        json.dumps(body),
        response.headers,
        response.delay_s,
        response.dropped,
        response.first_token_s,
        response.sent,
    )
