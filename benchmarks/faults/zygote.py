"""A process that has imported everything and forks one child a job: a fresh process for each session costs milliseconds instead of seconds.

The child may be killed by whoever knows its number, or may be told to kill itself at a chosen point inside a write.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

__all__ = ["Zygote"]

Job = dict[str, Any]


class Zygote:
    """A context manager. `start` forks a child for a job and returns its process number, `wait` what it said.

    `prepare` imports what a child needs, `work` does a job in the child and does not return; both are functions of a module. They are topout's own
    where they are not given.
    """

    def __init__(
        self, warm_url: str, prepare: Callable[[str], None] | None = None, work: Callable[[Job], None] | None = None
    ) -> None:
        ours, theirs = get_context("spawn").Pipe()
        self._pipe = ours
        arguments = (theirs, warm_url, prepare or warmed, work or child)
        self._process = get_context("spawn").Process(target=serve, args=arguments, daemon=True)

    def __enter__(self) -> Zygote:
        self._process.start()
        self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def start(self, job: Job) -> int:
        """Fork a child for a job: {"settings": {...}, "runs": folder} or {"resume": folder}, {"out": file}, and how it is to suffer."""
        self._pipe.send(("start", job))
        return int(self._pipe.recv())

    def wait(self, pid: int, out: Path, timeout_s: float = 300.0) -> tuple[int, dict[str, Any]]:
        """The exit code of a child (negative: the signal that ended it), and what it said, {} when it said nothing."""
        self._pipe.send(("wait", pid, timeout_s))
        code = int(self._pipe.recv())
        return code, json.loads(out.read_text()) if out.is_file() else {}

    def do(self, job: Job) -> tuple[int, dict[str, Any]]:
        """One job from start to end."""
        out = Path(job["out"])
        out.unlink(missing_ok=True)
        return self.wait(self.start(job), out)


def serve(pipe: Connection, warm_url: str, prepare: Callable[[str], None], work: Callable[[Job], None]) -> None:
    """The process: import, then fork on demand."""
    logging.disable(logging.CRITICAL)
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)
    prepare(warm_url)
    pipe.send("ready")
    while (asked := pipe.recv()) is not None:
        if asked[0] == "start":
            pid = os.fork()
            if pid == 0:
                work(asked[1])
            pipe.send(pid)
        else:
            pipe.send(waited(asked[1], asked[2]))


def warmed(url: str) -> None:
    """Import what topout's sessions need, and make one call."""
    import asyncio
    import encodings.utf_8_sig  # noqa: F401 (a child that is nobody may not read the library any more)

    import altair  # noqa: F401
    import vl_convert  # noqa: F401

    import topout.app
    import topout.report.page
    import topout.report.picture
    import topout.report.tables  # noqa: F401
    from benchmarks.faults.runs import impatient
    from topout.domain import Message, Request
    from topout.models.addresses import Addresses
    from topout.models.litellm_transport import LitellmTransport
    from topout.report.findings import find  # noqa: F401

    async def warm() -> None:
        transport = LitellmTransport(Addresses(url), 30)
        await transport.send(Request("openai/reader", (Message("user", "ready"),)))
        await transport.aclose()

    asyncio.run(warm())
    impatient()


def waited(pid: int, timeout_s: float) -> int:
    """The exit code; a child that outlives its time is killed and counts as -9999."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return -9999


def child(job: Job) -> None:
    """One session, in a process that ends with it."""
    import topout.app.running
    from benchmarks.faults.runs import quick_settings
    from topout.app import resume
    from topout.app.beginning import begin
    from topout.errors import TopoutError

    os.setsid()
    said: dict[str, Any] = {}
    code = 0
    try:
        if not job.get("derive"):
            topout.app.running.write_derived = lambda view: None  # type: ignore[assignment]
        suffer(job)
        if "resume" in job:
            view = resume(job["resume"])
        else:
            given = dict(job["settings"])
            settings = quick_settings(
                Path(given.pop("task")), given.pop("url"), given.pop("seed"), Path(given.pop("cache")), **given
            )
            view = begin(settings, Path(job["runs"]), None)
        ended = view.findings.ended
        said = {"folder": str(view.folder), "ending": ended.ending if ended else None, "seconds": view.findings.seconds}
    except TopoutError as error:
        said, code = {"error": str(error)}, error.exit_code
    except BaseException as error:  # noqa: BLE001 (whatever it is, the campaign wants to know)
        said, code = {"crash": f"{type(error).__name__}: {error}"}, 99
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    Path(job["out"]).write_text(json.dumps(said))
    sys.stdout.flush()
    os._exit(code)


def suffer(job: Job) -> None:
    """Prepare what is to go wrong in this process."""
    if "in_write" in job:
        die_in_a_write(*job["in_write"])
    if "in_put" in job:
        die_in_a_put(*job["in_put"])
    if "in_rename" in job:
        die_before_a_rename(job["in_rename"])
    if "largest_file" in job:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if "clock" in job:
        jump(job["clock"])
    if job.get("nobody") and os.geteuid() == 0:
        os.setuid(65534)


def die_in_a_write(number: int, share: float) -> None:
    """Kill this process in the middle of the journal's `number`-th write."""
    import topout.store.journal as journal

    count = 0

    class Writing:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def write(self, descriptor: int, data: bytes) -> int:
            nonlocal count
            count += 1
            if count < number:
                return os.write(descriptor, data)
            os.write(descriptor, data[: int(len(data) * share)])
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

    journal.os = Writing()  # type: ignore[assignment]


def die_in_a_put(number: int, when: str, after_s: float) -> None:
    """Kill this process before, in or after the cache's `number`-th write."""
    from topout.models.cache import ReplyCache

    put, count = ReplyCache.put, 0

    def dying(self: Any, key: str, entry: Any) -> None:
        nonlocal count
        count += 1
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if count == number and when == "in":
            threading.Thread(target=lambda: (time.sleep(after_s), os.kill(os.getpid(), signal.SIGKILL)), daemon=True).start()
        put(self, key, entry)
        if count == number and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    ReplyCache.put = dying  # type: ignore[method-assign]


def die_before_a_rename(number: int) -> None:
    """Kill this process when its `number`-th derived file is written but not yet in its place."""
    count = 0
    replace = Path.replace

    def dying(self: Path, target: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(self, target)

    Path.replace = dying  # type: ignore[method-assign, assignment]


def jump(seed: int) -> None:
    """A wall clock that somebody sets forwards and backwards by up to a year, again and again."""
    rng, real = random.Random(seed), time.time
    state = {"off": 0.0}

    def jumping() -> float:
        if rng.random() < 0.2:
            state["off"] = rng.choice((-1.0, 1.0)) * rng.choice((1.0, 60.0, 3600.0, 86400.0, 31536000.0))
        return real() + state["off"]

    time.time = jumping
