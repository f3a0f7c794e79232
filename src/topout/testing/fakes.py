"""Fakes at the contracts' seams, for tests and benchmarks of whatever sits above them. They keep what they were told; nothing is mocked."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from topout.domain import Component, Event, Example, Failure, Prompt, Reply, Request, Score, Scored, Split, Task, Usage

__all__ = ["FakeModel", "MemoryJournal", "UnevenModel", "fixed_accuracy", "made_up_task", "say_right", "writing_critic"]


@dataclass(slots=True)
class MemoryJournal:
    """A journal in memory."""

    events: list[Event] = field(default_factory=list)

    def append(self, event: Event) -> None:
        self.events.append(event)


@dataclass(slots=True)
class FakeModel:
    """Answers with `answer(request)` after `latency_s`, at most `capacity` requests at a time. `asked` counts requests."""

    answer: Callable[[Request], str | Failure]
    latency_s: float = 0.0
    capacity: int = 10**9
    asked: int = 0
    _places: asyncio.Semaphore | None = None

    async def complete(self, request: Request) -> Reply | Failure:
        self.asked += 1
        if self.latency_s:
            self._places = self._places or asyncio.Semaphore(self.capacity)
            async with self._places:
                await asyncio.sleep(self.latency_s)
        told = self.answer(request)
        if isinstance(told, Failure):
            return told
        return Reply(
            told, usage=Usage(len(request.messages[-1].content) // 4, len(told) // 4), cost_usd=0.0, latency_s=self.latency_s
        )


@dataclass(slots=True)
class UnevenModel:
    """Answers with `answer(request)`, late and out of order: each request waits for some turns of the event loop, drawn by hash of the request
    and `salt`, among at most `capacity` that are being answered. No clock is involved. `requests` are all that came, in order of arrival."""

    answer: Callable[[Request], str | Failure]
    salt: int = 0
    capacity: int = 64
    most_turns: int = 12
    requests: list[Request] = field(default_factory=list)
    _places: asyncio.Semaphore | None = None

    @property
    def asked(self) -> int:
        return len(self.requests)

    async def complete(self, request: Request) -> Reply | Failure:
        self.requests.append(request)
        self._places = self._places or asyncio.Semaphore(self.capacity)
        text = "\x1e".join(message.content for message in request.messages)
        digest = hashlib.blake2b(f"{self.salt}/{request.seed}/{text}".encode(), digest_size=4).digest()
        async with self._places:
            for _ in range(int.from_bytes(digest, "big") % (self.most_turns + 1)):
                await asyncio.sleep(0)
        told = self.answer(request)
        return told if isinstance(told, Failure) else Reply(told, usage=Usage(len(text) // 4, len(told) // 4), cost_usd=0.0)


def say_right(answer: str, example: Example) -> Score:
    """A scorer: 1 for the answer 'right', else 0."""
    return Scored(1.0, "right") if answer == "right" else Scored(0.0, f"expected 'right', got '{answer}'")


def fixed_accuracy(share: float, salt: int = 0) -> Callable[[Request], str]:
    """An answerer that is right on a `share` of (prompt, example) pairs, drawn by hash: no prompt is truly better than another."""

    def answer(request: Request) -> str:
        text = "\x1e".join(message.content for message in request.messages)
        digest = hashlib.blake2b(f"{salt}/{text}".encode(), digest_size=8).digest()
        return "right" if int.from_bytes(digest, "big") < share * 2**64 else "wrong"

    return answer


def writing_critic(words: int = 12) -> Callable[[Request], str]:
    """A critic that always writes a new text that passes the checks: some `words` drawn by the request's seed. Asked for the causes of failures, it
    puts the first row under reasoning."""

    def answer(request: Request) -> str:
        if "\nJob: causes\n" in request.messages[-1].content:
            return '{"clusters": [{"cause": "reasoning", "title": "All alike", "explanation": "Drawn at random.", "rows": [1]}]}'
        digest = hashlib.sha256(f"{request.seed}/{request.sample}".encode()).hexdigest()
        text = " ".join(f"w{digest[i * 3 : i * 3 + 3]}" for i in range(min(words, 21)))
        return f"Rationale: try {digest[:6]}\n```text\nAnswer well. {text}\n```"

    return answer


def made_up_task(train: int = 100, dev: int = 100, holdout: int = 200, shift: int = 0, name: str = "made-up") -> Task:
    """A task with numbered rows, all of which expect 'right'."""
    sizes: dict[Split, int] = {"train": train, "dev": dev, "holdout": holdout, "shift": shift}
    splits = {
        split: tuple(Example(f"{split}-{i}", {"text": f"{split} row number {i}"}, "right") for i in range(size))
        for split, size in sizes.items()
    }
    prompt = Prompt((Component("system", "system", "Answer."), Component("user", "user", "Row: {{text}}")))
    return Task(name, "A made-up task", ("text",), prompt, splits, fingerprint="made-up", scorer_name="say_right")
