"""Runs a program that nobody has read, in a process of its own that can do little and does not live long.

What holds (Linux 6.2 or newer, x86_64 or aarch64): Landlock for files, a seccomp filter for everything that is no file (processes, threads, sockets,
signals), limits on processor time, memory and file size, an empty environment, a directory of its own that is watched and removed, a deadline.
Where the kernel has no Landlock, bubblewrap keeps the files away instead, when it is on the PATH. With neither, nothing is run unless the user said so.
"""

from __future__ import annotations

from topout.scoring.sandbox.running import Case, Isolation, Job, Limits, Outcome, run_job
from topout.scoring.sandbox.trying import find_isolation

__all__ = ["Case", "Isolation", "Job", "Limits", "Outcome", "find_isolation", "run_job"]
