"""A user's scorer in processes of its own: for one that burns processor time, which threads of one Python share.

Each process takes one answer at a time, so that a death is the death of that answer's scoring and of nothing else. It is tried once more in a new process,
then the row stays without a score. A process starts with the standard input and output as its only ties (no state of this one, and a script that calls topout
needs no `if __name__` guard), and ends with us.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from topout.domain import Example, Score, Scored, Unscored
from topout.errors import ScorerError

__all__ = ["ScorerProcesses"]

TRIES = 2


class DiedError(Exception):
    """The process ended in the middle of an answer."""


class ScorerProcesses:
    """Calls `score` of a file in processes, one for each thread that calls at once. They start when they are needed; after `close` none does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False

    def __call__(self, answer: str, example: Example) -> Score:
        """The score, or Unscored with the reason when two processes died of it. Raises ScorerError as the scorer itself does."""
        died = ""
        for _ in range(TRIES):
            child = self._take()
            if child is None:
                return Unscored("the run was ending")
            try:
                told = child.ask({"answer": answer, "id": example.id, "inputs": dict(example.inputs), "expected": example.expected})
            except DiedError as error:
                died = str(error)
                with self._lock:
                    self._busy.discard(child)
                continue
            with self._lock:
                self._busy.discard(child)
                self._idle.append(child)
            return score_of(told)
        return Unscored(f"the scorer's process died {TRIES} times while it scored this answer ({died})")

    def close(self) -> None:
        """End the processes, those at work too."""
        with self._lock:
            self._closed = True
            children, self._idle = [*self._idle, *self._busy], []
        for child in children:
            child.end()

    def _take(self) -> Child | None:
        with self._lock:
            if self._closed:
                return None
            child = self._idle.pop() if self._idle else Child(self._path)
            self._busy.add(child)
            return child


class Child:
    """One process."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-P", "-m", "topout.plugins.scoring_process", str(path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
        )

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What it says to a question. Raises DiedError."""
        assert self._process.stdin is not None and self._process.stdout is not None
        line = ""
        with suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if line.endswith("\n"):
            told: dict[str, Any] = json.loads(line)
            return told
        self.end()
        raise DiedError(fate(self._process.wait()))

    def end(self) -> None:
        self._process.kill()
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.wait()


def fate(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"it ended with status {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def score_of(told: dict[str, Any]) -> Score:
    """The score that a process wrote."""
    match told:
        case {"error": str(message)}:
            raise ScorerError(message)
        case {"unscored": str(reason)}:
            return Unscored(reason)
        case _:
            return Scored(told["value"], told["feedback"], told["parts"])
