"""The simulated critic: reads failures wherever they stand, and writes, merges or shortens an instruction, right with a stated probability."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.search.drawing import Drawn
from benchmarks.search.shapes import Shape
from topout.domain import Reply, Request, Usage

__all__ = ["SimulatedCritic", "sentence"]

SENTENCE = re.compile(r"[^.\n]*\(([SHUB]\d+)\)\.")
CODE = re.compile(r"\(([SHUB]\d+)\)")
MARKER = re.compile(r"\[(r\d{4,})\]")
FENCE = re.compile(r"^(`{3,})[^`\n]*\n(.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE)
PADDING = 900

FORMS = {
    "S": (
        "Watch for what the matter turns on and settle it by its own rule before you answer ({}).",
        "Settle it by its rule ({}).",
    ),
    "H": ("Whenever it looks like a special case treat it as one whatever else it says ({}).", "Treat it as special ({})."),
    "U": ("Think about what the person who is asking would like to read and be helpful and precise ({}).", "Be precise ({})."),
    "B": ("Go about it in another way, from the end to the beginning, step after step ({}).", "Go from the end ({})."),
}


def sentence(code: str, short: bool = False) -> str:
    """The sentence that carries a code."""
    return FORMS[code[0]][1 if short else 0].format(code)


@dataclass
class SimulatedCritic:
    """What it writes depends on the request alone; a request without a seed also on how many came before. `kinds` are those of the rows by id, `asked` counts calls."""

    drawn: Drawn
    shape: Shape
    opening: str
    kinds: Mapping[str, int]
    asked: int = 0

    async def complete(self, request: Request) -> Reply:
        return self.reply("\n".join(m.content for m in request.messages), request.seed)

    def reply(self, text: str, seed: int | None = None) -> Reply:
        """The reply to a message, whoever wrote its template: a rationale, and the new instruction in a fence."""
        self.asked += 1
        rng = random.Random(hashlib.blake2b(f"{seed if seed is not None else self.asked}/{text}".encode()).digest())
        fences = [m[2].strip("\n") for m in FENCE.finditer(text)]
        old = fences[0] if fences else " ".join(m[0].strip() for m in SENTENCE.finditer(text)) or self.opening
        tried = text.partition("Already tried and rejected:")[2]
        if "\nJob: merge\n" in text and len(fences) > 1:
            new, why = self.merge(old, fences[1], rng), "join both"
        elif "\nJob: shorten\n" in text:
            new, why = self.shorten(old, rng), "say it shorter"
        else:
            new = self.write(old, failing(text), rng, CODE.findall(tried))
            before, after = CODE.findall(old), CODE.findall(new)
            why = ", ".join([f"add ({c})" for c in after if c not in before] + [f"drop ({c})" for c in before if c not in after])
        return Reply(
            f"Rationale: {why or 'none'}\n```text\n{new}\n```", usage=Usage(len(text) // 4, len(new) // 4 + 20), cost_usd=0.0
        )

    def write(self, old: str, rows: Sequence[str], rng: random.Random, tried: Collection[str] = ()) -> str:
        """A new instruction after the failing rows of these ids. `tried` are codes that were rejected before: it mostly keeps off them."""
        d, shape = self.drawn, self.shape
        parts = [(m[1], m[0].strip()) for m in SENTENCE.finditer(old)]
        rest = " ".join(SENTENCE.sub("", old).split())
        parts = [(code, text) for code, text in parts if code[0] == "B" or rng.random() >= d.forget]
        for _ in range(rng.randint(*shape.changes)):
            on = [code for code, _ in parts]
            code = self.idea(on, rows, rng)
            if code in tried and rng.random() < 0.8:
                code = self.idea(on, rows, rng)
            if code in on:
                parts = [(c, text) for c, text in parts if c != code]
            else:
                parts.append((code, sentence(code)))
        if shape.styles > 1 and rng.random() < shape.leap:
            style = f"B{rng.randrange(shape.styles)}"
            parts = [(style, sentence(style)), *(one for one in parts if one[0][0] != "B")]
        return " ".join([rest, *(text for _, text in parts)]).strip()

    def idea(self, on: Sequence[str], rows: Sequence[str], rng: random.Random) -> str:
        """The code to add (or, when it is on already, to drop): what the failing rows ask for, or something tempting or useless."""
        d = self.drawn
        votes: dict[str, float] = {}
        kinds: list[int] = []
        for row in rows:
            kind = self.kinds.get(row)
            if kind is None:
                continue
            kinds.append(kind)
            for k in range(len(d.load)):
                if d.load[k, kind] > 0 and f"S{k}" not in on:
                    votes[f"S{k}"] = votes.get(f"S{k}", 0.0) + float(d.load[k, kind]) * (0.33 if k in d.rare else 1.0)
            for h in range(len(d.tempting)):
                if d.tempting[h, kind] < 0 and f"H{h}" in on:
                    votes[f"H{h}"] = votes.get(f"H{h}", 0.0) - 0.5 * float(d.tempting[h, kind])
        chance = d.right if kinds else d.right / 3
        if not kinds:
            votes = {f"S{k}": 1.0 for k in range(len(d.load)) if f"S{k}" not in on}
        draw = rng.random()
        if votes and draw < chance:
            names = list(votes)
            found = rng.choices(names, [votes[name] ** 1.5 for name in names])[0]
            if not (found[0] == "S" and int(found[1:]) in d.rare and rng.random() > 0.33):
                return found
        elif draw > 1 - d.harmful:
            wrong = [f"H{h}" for h in range(len(d.tempting)) if not kinds or any(d.tempting[h, kind] > 0 for kind in kinds)]
            if wrong:
                return rng.choice(wrong)
        return f"U{rng.randrange(PADDING)}"

    def merge(self, one: str, other: str, rng: random.Random) -> str:
        """Both texts in one: all sentences of the first, and those of the second that it lacks, a few lost; the first's style."""
        parts = [(m[1], m[0].strip()) for m in SENTENCE.finditer(one)]
        rest = " ".join(SENTENCE.sub("", one).split())
        on = {code for code, _ in parts}
        styled = any(code[0] == "B" for code in on)
        for m in SENTENCE.finditer(other):
            lost = rng.random() < (0.5 if m[1][0] == "U" else 0.1)
            if m[1] not in on and not lost and not (styled and m[1][0] == "B"):
                parts.append((m[1], m[0].strip()))
        return " ".join([rest, *(text for _, text in parts)]).strip()

    def shorten(self, old: str, rng: random.Random) -> str:
        """The same in short sentences; most padding goes, and now and then something that was needed."""
        rest = " ".join(SENTENCE.sub("", old).split())
        kept = []
        for m in SENTENCE.finditer(old):
            lost = rng.random() < {"U": 0.6, "B": 0.0}.get(m[1][0], 0.06)
            if not lost:
                kept.append(sentence(m[1], short=True) if m[1] != "B0" else m[0].strip())
        return " ".join([rest, *kept]).strip()


def failing(text: str) -> list[str]:
    """Ids of the rows in a report that were answered wrongly: a `miss-` stands between their marker and the next."""
    found = list(MARKER.finditer(text))
    out = []
    for one, after in zip(found, [*found[1:], None], strict=False):
        if "miss-" in text[one.end() : after.start() if after else len(text)]:
            out.append(one[1])
    return out
