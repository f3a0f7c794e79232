"""A simulated task model and a simulated critic for tasks/two-hop, whose truth is known.

The task model knows some ways of asking by itself, and a different share of them in each of the three steps (`KNOWN`): the first step is weak, the second middling, the
last nearly right. Any other way of asking it learns from the prompt: from a line `"WAY OF ASKING": WORD` in the instruction, or from a demo that asks
the same way. It believes what the prompt says, also where that is wrong. In the last step it answers some rows in a sentence until it is told
to give one word. The critic reads what it is shown, whoever asks (topout, GEPA, MIPROv2), and writes up to `lines` such lines for ways of asking that it
finds there; one line in seven (`MISTAKEN`) is wrong.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

__all__ = ["KNOWN", "Critic", "TaskModel"]

FIRST = {
    "founder": "who founded|who set up|who started|who brought .* into being|who began|whose idea|who opened|who called .* into life|the founder of|behind the beginnings of",
    "architect": "who designed|who drew the plans of|who planned the building of|whose drawings|who thought up the shape of|the architect of|who sketched|who gave .* its form|whose blueprints",
    "owner": "who owns|to whom|who holds the deeds of|who bought|in whose hands|who has .* as property|the owner of|whose property|who paid for",
    "director": "who runs|who is in charge of|who heads|who manages|who leads the staff of|the director of|who gives the orders at|under whose lead|the boss at",
    "restorer": "who restored|who rebuilt|who repaired|who brought .* back to its old|who saved|the restorer of|who renewed|who mended|who put .* back together",
}
SECOND = {
    "home province": "which province|where is|in which province|what part of the country|which region|where did|the home province|the roots",
    "trade": "what trade|for a living|what work|which profession|earn money|what is the job|as what|what occupation",
    "instrument": "which instrument|play in the evening|on what|which music|what is heard|practise|name the instrument|with what",
}
KNOWN = {"first": 0.4, "second": 0.65, "answer": 0.75}
MISTAKEN = 0.15
ONE_WORD = "Answer with one word and nothing around it."


def share(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest(), "big") / 2**64


def ways(table: dict[str, str]) -> list[tuple[str, re.Pattern[str], str]]:
    """The ways of asking: how a rule names it, how it is found, what it means; longer ones first, for one may stand in another."""
    found = [(way.replace(" .* ", " ... "), re.compile(way), word) for word, some in table.items() for way in some.split("|")]
    return sorted(found, key=lambda one: -len(one[0]))


WAYS = {"first": ways(FIRST), "second": ways(SECOND)}


def way_of(step: str, question: str) -> tuple[str, str] | None:
    """How a question asks, as rules name it, and what it means."""
    text = question.lower()
    return next(((name, word) for name, pattern, word in WAYS[step] if pattern.search(text)), None)


def step_in(text: str) -> str:
    """Which step's instruction a text holds."""
    return "first" if "word under which" in text else "second" if "what to look up" in text else "answer"


class TaskModel:
    """Answers in the form that DSPy's chat adapter asks for. `seed` draws which ways of asking it knows. `calls` counts."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls = 0

    def answer(self, messages: Iterable[tuple[str, str]]) -> str:
        self.calls += 1
        turns = list(messages)
        system, last = turns[0][1], turns[-1][1]
        step = "answer" if "`fact`" in system else "second" if "`passage`" in system else "first"
        question = section(last, "question")
        if step == "answer":
            return reply("answer", self.last(question, section(last, "fact"), system, turns[1:-1]))
        return reply("words", self.word(step, question, system, turns[1:-1]))

    def word(self, step: str, question: str, system: str, demos: list[tuple[str, str]]) -> str:
        """The search word of the first or second step."""
        known = way_of(step, question)
        words = list(FIRST if step == "first" else SECOND)
        if known is None:
            return words[0]
        way, truth = known
        rules = re.findall(rf'"{re.escape(way)}": ([a-z ]+)', system)
        if rules:
            return str(rules[-1]).strip()
        for (_, asked), (_, answered) in zip(demos[::2], demos[1::2], strict=False):
            there = way_of(step, section(asked, "question"))
            if there is not None and there[0] == way:
                return section(answered, "words")
        if share(self.seed, step, way) < KNOWN[step]:
            return truth
        return words[int(share(self.seed, step, way, "wrong") * len(words))]

    def last(self, question: str, fact: str, system: str, demos: list[tuple[str, str]]) -> str:
        """The answer from the fact."""
        found = re.search(r"(?:is|that of a|the|has(?: the)?|is a) (\w+)(?:\.| as home| for an)", fact)
        word = found[1] if found else "nothing"
        told = ONE_WORD in system or bool(demos)
        return word if told or share(self.seed, "form", question) < KNOWN["answer"] else f"It is {word}."


class Critic:
    """Writes a new instruction for whoever asks, with up to `lines` new rules. `calls` counts."""

    def __init__(self, seed: int, lines: int) -> None:
        self.seed = seed
        self.lines = lines
        self.calls = 0

    def answer(self, messages: Iterable[tuple[str, str]]) -> str:
        self.calls += 1
        text = "\n\n".join(content for _, content in messages)
        wanted = re.search(r"output fields? (?:are|is):\n((?:\d+\. `\w+`.*\n?)+)", text)
        if wanted is not None:  # DSPy's own proposer, through its chat adapter
            names = re.findall(r"\d+\. `(\w+)`", wanted[1])
            base = section(text, "current_instruction") or section(text, "basic_instruction")
            new = self.improved(base, text) if base else "Answer the question."
            values = {name: new if "instruction" in name else "Questions about the people behind houses." for name in names}
            if "Outputs will be a JSON object" in text:
                return json.dumps(values)
            return "\n\n".join([*(f"[[ ## {k} ## ]]\n{v}" for k, v in values.items()), "[[ ## completed ## ]]"])
        fence = re.search(r"^(?P<f>`{3,})\w*\n(?P<text>.*?)\n?^(?P=f)[ \t]*$", text, re.M | re.S)
        current = fence["text"] if fence else ""
        return (
            f"Rationale: rules for ways of asking.\n```text\n{self.improved(current, text[fence.end() :] if fence else text)}\n```"
        )

    def improved(self, current: str, shown: str) -> str:
        """The text with a few more rules."""
        step = step_in(current)
        if step == "answer":
            return current if ONE_WORD in current else f"{current.rstrip()}\n{ONE_WORD}"
        known = set(re.findall(r'"([^"]+)": ', current))
        pieces = [piece.split('"')[0] for piece in re.split(r'\n|"question": "', shown)]
        asked = [way_of(step, piece) for piece in pieces if "?" in piece or "Name the" in piece]
        fresh = sorted({one for one in asked if one is not None and one[0] not in known})
        fresh.sort(key=lambda one: share(self.seed, self.calls, one[0]))
        words = list(FIRST if step == "first" else SECOND)
        lines = []
        for way, truth in fresh[: self.lines]:
            wrong = share(self.seed, self.calls, way, "mistaken") < MISTAKEN
            lines.append(f'"{way}": {words[int(share(self.seed, self.calls, way) * len(words))] if wrong else truth}')
        return "\n".join([current.rstrip(), *lines])


def section(text: str, name: str) -> str:
    """A field of DSPy's chat adapter: the last one of that name, for the first ones are its explanation."""
    found = re.findall(rf"\[\[ ## {name} ## \]\]\n(.*?)(?=\n\n\[\[ ##|\n\nRespond with|\Z)", text, re.S)
    return str(found[-1]).strip() if found else ""


def reply(field: str, value: str) -> str:
    return f"[[ ## {field} ## ]]\n{value}\n\n[[ ## completed ## ]]"
