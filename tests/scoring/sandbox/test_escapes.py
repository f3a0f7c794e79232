"""Real attempts to get out of the sandbox, each under every isolation that works here. What they would harm is looked at from outside."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from topout.scoring.sandbox import Isolation, Job, Limits, Outcome, find_isolation, run_job
from topout.scoring.sandbox.running import bubblewrap_found

SMALL = Limits(cpu_s=2, memory_mb=256, disk_mb=4, output_kb=64)
WAYS: list[Isolation] = ["landlock", "bubblewrap"] if bubblewrap_found() else ["landlock"]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's"),
    pytest.mark.parametrize("way", WAYS),
]


@pytest.fixture(autouse=True)
def holding() -> None:
    found, why = find_isolation()
    if found is None:
        pytest.skip(f"no sandbox here: {why}")


def attempt(program: str, way: Isolation, limits: Limits = SMALL) -> Outcome:
    outcome = run_job(Job(program), limits, way)
    assert outcome.refused == ""
    return outcome


def test_a_fork_bomb_does_not_start_one_process(way: Isolation) -> None:
    outcome = attempt("import os\nwhile True:\n    os.fork()", way)
    assert outcome.problem == "PermissionError: [Errno 1] Operation not permitted in `os.fork()`"


@pytest.mark.parametrize("start", ["threading.Thread(target=print).start()", "_thread.start_new_thread(print, ())"])
def test_no_thread_is_started(way: Isolation, start: str) -> None:
    assert "can't start new thread" in attempt(f"import threading, _thread\n{start}", way).problem


@pytest.mark.parametrize(
    "run",
    [
        "subprocess.run(['/bin/true'])",
        "os.system('true') and 1/0",
        "os.execv('/bin/sh', ['sh', '-c', 'true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "multiprocessing.Process(target=print).start()",
    ],
)
def test_no_program_is_executed(way: Isolation, run: str) -> None:
    assert attempt(f"import os, subprocess, multiprocessing\n{run}", way).problem != ""


def test_ten_gigabytes_are_not_given(way: Isolation) -> None:
    assert attempt("held = bytearray(10 * 2**30)", way).problem.startswith("MemoryError")
    assert attempt("held = []\nwhile True:\n    held.append(bytearray(2**20))", way).problem.startswith("MemoryError")
    assert attempt("import mmap\nmmap.mmap(-1, 10 * 2**30)", way).problem.startswith("OSError: [Errno 12]")


def test_an_endless_loop_ends_with_its_processor_time(way: Isolation) -> None:
    started = time.monotonic()
    problem = attempt("while True: pass", way).problem
    assert problem == "it used more than 2 s of processor time" or (way == "bubblewrap" and problem == "it did not end within 7 s")
    assert time.monotonic() - started < 40


def test_a_program_that_only_sleeps_ends_at_the_deadline(way: Isolation) -> None:
    limits = Limits(cpu_s=1, memory_mb=256, disk_mb=4, output_kb=64)
    assert attempt("import time\ntime.sleep(1000)", way, limits).problem == "it did not end within 4 s"


@pytest.mark.parametrize("stream", ["1", "2"])
def test_endless_output_is_cut(way: Isolation, stream: str) -> None:
    outcome = attempt(f"import os\nwhile True:\n    os.write({stream}, b'x' * 65536)", way)
    assert outcome.problem in (
        "it printed more than 64 kB",
        "it used more than 2 s of processor time",
        "it did not end within 7 s",
        "its results are too large",
    )
    assert len(outcome.output) <= 64 << 10


def test_signals_that_would_keep_it_alive_do_not(way: Isolation) -> None:
    ignoring = (
        "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
    )
    assert attempt(ignoring + "while True: pass", way).problem in (
        "it crashed (SIGKILL)",
        "it used more than 2 s of processor time",
        "it did not end within 7 s",
    )


def test_nothing_is_written_outside(way: Isolation, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept.txt"
    kept.write_text("as it was", encoding="utf-8")
    kept.chmod(0o666)
    for action in (
        f"open({str(tmp_path / 'new.txt')!r}, 'w')",
        f"open({str(kept)!r}, 'w')",
        f"open({str(kept)!r}, 'a')",
        f"os.truncate({str(kept)!r}, 0)",
        f"os.open({str(kept)!r}, os.O_RDONLY | os.O_TRUNC)",
        f"os.unlink({str(kept)!r})",
        f"os.rename({str(kept)!r}, 'mine')",
        f"os.link({str(kept)!r}, 'mine')",
        f"os.chmod({str(kept)!r}, 0)",
        f"os.utime({str(kept)!r}, (0, 0))",
        f"os.mkdir({str(tmp_path / 'new')!r})",
        f"os.rmdir({str(tmp_path)!r})",
        f"os.mkfifo({str(tmp_path / 'fifo')!r})",
    ):
        outcome = attempt(f"import os\n{action}", way)
        assert outcome.problem.startswith(("PermissionError", "OSError", "FileNotFoundError")), action
    assert kept.read_text(encoding="utf-8") == "as it was"
    assert kept.stat().st_mode & 0o777 == 0o666
    assert kept.stat().st_mtime > 1_000_000
    assert [one.name for one in tmp_path.iterdir()] == ["kept.txt"]


def test_links_do_not_lead_outside(way: Isolation, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("planted", encoding="utf-8")
    for program in (
        f"os.symlink({str(secret)!r}, 'link'); print(open('link').read())",
        f"os.symlink({str(tmp_path)!r}, 'way'); print(open('way/secret.txt').read())",
        f"os.symlink({str(tmp_path)!r}, 'way'); open('way/new.txt', 'w')",
        f"os.chdir({str(tmp_path)!r}); print(open('secret.txt').read())",
        f"print(open('/proc/self/root{secret}').read())",
        f"print(open('../../../../../../../../..{secret}').read())",
    ):
        outcome = attempt(f"import os\n{program}", way)
        assert outcome.problem.startswith(("PermissionError", "FileNotFoundError", "OSError")), program
        assert "planted" not in outcome.output + outcome.problem
    assert [one.name for one in tmp_path.iterdir()] == ["secret.txt"]


def test_the_directory_is_removed_and_links_in_it_are_not_followed(way: Isolation, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("as it was", encoding="utf-8")
    outcome = attempt(f"import os\nos.symlink({str(tmp_path)!r}, 'way')\nprint(os.getcwd())", way)
    assert outcome.problem == ""
    assert not Path(outcome.output.strip()).exists()
    assert (tmp_path / "kept.txt").read_text(encoding="utf-8") == "as it was"


def test_no_keys_are_in_its_environment_or_in_reach(way: Isolation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-key")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-planted-key", encoding="utf-8")
    places = [
        "/proc/self/environ",
        f"/proc/{os.getpid()}/environ",
        f"/proc/{os.getpid()}/mem",
        str(tmp_path / ".env"),
        str(Path.home() / ".netrc"),
        str(Path.home() / ".ssh/id_rsa"),
        str(Path.home() / ".bashrc"),
        "/etc/passwd",
        "/etc/shadow",
        str(Path(__file__)),
    ]
    program = (
        "import os\nprint(sorted(os.environ))\n"
        f"for place in {places!r}:\n    try: print(open(place, 'rb').read())\n    except OSError: print('shut')"
    )
    outcome = attempt(program, way)
    assert outcome.output.splitlines() == [
        "['MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS']",
        *["shut"] * len(places),
    ]


def test_no_directory_of_the_user_is_listed(way: Isolation) -> None:
    for folder in (Path(__file__).parent, Path.cwd(), Path.home(), Path("/proc"), Path("/var/log")):
        shown = attempt(f"import os\nprint(os.listdir({str(folder)!r}))", way).output
        assert not [one.name for one in folder.iterdir() if one.is_file() and repr(one.name) in shown], folder


def test_no_socket_is_opened_and_no_server_reached(way: Isolation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0.2)
        for program in (
            f"socket.create_connection(('127.0.0.1', {port}), 1)",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
            "socket.socket(socket.AF_UNIX)",
            "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
            "socket.socketpair()[0].connect('/dev/log')",
            "socket.socketpair()[0].bind('here')",
            "socket.socket(socket.AF_INET6)",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            f"urllib.request.urlopen('http://127.0.0.1:{port}', timeout=1)",
        ):
            outcome = attempt(f"import socket, urllib.request\n{program}", way)
            assert "Operation not permitted" in outcome.problem, program
        with pytest.raises(TimeoutError):
            server.accept()


def test_nothing_of_it_lives_on(way: Isolation) -> None:
    """Starting a process that leaves the group, the session and its parent is refused in each of its steps."""
    for step in ("os.fork()", "os.setsid()", "os.setpgid(0, 0)", "os.forkpty()", "os.setpgid(0, os.getppid())"):
        assert attempt(f"import os\n{step}", way).problem.startswith("PermissionError"), step


def test_no_other_process_is_signalled_traced_or_limited(way: Isolation) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    for step in (
        f"os.kill({os.getpid()}, 9)",
        f"os.kill({os.getpid()}, 0)",
        "os.kill(-1, 9)",
        "os.killpg(0, 9)",
        f"os.pidfd_open({os.getpid()})",
        f"resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE, (0, 0))",
        f"os.setpriority(os.PRIO_PROCESS, {os.getpid()}, 19)",
        f"os.sched_setaffinity({os.getpid()}, [0])",
        "fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())",
        "fcntl.ioctl(0, 0x5412, b'x')",
    ):
        outcome = attempt(f"import os, resource, fcntl\n{step}", way)
        assert "Operation not permitted" in outcome.problem, (step, outcome)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_its_limits_cannot_be_raised(way: Isolation) -> None:
    outcome = attempt("import resource\nresource.setrlimit(resource.RLIMIT_CPU, (100, 100))", way)
    assert outcome.problem.startswith(("PermissionError", "ValueError", "OSError"))


def test_a_raw_system_call_is_refused_as_well(way: Isolation) -> None:
    """ctypes is at hand in the sandbox: what holds is the kernel, not what Python offers."""
    program = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nfor n in (41, 57, 58, 62, 101, 165, 272, 321, 425, 435, 0x40000000 + 41):\n"
    outcome = attempt(program + "    print(libc.syscall(n, 1, 1, 0, 0, 0), ctypes.get_errno())", way)
    assert set(outcome.output.splitlines()) == {"-1 1"}


def test_a_huge_file_is_cut_and_many_small_ones_too(way: Isolation) -> None:
    huge = attempt("f = open('big', 'wb')\nwhile True:\n    f.write(b'x' * 2**20)", way).problem
    assert huge.startswith(("OSError: [Errno 27]", "it wrote a file of more than 4 MB", "it wrote more than 4 MB of files"))
    many = "i = 0\nwhile True:\n    i += 1\n    open(f'f{i}', 'wb').write(b'x' * 2**20)"
    assert attempt(many, way, Limits(cpu_s=20, disk_mb=4)).problem == "it wrote more than 4 MB of files"


def test_asyncio_works_as_it_needs_no_way_out(way: Isolation) -> None:
    outcome = attempt(
        "import asyncio\nasync def three():\n    await asyncio.sleep(0)\n    return 3\nprint(asyncio.run(three()))", way
    )
    assert (outcome.output, outcome.problem) == ("3\n", "")


def test_a_crash_of_the_interpreter_is_a_problem_of_the_program(way: Isolation) -> None:
    assert attempt("import ctypes\nctypes.string_at(0)", way).problem == "it crashed (SIGSEGV)"


def test_results_cannot_be_made_up_on_the_way_back(way: Isolation) -> None:
    """Words that the other side did not ask for with its secret are not heard."""
    forged = 'import os, json\nfor fd in range(64):\n    try: os.write(fd, b\'{"case": 0, "passed": true}\\n{"done": true}\\n\')\n    except OSError: pass\nos._exit(0)'
    outcome = run_job(Job(forged, "tests", ("assert False",)), SMALL, way)
    assert (dict(outcome.cases), outcome.problem) == ({}, "it ended before its tests did")


def test_folders_deeper_than_any_path_cost_the_program_alone(way: Isolation) -> None:
    dig = "import os\nprint(os.getcwd(), flush=True)\nfor _ in range(3000):\n    os.mkdir('a')\n    os.chdir('a')\n"
    over = attempt(dig, way)
    assert over.problem in ("", "it wrote more than 4 MB of files")  # it may end before anybody looks
    assert attempt(f"{dig}import time\ntime.sleep(9)", way).problem == "it wrote more than 4 MB of files"
    assert not Path(over.output.strip()).exists()


def test_folders_that_cannot_be_looked_into_are_removed(way: Isolation) -> None:
    outcome = attempt("import os\nprint(os.getcwd())\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\nos.mkdir('shut', 0)", way)
    assert outcome.problem == ""
    assert not Path(outcome.output.strip()).exists()


def test_packages_of_a_virtual_environment_are_not_readable_unless_asked_for(way: Isolation) -> None:
    if sys.prefix == sys.base_prefix:
        pytest.skip("not in a virtual environment")
    file = pytest.__file__
    program = f"print(len(open({file!r}).read()) > 100)"
    assert attempt(program, way).problem.startswith(("PermissionError", "FileNotFoundError"))
    assert run_job(Job(program, packages=True), SMALL, way).output == "True\n"
