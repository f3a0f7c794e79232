"""A small OpenAI-compatible server on loopback: real HTTP for tests and benchmarks, with any fault that a provider can show.

It answers `POST .../chat/completions` with what a function of the request's body says, and counts what it served. No weights, no
sampling: whoever needs an answer writes it. Standard library only; one thread with its own event loop.

>>> from topout.testing.server import OpenAIServer, chat
>>> with OpenAIServer(lambda body: chat("four")) as server:
...     server.url.endswith("/v1"), server.served
(True, 0)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["Exchange", "OpenAIServer", "Response", "chat", "drop", "error"]

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What goes over the wire, after `delay_s`. With `dropped` the connection is closed without a byte.

    `first_token_s` is how long the body stays away once the headers are there. `sent` below 1 is the share of the body that goes out before the
    connection is closed. With `drip_s` the body comes byte by byte, a byte in so many seconds: the client is never idle for long.
    """

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    dropped: bool = False
    first_token_s: float = 0.0
    sent: float = 1.0
    drip_s: float = 0.0


@dataclass(slots=True)
class Exchange:
    """A request and what became of it: `completed` once the whole response was written to a client that was still there."""

    body: Body
    response: Response
    completed: bool = False


def chat(
    text: str | None,
    *,
    finish_reason: str = "stop",
    usage: tuple[int, int] | None = (10, 5),
    choices: bool = True,
    delay_s: float = 0.0,
) -> Response:
    """A chat completion. `usage` is (prompt, output) tokens, None to leave it out; `choices` False for an empty list of them."""
    message = {"role": "assistant", "content": text}
    body: dict[str, Any] = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": "served-under-another-name",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}] if choices else [],
    }
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Response(body=json.dumps(body), delay_s=delay_s)


def error(status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """An error in OpenAI's shape."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
    return Response(status, body, headers or {})


def drop() -> Response:
    """A connection closed in the middle of the call."""
    return Response(dropped=True)


class OpenAIServer:
    """A context manager: listens on a free loopback port inside `with`, and is gone after it.

    `answer` maps the JSON body of a request to a `Response`; it runs in the server's thread. `served` counts answered requests,
    `bodies` keeps them in order of arrival, `headers` their headers (names in lower case), `exchanges` what became of each.
    """

    def __init__(self, answer: Callable[[Body], Response]) -> None:
        self._answer = answer
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="openai-server", daemon=True)
        self._port = 0
        self.bodies: list[Body] = []
        self.headers: list[Mapping[str, str]] = []
        self.exchanges: list[Exchange] = []

    @property
    def url(self) -> str:
        """What to pass as `api_base`."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def served(self) -> int:
        return len(self.bodies)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024))
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its response; False when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))) or b"{}")
        if not head[0].split(" ")[1].endswith("/chat/completions"):
            response = error(404, f"this server only knows /chat/completions, not {head[0]}")
            exchange = Exchange(body, response)
        else:
            self.bodies.append(body)
            self.headers.append(headers)
            response = self._answer(body)
            exchange = Exchange(body, response)
            self.exchanges.append(exchange)
        if (response.delay_s and await gone(reader, response.delay_s)) or response.dropped:
            return False
        payload = response.body.encode()
        fields = {"content-type": "application/json", "content-length": str(len(payload)), **response.headers}
        lines = [f"HTTP/1.1 {response.status} -", *(f"{name}: {value}" for name, value in fields.items())]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        if response.first_token_s and await gone(reader, response.first_token_s):
            return False
        whole = payload
        payload = payload[: int(len(payload) * response.sent)]
        if response.drip_s:
            for byte in payload:
                writer.write(bytes((byte,)))
                if await gone(reader, response.drip_s):
                    return False
        else:
            writer.write(payload)
        await writer.drain()
        if len(payload) < len(whole):
            return False
        exchange.completed = True
        return True


async def gone(reader: asyncio.StreamReader, seconds: float) -> bool:
    """Wait so long; True as soon as the client has hung up. No client of ours sends a second request before it has its answer."""
    try:
        return not await asyncio.wait_for(reader.read(1), seconds)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
