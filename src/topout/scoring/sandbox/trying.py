"""Which isolation works here: found out by trying to break out of it, not by asking for versions."""

from __future__ import annotations

import sys
from functools import cache

from topout.scoring.sandbox.running import Isolation, Job, Limits, bubblewrap_found, run_job

__all__ = ["find_isolation"]

ATTEMPTS = """
import os, socket, sys, threading

def attempt(what):
    try:
        what()
    except (OSError, RuntimeError):
        return False
    return True

def process():
    if os.fork() == 0:
        os._exit(0)

tried = {
    "read /etc/passwd": lambda: open("/etc/passwd").close(),
    "write outside of its directory": lambda: open("../topout-outside", "w").close(),
    "write into a device's directory": lambda: open("/dev/shm/topout-outside", "w").close(),
    "open a socket": lambda: socket.socket(socket.AF_INET).close(),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "start a process": process,
    "start a thread": lambda: threading.Thread(target=print).start(),
    "execute a program": lambda: os.execv(sys.executable, ["python", "-V"]),
    "signal another process": lambda: os.kill(os.getppid(), 0),
}
"""
CALL = "[name for name, what in tried.items() if attempt(what)]"


@cache
def find_isolation() -> tuple[Isolation | None, str]:
    """The isolation that held every attempt to break out of it, Landlock before bubblewrap; or None, and why none did."""
    if sys.platform != "linux":
        return None, f"{sys.platform} has no Landlock and no seccomp"
    reasons = []
    ways: tuple[Isolation, ...] = ("landlock", "bubblewrap") if bubblewrap_found() else ("landlock",)
    for way in ways:
        outcome = run_job(Job(ATTEMPTS, "calls", (CALL,)), Limits(), way)
        case = outcome.cases.get(0)
        if case is not None and not case.error and case.value == []:
            return way, ""
        reasons.append(f"{way}: {outcome.refused or outcome.problem or (case and (case.error or f'a program could {case.value}'))}")
    if "bubblewrap" not in ways:
        reasons.append("bubblewrap: not installed")
    return None, "; ".join(reasons)
