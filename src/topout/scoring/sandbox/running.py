"""One job in the sandbox, from outside: start, feed, watch, kill, read."""

from __future__ import annotations

import base64
import json
import math
import os
import platform
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from topout.domain import Json
from topout.scoring.sandbox.seccomp import filter_for

__all__ = ["Case", "Isolation", "Job", "Limits", "Outcome", "run_job"]

Isolation = Literal["landlock", "bubblewrap", "none"]
INSIDE = Path(__file__).with_name("inside.py")
LOOK_S = 0.05
MOST_WORDS = 2_000_000
LONGEST_PATH = 500
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """`cpu_s` of processor time, `memory_mb` of address space, `disk_mb` in the program's own directory, `output_kb` of standard output."""

    cpu_s: float = 5.0
    memory_mb: int = 512
    disk_mb: int = 16
    output_kb: int = 256

    @property
    def deadline_s(self) -> float:
        """The longest by the clock for a program that waits; one that is kept waiting by a busy machine has four times as long."""
        return 3 * self.cpu_s + 1


@dataclass(frozen=True, slots=True)
class Job:
    """A program, and what is asked of it afterwards. `kind` "program": it is run with `stdin`; "tests": each case is code that has to raise nothing;
    "calls": each case is an expression whose value comes back. `packages`: what is installed beside topout may be imported."""

    program: str
    kind: Literal["program", "tests", "calls"] = "program"
    cases: tuple[str, ...] = ()
    stdin: str = ""
    packages: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """What came of one case: `error` in words ('' when there was none), `value` of a call."""

    error: str = ""
    value: Json = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job. `problem` says why the program did not get to its end ('' when it did); `cases` by number, as far as it got. `refused` is
    set when the sandbox itself could not be set up: then nothing was run, and nothing is known of the program."""

    cases: Mapping[int, Case]
    output: str = ""
    problem: str = ""
    refused: str = ""


def run_job(job: Job, limits: Limits, isolation: Isolation) -> Outcome:
    """Run it and wait for its end. Blocks; safe to call from several threads."""
    with directory() as work:
        secret = secrets.token_hex(16)
        head = json.dumps(order(job, limits, isolation, work, secret)).encode()
        fed = len(head).to_bytes(8, "big") + head + job.stdin.encode("utf-8", "replace")
        try:
            process = subprocess.Popen(
                command(isolation, work, job.packages),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PYTHONHASHSEED": "0"},
                cwd=work,
                start_new_session=True,
            )
        except OSError as error:
            return Outcome({}, refused=f"the sandbox could not be started: {error}")
        try:
            output, words, problem = watch(process, fed, limits, work)
        finally:
            end(process)
    return read(output, words, problem or ending(process.returncode, limits, isolation), secret)


def order(job: Job, limits: Limits, isolation: Isolation, work: str, secret: str) -> dict[str, Json]:
    """What the process inside is told."""
    return {
        "secret": secret,
        "isolation": isolation,
        "machine": platform.machine(),
        "filter": base64.b64encode(filter_for(platform.machine()) or b"").decode(),
        "readable": list(readable(job.packages)),
        "work": work,
        "cpu_s": math.ceil(limits.cpu_s),
        "memory": limits.memory_mb * MEGABYTE,
        "disk": limits.disk_mb * MEGABYTE,
        "program": job.program,
        "kind": job.kind,
        "packages": [*(installed() if job.packages else ())],
        "cases": list(job.cases),
    }


def readable(packages: bool) -> tuple[str, ...]:
    """What Python itself needs: its library, the system's shared libraries, time zones; and installed packages when the user allows them."""
    base = {
        "base": sys.base_prefix,
        "platbase": sys.base_exec_prefix,
    }  # not those of a virtual environment, which lie above its packages
    paths = [sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")]
    paths += [os.path.realpath(sysconfig.get_config_var("LIBDIR") or "/usr/lib"), "/lib", "/lib64", "/usr/lib", "/usr/lib64"]
    paths += ["/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo"]
    if packages:
        paths += installed()
    return tuple(dict.fromkeys(path for path in paths if path))


def installed() -> list[str]:
    """Where packages are installed."""
    return list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


def command(isolation: Isolation, work: str, packages: bool) -> list[str]:
    """Python with nothing but its library, whatever environment topout itself is in; bubblewrap around it where that keeps the files away."""
    interpreter = os.path.realpath(sys.executable)
    python = [interpreter, "-s", "-S", "-P", "-B", "-X", "utf8", str(INSIDE)]
    if isolation != "bubblewrap":
        return python
    shown = [part for path in (*readable(packages), str(INSIDE), interpreter) for part in ("--ro-bind-try", path, path)]
    return [
        *(shutil.which("bwrap") or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *(*shown, "--dev", "/dev", "--bind", work, work),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", work, "--", *python),
    ]


def watch(process: subprocess.Popen[bytes], fed: bytes, limits: Limits, work: str) -> tuple[bytes, bytes, str]:
    """Feed it and read what it writes until it ends or goes past a limit: output, words, and which limit ('' for none)."""
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    output, words = bytearray(), bytearray()
    until = time.monotonic() + limits.deadline_s
    with selectors.DefaultSelector() as waiting:
        for pipe, event in ((process.stdin, 2), (process.stdout, 1), (process.stderr, 1)):
            os.set_blocking(pipe.fileno(), False)
            waiting.register(pipe, event)
        looked = time.monotonic()
        heard = 2
        while heard or process.poll() is None:
            ready = waiting.select(LOOK_S)
            now = time.monotonic()
            if now > until and not (now < until + 3 * limits.deadline_s and kept_waiting(process.pid)):
                return bytes(output), bytes(words), f"it did not end within {limits.deadline_s:g} s"
            if now - looked > LOOK_S:
                looked = now
                if size_of(work) > limits.disk_mb * MEGABYTE:
                    return bytes(output), bytes(words), f"it wrote more than {limits.disk_mb} MB of files"
            for key, _ in ready:
                if key.fileobj is process.stdin:
                    fed = give(process.stdin, fed)
                    if not fed:
                        waiting.unregister(process.stdin)
                        close(process.stdin)
                    continue
                into = output if key.fileobj is process.stdout else words
                part = os.read(key.fd, 1 << 16)
                if not part:
                    waiting.unregister(key.fileobj)
                    heard -= 1
                into += part
            if len(output) > limits.output_kb << 10:
                return bytes(output[: limits.output_kb << 10]), bytes(words), f"it printed more than {limits.output_kb} kB"
            if len(words) > MOST_WORDS:
                return bytes(output), bytes(words), "its results are too large"
    return bytes(output), bytes(words), ""


def kept_waiting(pid: int) -> bool:
    """Whether a process would run if the machine let it, or has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0] in "RXZ"
    except (OSError, IndexError):
        return False


def give(pipe: IO[bytes], fed: bytes) -> bytes:
    """What is still to be given after as much as the pipe takes now; nothing when nobody reads it any more."""
    try:
        return fed[os.write(pipe.fileno(), fed[: 1 << 16]) :]
    except BlockingIOError:
        return fed
    except OSError:
        return b""


def close(pipe: IO[bytes]) -> None:
    with suppress(OSError):  # the other side is gone
        pipe.close()


@contextmanager
def directory() -> Iterator[str]:
    """A directory for a program, gone afterwards whatever it made there."""
    work = os.path.realpath(tempfile.mkdtemp(prefix="topout-"))
    try:
        yield work
    finally:
        remove(work)


def remove(work: str) -> None:
    """Delete a directory. Folders too deep for a path are brought up to it: a program can make them deeper than any path or recursion goes."""
    folders = [Path(work)]
    for folder in folders:  # grows meanwhile
        for entry in entries(str(folder)):
            path = Path(entry.path)
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    path.chmod(0o700)  # one that is shut can neither be moved nor looked into
                    deep = len(entry.path) > LONGEST_PATH
                    folders.append(path.rename(Path(work, secrets.token_hex(8))) if deep else path)
                else:
                    path.unlink()
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()


def entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where it is gone or cannot be looked into."""
    with suppress(OSError), os.scandir(folder) as found:
        return list(found)
    return []


def size_of(work: str) -> float:
    """Bytes below a directory, links not followed; 4 kB for each entry, so that empty files count too. Infinite where nobody can look: below a path that is too
    long, or in a folder that was made unreadable."""
    total = 0
    waiting = [work]
    while waiting:
        folder = waiting.pop()
        if len(folder) > LONGEST_PATH or not (os.access(folder, os.R_OK | os.X_OK) or not os.path.lexists(folder)):
            return math.inf
        for entry in entries(folder):
            total += 4096
            with suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
    return total


def end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it lives on."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            close(pipe)


def ending(code: int, limits: Limits, isolation: Isolation) -> str:
    """Why a process that ended by itself ended badly, '' when it did not. Bubblewrap tells a signal as 128 and its number."""
    if isolation == "bubblewrap" and code > 128:
        code = 128 - code
    if code >= 0:
        return ""
    if -code == signal.SIGXCPU:
        return f"it used more than {math.ceil(limits.cpu_s)} s of processor time"
    if -code == signal.SIGXFSZ:
        return f"it wrote a file of more than {limits.disk_mb} MB"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"it crashed ({name})"


def read(output: bytes, words: bytes, problem: str, secret: str) -> Outcome:
    """What was said over the way back. Lines without the secret are the program's own doing and are not heard."""
    cases: dict[int, Case] = {}
    ready = done = False
    refused = ""
    for line in words.splitlines():
        try:
            said: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        match said:
            case {"secret": given} if given != secret:
                continue
            case {"secret": _, "ready": True}:
                ready = True
            case {"secret": _, "failed": str(why)}:
                refused = why
            case {"secret": _, "broken": str(why)}:
                problem = problem or why
            case {"secret": _, "case": int(number), "error": str(why)}:
                cases[number] = Case(why)
            case {"secret": _, "case": int(number), **rest}:
                value: Any = rest.get("value")
                cases[number] = Case(value=value)
            case {"secret": _, "done": True}:
                done = True
            case _:
                continue
    if not ready and not problem:
        shown = " ".join(words.decode("utf-8", "replace").split())[-300:]
        refused = refused or f"the sandbox could not be set up: {shown or 'the process ended at once'}"
    if ready and not done and not problem:
        problem = "it ended before its tests did"
    return Outcome(cases, output.decode("utf-8", "replace"), problem, refused)


def bubblewrap_found() -> bool:
    """Whether bubblewrap is on the PATH."""
    return shutil.which("bwrap") is not None
