"""A small task folder that the embedded reader can learn, a provider on loopback that can learn it too, and the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from topout.cli import main
from topout.models.retries import Retries
from topout.testing.provider import Provider, make_task


@pytest.fixture(scope="session")
def task_maker() -> Callable[[Path, dict[str, int]], Path]:
    """Makes task folders of other sizes."""
    return make_task


@pytest.fixture
def small_task(tmp_path: Path) -> Path:
    """40 train, 40 dev, 60 holdout and 12 shift rows."""
    return make_task(tmp_path / "small", {"train": 40, "dev": 40, "holdout": 60, "shift": 12})


@pytest.fixture
def tiny_task(tmp_path: Path) -> Path:
    """12 train, 12 dev and 30 holdout rows: for runs that only have to end in the right way."""
    return make_task(tmp_path / "small", {"train": 12, "dev": 12, "holdout": 30})


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in, and no keys or addresses in the environment."""
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL", "_TOKEN"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.chdir(tmp_path)


PRICES = ["--price", "openai/reader=1000,10", "--price", "openai/critic=1000,10"]


@pytest.fixture
def prices() -> list[str]:
    """The provider's prices as options."""
    return PRICES


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that answers at once."""
    with Provider() as served:
        yield served


@pytest.fixture
def slow_provider() -> Iterator[Provider]:
    """A provider that takes 5 ms, so that there is always a call in flight."""
    with Provider(delay_s=0.005) as served:
        yield served


@pytest.fixture
def providers() -> Callable[..., Provider]:
    """Makes providers with faults."""
    return Provider


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-offs a hundred times shorter."""
    monkeypatch.setattr("topout.models.gateway.Retries", lambda: Retries(base_s=0.005, cap_s=0.1))


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error; fails when there is any other output or a traceback."""
        assert self.err.count("\n") == 1 and self.err.startswith("topout: "), self.err
        return self.err.removeprefix("topout: ").rstrip("\n")


Topout = Callable[..., Said]


@pytest.fixture
def topout(capsys: pytest.CaptureFixture[str]) -> Topout:
    """Runs a command line in this process."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `python -m topout ...` in a process of its own, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*words: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "topout", *(str(word) for word in words)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
