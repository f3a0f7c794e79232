"""`python -m benchmarks.fuzz [--seconds N] [--target NAME] [--seed S]`: tries inputs and prints executions and findings, by target.

With `atheris` installed (`make fuzz` sees to it where there is a wheel) inputs are guided by what code they reach; without it they are mutations alone.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz")
    parser.add_argument("--seconds", type=float, default=20, help="for each target")
    parser.add_argument("--target", action="append", help="only this one (may be given again)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--found", type=Path, default=Path(".fuzz"), help="where inputs that broke a rule are kept")
    parser.add_argument("--guided", metavar="TARGET", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.guided:
        return guided(given.guided, given.seconds, given.seed, given.found)
    from benchmarks.fuzz.targets import TARGETS

    names = given.target or list(TARGETS)
    by_reach = find_spec("atheris") is not None
    print(
        f"{'target':24}{'executions':>12}{'findings':>10}   guided by {'coverage (atheris)' if by_reach else 'nothing (no atheris here)'}"
    )
    total = broken = 0
    for name in names:
        before = len(kept(given.found, name))
        count = (
            beside(name, given.seconds, given.seed, given.found)
            if by_reach
            else mutations(name, given.seconds, given.seed, given.found)
        )
        found = kept(given.found, name)[before:]
        total, broken = total + count, broken + len(found)
        print(f"{name:24}{count:>12,}{len(found):>10}")
        for path in found:
            print(f"    {path.with_suffix('.txt').read_text(encoding='utf-8').strip()}   ({path})")
    print(f"{'all':24}{total:>12,}{broken:>10}")
    return 1 if broken else 0


def kept(folder: Path, name: str) -> list[Path]:
    return sorted((folder / name.replace(" ", "-")).glob("*.bin"))


class Keeper:
    """Keeps the first input of each finding."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder / name.replace(" ", "-")
        self._seen: set[str] = set()

    def keep(self, what: str, where: str, data: bytes) -> None:
        kind = re.sub(r"\W+", "-", f"{what.split(':')[0]}-{where}")
        if kind in self._seen:
            return
        self._seen.add(kind)
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{kind}.bin").write_bytes(data)
        (self._folder / f"{kind}.txt").write_text(f"{what} at {where}\n", encoding="utf-8", errors="backslashreplace")


def fresh(folder: Path) -> Path:
    """An empty folder for one execution."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def mutations(name: str, seconds: float, seed: int, found: Path) -> int:
    """Inputs without guidance; how many."""
    from benchmarks.fuzz.mutating import mutated
    from benchmarks.fuzz.targets import TARGETS, attempt

    target, rng, keeper = TARGETS[name], random.Random(f"{name}/{seed}"), Keeper(name, found)
    count, until = 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory(dir=memory()) as scratch:
        while time.monotonic() < until:
            finding = attempt(target, mutated(target.seeds, rng), fresh(Path(scratch, "one")))
            count += 1
            if finding:
                keeper.keep(finding.what, finding.where, finding.data)
    return count


def memory() -> str | None:
    """A file system in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def beside(name: str, seconds: float, seed: int, found: Path) -> int:
    """Guided inputs in a process of their own (libFuzzer ends its process); how many."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.fuzz",
        "--guided",
        name,
        "--seconds",
        str(seconds),
        "--seed",
        str(seed),
        "--found",
        str(found),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    said = re.search(r"Done (\d+) runs", done.stderr) or re.search(r"(\d+) runs in all", done.stdout)
    if said is None:
        print(done.stderr[-2000:], file=sys.stderr)
        raise SystemExit(f"{name}: the fuzzer ended with {done.returncode} and told no number of executions")
    return int(said[1])


def guided(name: str, seconds: float, seed: int, found: Path) -> int:
    """Fuzz one target with atheris until the time is over."""
    import atheris

    with atheris.instrument_imports(include=["topout", "benchmarks.fuzz"]):
        from benchmarks.fuzz.mutating import mutated
        from benchmarks.fuzz.targets import TARGETS, attempt
    target, keeper = TARGETS[name], Keeper(name, found)
    scratch = tempfile.mkdtemp(dir=memory())
    corpus = Path(scratch, "corpus")
    corpus.mkdir()
    for number, known in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(known)

    def one(data: bytes) -> None:
        finding = attempt(target, data, fresh(Path(scratch, "one")))
        if finding:
            keeper.keep(finding.what, finding.where, finding.data)

    def mutate(data: bytes, most: int, turn: int) -> bytes:
        rng = random.Random(turn)
        other = mutated((data, *target.seeds), rng, most) if rng.random() < 0.5 else atheris.Mutate(data, most)
        return bytes(other[:most])

    options = [
        f"-max_total_time={int(seconds)}",
        f"-seed={seed + 1}",
        "-max_len=60000",
        "-rss_limit_mb=4096",
        "-timeout=60",
        "-verbosity=1",
        f"-artifact_prefix={found / name.replace(' ', '-')}/",  # inputs that are slow, and those that end the process itself
    ]
    (found / name.replace(" ", "-")).mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
