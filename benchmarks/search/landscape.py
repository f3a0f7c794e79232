"""Simulated models whose truth is known exactly: what an optimizer is measured on, at thousands of calls a second.

    ground = landscape("plain", seed=3)
    ground.task                      a Task: train, dev and holdout rows, a baseline prompt
    ground.model, ground.critic      Models at zero latency: they answer any message, whoever wrote the template
    ground.scorer                    1 for the expected answer
    ground.quality(prompt)           the exact expected accuracy on new rows, no sampling: what counts
    ground.quality_of(text, demos)   the same for an instruction text and (row id) demos, for optimizers with prompts of their own
    ground.best                      the best quality that search by phrases and worked examples is known to reach
    ground.critic.write(text, rows)  what the critic would make of an instruction, shown these failing row ids

How a world works. An instruction is a text of sentences. Some carry a code, such as (S04): a skill, which helps rows of the kinds that it covers;
(H02): a tempting phrase, which helps one kind and hurts others; (U17): padding; (B1): a style, of which the first one in the text counts. Anything else
in a text is free but costs length. A row carries its id, such as [r0123], at the front of its text, so the model finds the row that it is asked (the last
marker) and worked examples (all earlier markers, right when their expected answer follows) wherever a template puts them. A wrong
answer begins with "miss-", so the critic knows a failing row in any report of failures; it reads the instruction from the first fence, or
takes all coded sentences that it meets. It never sees what a row needs unless the row stands there and failed.

The model's answer to one prompt and row is fixed (temperature 0): right when a normal draw of the row, partly kept from wording to wording, falls below
the prompt's strength on that row. So two prompts are alike in luck as they are for real models, and pairing pays as it does there.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from benchmarks.search.drawing import Floats, Rows, drawn
from benchmarks.search.shapes import SHAPES, Shape
from benchmarks.search.writing import SimulatedCritic
from topout.contracts import Model, Scorer
from topout.domain import Component, Example, Prompt, Reply, Request, Score, Scored, Split, Task, Usage
from topout.search.place import rng_for, seed_for
from topout.text.rendering import renderer

__all__ = ["Ground", "Landscape", "landscape", "right_or_wrong"]

POPULATION = 2000
CODE = re.compile(r"\(([SHUB]\d+)\)")
MARKER = re.compile(r"\[(r\d{4,})\]")
COMMON = (
    "please",
    "note",
    "that",
    "my",
    "last",
    "one",
    "was",
    "not",
    "as",
    "it",
    "should",
    "be",
    "when",
    "asked",
    "for",
    "more",
    "about",
    "this",
)
SYLLABLES = (
    "ba",
    "be",
    "bi",
    "do",
    "du",
    "fa",
    "fe",
    "ga",
    "go",
    "ka",
    "ki",
    "la",
    "lo",
    "ma",
    "mi",
    "na",
    "no",
    "pa",
    "pe",
    "ra",
    "ri",
    "sa",
    "so",
    "ta",
    "tu",
    "va",
    "vo",
    "wa",
    "zi",
    "zo",
)


class Ground(Protocol):
    """Where optimizers meet: the same task, model and critic for all, and a truth to hold the winner against."""

    @property
    def name(self) -> str: ...
    @property
    def task(self) -> Task: ...
    @property
    def model(self) -> Model: ...
    @property
    def critic(self) -> Model: ...
    @property
    def scorer(self) -> Scorer: ...
    @property
    def best(self) -> float | None:
        """The best quality known to be in reach; None where nobody knows."""
        ...

    def quality(self, prompt: Prompt) -> float: ...


def right_or_wrong(answer: str, example: Example) -> Score:
    """1 for the expected answer, else 0."""
    if answer.strip() == example.expected:
        return Scored(1.0, "right")
    return Scored(0.0, f"expected {example.expected!r}, got {answer.strip()!r}")


@dataclass
class TaskModel:
    """Answers from the text of the prompt and its worked examples. `asked` counts calls."""

    world: Landscape
    asked: int = 0
    _known: dict[tuple[str, ...], tuple[Floats, bytes, int]] = field(default_factory=dict)

    async def complete(self, request: Request) -> Reply:
        return self.answer(tuple(m.content for m in request.messages), request.sample)

    def answer(self, texts: Sequence[str], sample: int = 0) -> Reply:
        """The reply to messages of these texts."""
        self.asked += 1
        last = texts[-1]
        found = list(MARKER.finditer(last))
        if not found or found[-1][1] not in self.world.places:
            return Reply("miss-no row", usage=Usage(sum(map(len, texts)) // 4, 2), cost_usd=0.0)
        marker = found[-1]
        before = (*texts[:-1], last[: marker.start()])
        known = self._known.get(before)
        if known is None:
            known = self._known[before] = self.read("\n".join(before))
        chances, salt, size = known
        place = self.world.places[marker[1]]
        digest = hashlib.blake2b(b"%d/%d" % (place, sample), key=salt, digest_size=8).digest()
        luck = int.from_bytes(digest, "big") / 2**64
        expected = str(self.world.by_place[place].expected)
        text = expected if luck < chances[place] else f"miss-{digest.hex()[:4]}"
        return Reply(text, usage=Usage(size + len(last) // 4, 4), cost_usd=0.0)

    def read(self, text: str) -> tuple[Floats, bytes, int]:
        """Chances by row given the part of the luck that stays, a salt for the part that does not, and the size in tokens."""
        world = self.world
        strength = world.strength(text, world.rows)
        kept = np.sqrt(world.drawn.steady)
        chances = normal((strength - kept * world.rows.luck) / np.sqrt(1 - world.drawn.steady))
        chances[world.rows.mislabelled] = 0.0
        return chances, hashlib.blake2b(f"{world.seed}/{text}".encode(), digest_size=16).digest(), len(text) // 4


class Landscape:
    """One world. Made by `landscape`."""

    scorer = staticmethod(right_or_wrong)

    def __init__(self, name: str, shape: Shape, seed: int) -> None:
        self.name = name
        self.shape = shape
        self.seed = seed
        rng = np.random.default_rng(seed_for(seed, 0, f"world/{name}"))
        words = rng_for(seed, 1, f"world/{name}")
        self.drawn = drawn(shape, rng)
        self.kinds = self.drawn.load.shape[1]
        weights = np.asarray(rng.gamma(3.0, 1.0, self.kinds))
        self._weights = weights / weights.sum()
        self._base = rng.uniform(*shape.base)
        self.population = self.draw_rows(POPULATION, rng)
        sizes: dict[Split, int] = {"train": shape.train, "dev": shape.dev, "holdout": 300}
        self.rows = self.draw_rows(sum(sizes.values()), rng)
        vocabulary = [["".join(words.choices(SYLLABLES, k=3)) for _ in range(10)] for _ in range(self.kinds)]
        self.by_place = tuple(self.example(i, vocabulary, words) for i in range(sum(sizes.values())))
        self.places = {e.id: i for i, e in enumerate(self.by_place)}
        splits: dict[Split, tuple[Example, ...]] = {}
        start = 0
        for split, size in sizes.items():
            splits[split] = self.by_place[start : start + size]
            start += size
        self.task = Task(
            f"{name}-{seed}",
            "Answer the question.",
            ("text",),
            Prompt((Component("system", "system", self.opening), Component("user", "user", "Question: {{text}}"))),
            splits,
            fingerprint=f"{name}/{seed}",
            scorer_name="right_or_wrong",
        )
        self.model = TaskModel(self)
        self.critic = SimulatedCritic(
            self.drawn, shape, self.opening, {e.id: int(self.rows.kind[i]) for i, e in enumerate(self.by_place)}
        )

    @property
    def opening(self) -> str:
        """The baseline's text."""
        return "Answer the question. Reply with the answer alone, and nothing else." + (
            " Go about it in the plain way (B0)." if self.shape.styles > 1 else ""
        )

    def draw_rows(self, count: int, rng: np.random.Generator) -> Rows:
        kind = rng.choice(self.kinds, count, p=self._weights)
        ease = self._base + rng.normal(0.0, self.shape.spread, count)
        return Rows(kind, ease, rng.normal(0, 1, (count, 2)), rng.normal(0, 1, count), rng.random(count) < self.drawn.label_noise)

    def example(self, place: int, vocabulary: Sequence[Sequence[str]], words: random.Random) -> Example:
        """A row as text: words of its kind, near positions share more of them."""
        kind = int(self.rows.kind[place])
        x, y = self.rows.place[place]
        own = vocabulary[kind]
        first = int(np.clip((x + 2) * 2.5, 0, 9))
        second = int(np.clip((y + 2) * 2.5, 0, 9))
        chosen = [own[first], own[(first + 1) % 10], own[second], *words.sample(own, 2), *words.sample(COMMON, 6)]
        words.shuffle(chosen)
        row = f"r{place:04d}"
        expected = f"label-{kind}" if self.shape.labels else f"ans-{kind}-{place}"
        return Example(row, {"text": f"[{row}] {' '.join(chosen)}"}, expected)

    def strength(self, text: str, rows: Rows) -> Floats:
        """How well a prompt of that text (instruction and worked examples, as the model sees them) does on each row: probit units."""
        found = list(MARKER.finditer(text))
        shown: list[tuple[int, bool]] = []
        for one, after in zip(found, [*found[1:], None], strict=False):
            place = self.places.get(one[1])
            if place is not None:
                segment = text[one.end() : after.start() if after else len(text)]
                shown.append((place, str(self.by_place[place].expected) in segment))
        return self.strength_of(tuple(dict.fromkeys(CODE.findall(text))), shown, len(text) / 4, rows)

    def strength_of(self, codes: Sequence[str], shown: Sequence[tuple[int, bool]], tokens: float, rows: Rows) -> Floats:
        """The same, read: codes in order, worked examples by place and whether they are right, size in tokens."""
        d = self.drawn
        skills, tempting, style = self.switched(codes)
        by_kind = np.zeros(self.kinds) + d.offset[style]
        for k in skills:
            helps = d.partner[k] < 0 or d.partner[k] in skills
            by_kind += d.load[k] * (d.affinity[style, k] if helps else -0.3)
        for h in tempting:
            by_kind += d.tempting[h]
        out = rows.ease + by_kind[rows.kind]
        out -= d.wordiness * max(0.0, tokens - len(self.opening) / 4 - 20) / 100
        if shown:
            miss = np.ones(len(rows.kind))
            for place, right in shown:
                same = rows.kind == self.rows.kind[place]
                x, y = (rows.place[same] - self.rows.place[place]).T
                distance = x * x + y * y
                near = 0.15 + 0.6 * np.exp(-distance / 2)
                miss[same] *= (1 - near) if right and not self.rows.mislabelled[place] else (1 + 0.3 * near)
            out += d.demo * (1 - miss)
        return np.asarray(out, dtype=np.float64)

    def switched(self, codes: Iterable[str]) -> tuple[set[int], set[int], int]:
        """Skills and tempting phrases that these codes switch on, and the style."""
        skills = {int(c[1:]) for c in codes if c[0] == "S" and int(c[1:]) < len(self.drawn.load)}
        tempting = {int(c[1:]) for c in codes if c[0] == "H" and int(c[1:]) < len(self.drawn.tempting)}
        styles = [int(c[1:]) for c in codes if c[0] == "B" and int(c[1:]) < len(self.drawn.offset)]
        return skills, tempting, styles[0] if styles else 0

    def truth(self, text: str) -> float:
        """Expected accuracy on new rows of a prompt of that text."""
        return float(normal(self.strength(text, self.population)).mean() * (1 - self.drawn.label_noise))

    def quality(self, prompt: Prompt) -> float:
        """Expected accuracy on new rows, exact."""
        messages = renderer(prompt)({"text": ""})
        return self.truth("\n".join(m.content for m in messages))

    def quality_of(self, instruction: str, demos: Sequence[str] = ()) -> float:
        """The same for an instruction and worked examples by row id, shown with the expected answer, as turns of `Question: ...`."""
        rows = [self.by_place[self.places[row]] for row in demos]
        turns = [f"Question: {row.inputs['text']}\n{row.expected}" for row in rows]
        return self.truth("\n".join([instruction, *turns, "Question: "]))

    @cached_property
    def best(self) -> float:
        """What coordinate ascent over phrases and greedy worked examples (at most 16 of 80 train rows) reach, given the truth."""
        d = self.drawn
        codes_all = [f"S{k}" for k in range(len(d.load))] + [f"H{h}" for h in range(len(d.tempting))]
        size = 9.0  # tokens of a short sentence
        base = len(self.opening) / 4
        rows = self.population

        def value(codes: Sequence[str], shown: Sequence[int]) -> float:
            tokens = base + size * len(codes) + sum(len(self.by_place[i].inputs["text"]) / 4 + 6 for i in shown)
            return float(normal(self.strength_of(codes, [(i, True) for i in shown], tokens, rows)).mean())

        found = 0.0
        for style in range(len(d.offset)):
            on = [f"B{style}", *(f"S{k}" for k in range(len(d.load)))]
            shown: list[int] = []
            top = value(on, shown)
            for _ in range(2):
                better = True
                while better:
                    better = False
                    for code in codes_all:
                        other = [c for c in on if c != code] if code in on else [*on, code]
                        new = value(other, shown)
                        if new > top + 1e-6:
                            on, top, better = other, new, True
                while len(shown) < 16:
                    options = [(value(on, [*shown, i]), i) for i in range(min(80, self.shape.train)) if i not in shown]
                    new, i = max(options)
                    if new <= top + 5e-4:
                        break
                    shown, top = [*shown, i], new
            found = max(found, top)
        return found * (1 - d.label_noise)


def landscape(name: str, seed: int) -> Landscape:
    """The world of that name and seed. Raises KeyError for a name that `shapes.SHAPES` does not have."""
    return Landscape(name, SHAPES[name], seed)


def normal(x: Floats) -> Floats:
    """The normal distribution function to 1.4e-4 (Bowling et al. 2009, equation 10)."""
    out: Floats = 1 / (1 + np.exp(-(1.5976 * x + 0.070565992 * x**3)))
    return out
