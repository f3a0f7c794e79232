"""A small task folder that the embedded reader can learn, a provider on loopback that can learn it too, and the command line."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import pytest

from topout.cli import main
from topout.models.retries import Retries
from topout.testing.server import OpenAIServer, Response, chat

WORDS = {
    "fruit": ["apple", "pear", "plum", "cherry", "quince", "grape", "melon", "fig", "peach", "mango", "lime", "berry"],
    "tool": ["hammer", "saw", "chisel", "plane", "file", "drill", "vice", "rasp", "clamp", "awl", "mallet", "wrench"],
    "music": ["violin", "drum", "flute", "oboe", "harp", "cello", "trumpet", "organ", "lute", "bassoon", "horn", "viola"],
    "weather": ["rain", "hail", "fog", "storm", "frost", "thunder", "breeze", "sleet", "drizzle", "gale", "mist", "snow"],
}
LABELS = sorted(WORDS)
FILLER = [
    "please",
    "could",
    "you",
    "tell",
    "me",
    "about",
    "this",
    "thing",
    "here",
    "today",
    "because",
    "we",
    "want",
    "to",
    "know",
    "more",
]


def row(rng: random.Random, name: str, label: str) -> dict[str, str]:
    """A sentence with two words of its label among filler."""
    words = [*rng.sample(WORDS[label], 2), *rng.sample(FILLER, 6)]
    rng.shuffle(words)
    return {"id": name, "text": " ".join(words), "expected": label}


def make_task(folder: Path, sizes: dict[str, int]) -> Path:
    """Write a task folder with so many rows a split."""
    rng = random.Random(7)
    (folder / "data").mkdir(parents=True)
    for split, size in sizes.items():
        rows = [row(rng, f"{split}-{i}", LABELS[i % 4]) for i in range(size)]
        (folder / "data" / f"{split}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "task.toml").write_text(
        'name = "small"\ndescription = "Sort a sentence into one of four kinds"\nfields = ["text"]\n'
        f"labels = {json.dumps(LABELS)}\n[deployment]\ncalls_per_day = 900\ntarget_score = 0.9\n"
        '[scorer]\nname = "label"\n'
    )
    listed = "\n".join(f"- {label}" for label in LABELS)
    (folder / "prompt.md").write_text(
        f"--- system ---\nChoose one category:\n{listed}\n\nAnswer with the category only.\n--- user ---\nSentence: {{{{text}}}}\n"
    )
    return folder


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


def read(body: Mapping[str, Any]) -> str:
    """A model that knows what its prompt tells it: `plum means fruit`. Else it guesses by hash."""
    said = "\n".join(str(message["content"]) for message in body["messages"])
    known = dict(re.findall(r"(\w+) means (\w+)", said))
    question = str(body["messages"][-1]["content"])
    for word in question.split():
        if word in known:
            return str(known[word])
    return LABELS[blake2b(question.encode(), digest_size=1).digest()[0] % 4]


def criticise(body: Mapping[str, Any]) -> str:
    """A critic that adds rules for some words of the failing examples, drawn by the request's seed."""
    said = str(body["messages"][-1]["content"])
    found = re.search(r"Current text:\n(`{3,})\w*\n(.*?)\n\1", said, re.DOTALL)
    if found is None:
        return "ready"
    failing = re.findall(r"\(failed\)\nInput text: (.*)\n(?:.*\n)*?Expected: (\w+)", said)
    pairs = sorted({(word, label) for text, label in failing for word in text.split() if word in WORDS[label]})
    chosen = random.Random(body.get("seed", 0)).sample(pairs, min(6, len(pairs)))
    rules = "\n".join(f"{word} means {label}" for word, label in chosen)
    return f"Rationale: words that failed get their category.\n```text\n{found[2]}\n{rules}\n```"


def tokens(body: Mapping[str, Any]) -> int:
    """How many words a request has."""
    return sum(len(str(message["content"]).split()) for message in body["messages"])


@dataclass
class Provider:
    """An OpenAI-compatible server with a model `reader` and a model `critic`. `fault(body, number)` may answer instead of them.

    `keys` are the distinct requests that arrived, `answered` counts replies that were billed, `usd` what they cost at $1,000 and $10 a million.
    """

    delay_s: float = 0.0
    fault: Callable[[Mapping[str, Any], int], Response | None] = lambda body, number: None
    keys: set[str] = field(default_factory=set)
    arrived: int = 0
    answered: int = 0
    usd: float = 0.0
    server: OpenAIServer = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = OpenAIServer(self.answer)

    def answer(self, body: Mapping[str, Any]) -> Response:
        with self.lock:
            self.arrived += 1
            self.keys.add(json.dumps(body, sort_keys=True))
            fault = self.fault(body, self.arrived)
            if fault is not None:
                return fault
            text = criticise(body) if body["model"] == "critic" else read(body)
            usage = (tokens(body), len(text.split()))
            self.answered += 1
            self.usd += usage[0] * 0.001 + usage[1] * 0.00001
            return chat(text, usage=usage, delay_s=self.delay_s)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def words(self) -> list[str]:
        """The options that point a run at this provider."""
        return ["--model", "openai/reader", "--critic", "openai/critic", "--api-base", self.server.url]


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
