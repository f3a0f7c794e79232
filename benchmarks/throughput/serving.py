"""An OpenAI-compatible server on loopback, in a process of its own, so that its CPU is not the client's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from benchmarks.throughput.load import Load
from topout.domain import Message, Request
from topout.testing.server import OpenAIServer, Response, chat

__all__ = ["served"]


@contextmanager
def served(load: Load, seed: int) -> Iterator[str]:
    """The server's address while it runs."""
    command = [sys.executable, "-m", "benchmarks.throughput.serving", json.dumps(asdict(load)), str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def main(load: Load, seed: int) -> None:
    """Serve until the parent goes away."""
    answers, critic = load.answers(seed), load.critic()

    def answer(body: Mapping[str, Any]) -> Response:
        messages = tuple(Message(one["role"], one["content"]) for one in body["messages"])
        request = Request(body["model"], messages, seed=body.get("seed"))
        if body["model"] == "critic":
            return chat(critic(request), delay_s=load.critic_s)
        return chat(answers(request), delay_s=load.latency_s)

    with OpenAIServer(answer) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Load(**json.loads(sys.argv[1])), int(sys.argv[2]))
