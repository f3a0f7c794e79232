"""What runs in the sandbox: locks itself in, then runs the program. Started by path, with the standard library alone; never imported.

It reads a job from standard input (8 bytes of length, then JSON); what follows there is the program's own input. Words for the other side go out
where standard error was, a JSON line each, led by a secret that the other side made up. Everything that restricts is in force before the first
line of the program is compiled.
"""

import base64
import builtins
import ctypes
import json
import os
import resource
import stat
import sys
import traceback
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SIGKILL, SECCOMP_MODE_FILTER = 9, 2
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
CAPSET = {"x86_64": 126, "aarch64": 91}

WRITE_FILE, READ_FILE, READ_DIR = 2, 4, 8
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM, TRUNCATE = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12, 1 << 14
READ = READ_FILE | READ_DIR
OWN = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | TRUNCATE
EVERY_BIT = {3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All kinds of access to files that a version of Landlock can refuse."""


def called(what: str, result: int) -> int:
    """The result of a call into the C library; OSError when it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def limit(job: dict[str, Any]) -> None:
    """Processor time, memory, size of a file, open files, no core files, no further processes."""
    seconds = job["cpu_s"]
    for which, soft, hard in (
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_AS, job["memory"], job["memory"]),
        (resource.RLIMIT_FSIZE, job["disk"], job["disk"]),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, 0, 0),
    ):
        try:
            resource.setrlimit(which, (soft, hard))
        except (OSError, ValueError):
            if job["isolation"] != "none":
                raise


def die_with_parent() -> None:
    if sys.platform == "linux":
        called("prctl", LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))


def no_capabilities(machine: str) -> None:
    """Root keeps nothing that makes it more than the owner of its files."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    called("capset", LIBC.syscall(CAPSET[machine], header, (ctypes.c_uint32 * 6)()))


def landlock(readable: list[str], work: str) -> None:
    """Files: read below `readable`, anything below `work`, nothing else. No TCP and no signals to others where the kernel knows of these."""
    version = called("landlock", LIBC.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))
    if version < 3:
        raise OSError(0, f"landlock: version {version} of the kernel, 3 is needed (Linux 6.2)")
    files = EVERY_BIT[5 if version >= 5 else 3]
    words = [files, *([3] if version >= 4 else []), *([3] if version >= 6 else [])]
    rules = (ctypes.c_uint64 * len(words))(*words)
    ruleset = called("landlock", LIBC.syscall(LANDLOCK_CREATE, rules, ctypes.c_size_t(8 * len(words)), 0))
    null = (os.devnull, READ_FILE | WRITE_FILE)
    for path, access in (*((path, READ) for path in readable), (work, OWN), null, ("/dev/urandom", READ_FILE)):
        try:
            below = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(os.fstat(below).st_mode):
            access &= READ_FILE | WRITE_FILE | TRUNCATE
        rule = access.to_bytes(8, "little") + below.to_bytes(4, "little")
        called(f"landlock {path}", LIBC.syscall(LANDLOCK_ADD, ruleset, 1, ctypes.c_char_p(rule), 0))
        os.close(below)
    called("landlock", LIBC.syscall(LANDLOCK_RESTRICT, ruleset, 0))
    os.close(ruleset)


def seccomp(program: bytes) -> None:
    """The filter of system calls, for good."""

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))

    given = Program(len(program) // 8, program)
    called("seccomp", LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0))


def lock_in(job: dict[str, Any]) -> None:
    die_with_parent()
    os.chdir(job["work"])
    if job["isolation"] != "none":
        called("prctl", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        no_capabilities(job["machine"])
        if job["isolation"] == "landlock":
            landlock(job["readable"], job["work"])
    limit(job)
    if job["isolation"] != "none":
        seccomp(base64.b64decode(job["filter"]))


def exactly(count: int) -> bytes:
    """So many bytes of standard input, unbuffered: what follows is the program's."""
    parts = []
    while count:
        part = os.read(0, min(count, 1 << 16))
        if not part:
            sys.exit("the job was cut off")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it: tuples as lists, sets as sorted lists, whatever else is unknown as its repr."""
    if depth > 50:
        return "..."
    if isinstance(value, (list, tuple)):
        return [plain(one, depth + 1) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one, depth + 1) for one in value), key=repr)
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): plain(one, depth + 1) for key, one in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def told(error: BaseException, sources: dict[str, list[str]]) -> str:
    """An exception in a line, with the line of the test or program in which it came up."""
    line = ""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        lines = sources.get(frame.filename)
        if lines is not None and 0 < (frame.lineno or 0) <= len(lines):
            line = f" in `{lines[(frame.lineno or 1) - 1].strip()[:160]}`"
            break
    text = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}{': ' + text if text else ''}{line}"


def main() -> None:
    report = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    os.set_inheritable(report.fileno(), False)
    job = json.loads(exactly(int.from_bytes(exactly(8), "big")))
    os.environ.clear()
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # there are no threads here

    secret = job.pop("secret")

    def say(**words: object) -> None:
        report.write(json.dumps({"secret": secret, **words}) + "\n")
        report.flush()

    try:
        lock_in(job)
    except (OSError, ValueError) as error:
        say(failed=str(error))
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    say(ready=True)
    sys.path += job["packages"]
    cases, program, kind = job["cases"], job["program"], job["kind"]
    job.clear()
    sources = {"answer.py": program.split("\n")}
    names = {"__name__": "__main__" if kind == "program" else "answer", "__builtins__": builtins}
    try:
        exec(compile(program, "answer.py", "exec"), names)
    except SystemExit as error:
        if kind != "program" or error.code not in (None, 0):
            say(broken=f"it ended with sys.exit({error.code!r})"[:200])
            return
    except BaseException as error:  # noqa: BLE001 - the program's, whatever it is
        say(broken=told(error, sources))
        return
    for number, case in enumerate(cases):
        try:
            if kind == "calls":
                value = plain(eval(compile(case, "test", "eval"), names))
                say(case=number, value=value)
            else:
                sources["test"] = case.split("\n")
                exec(compile(case, "test", "exec"), names)
                say(case=number, passed=True)
        except BaseException as error:  # noqa: BLE001 - the program's, whatever it is
            say(case=number, error=told(error, sources))
    sys.stdout.flush()
    say(done=True)


if __name__ == "__main__":
    main()
