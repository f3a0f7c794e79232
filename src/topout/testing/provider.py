"""A task that can be learned, and a provider on loopback whose models can learn it: whole runs over real HTTP, without weights and without a key.

The model answers by what its prompt tells it (`plum means fruit`), the critic writes such lines; both are functions of the request alone, so that two
runs that ask the same are told the same. Both also understand gepa and DSPy, which ask in forms of their own.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from topout.testing.server import OpenAIServer, Response, chat

__all__ = ["LABELS", "Provider", "make_task", "said_by", "tokens"]

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
        asked = re.search(r"instructions to perform a task for me:\n```\n(.*?)\n```\n(.*)", said, re.DOTALL)
        return f"```\n{asked[1]}\n{lines_for(asked[2])}\n```" if asked else "ready"
    failing = re.findall(r"\(failed\)\nInput text: (.*)\n(?:.*\n)*?Expected: (\w+)", said)
    pairs = sorted({(word, label) for text, label in failing for word in text.split() if word in WORDS[label]})
    chosen = random.Random(body.get("seed", 0)).sample(pairs, min(6, len(pairs)))
    rules = "\n".join(f"{word} means {label}" for word, label in chosen)
    return f"Rationale: words that failed get their category.\n```text\n{found[2]}\n{rules}\n```"


def lines_for(shown: str) -> str:
    """Rules for some of the words that a text shows, drawn by that text."""
    pairs = sorted({(word, label) for label, words in WORDS.items() for word in words if word in shown})
    chosen = random.Random(shown).sample(pairs, min(6, len(pairs)))
    return "\n".join(f"{word} means {label}" for word, label in chosen)


def in_fields(body: Mapping[str, Any]) -> str:
    """The answer in the fields of DSPy's chat adapter: a label, an instruction, or what else it asks for; '' for who asks otherwise."""
    said = "\n".join(str(message["content"]) for message in body["messages"])
    wanted = re.search(r"Your output fields are:\n((?:\d+\. `\w+`.*\n?)+)", said)
    if wanted is None:
        return ""
    lines = lines_for(said)
    told = dict.fromkeys(re.findall(r"`(\w+)`", wanted[1]), f"short sentences\n{lines}")
    told |= {name: f"Tell the kind of the sentence.\n{lines}" for name in told if "instruction" in name}
    told |= {name: read(body) for name in told if name == "label"}
    if "Outputs will be a JSON object" in said:
        return json.dumps(told)
    return "\n\n".join([*(f"[[ ## {name} ## ]]\n{value}" for name, value in told.items()), "[[ ## completed ## ]]"])


def said_by(body: Mapping[str, Any]) -> str:
    """The true answer to a request, whichever of the two models is asked."""
    return in_fields(body) or (criticise(body) if body["model"] == "critic" else read(body))


def tokens(body: Mapping[str, Any]) -> int:
    """How many words a request has."""
    return sum(len(str(message["content"]).split()) for message in body["messages"])


@dataclass
class Provider:
    """An OpenAI-compatible server with a model `reader` and a model `critic`. `fault(body, number)` may answer instead of them.

    `keys` are the distinct requests that arrived, `bought` those that were answered, `answered` counts replies that were billed, `usd` what they cost at $1,000 and $10 a million.
    """

    delay_s: float = 0.0
    fault: Callable[[Mapping[str, Any], int], Response | None] = lambda body, number: None
    keys: set[str] = field(default_factory=set)
    bought: set[str] = field(default_factory=set)
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
            key = json.dumps(body, sort_keys=True)
            self.keys.add(key)
            fault = self.fault(body, self.arrived)
            if fault is not None:
                return fault
            text = said_by(body)
            usage = (tokens(body), len(text.split()))
            self.answered += 1
            self.bought.add(key)
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
