"""What a run reports is what is true: nothing where nothing was gained, something where something was."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
from collections.abc import Callable

from topout.domain import Prompt, Request
from topout.report.findings import Findings, find
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import FakeModel, fixed_accuracy, made_up_task, say_right, writing_critic

SETTINGS = EvolveSettings(lanes=4, read_rows=10, first_block=8)


def found(answer: Callable[[Request], str], critic: Callable[[Request], str], seed: int, max_calls: int) -> Findings:
    model, judge = FakeModel(answer), FakeModel(critic)
    task = made_up_task(40, 50, 300)
    work = run_in_memory(task, say_right, Evolve(SETTINGS), model, judge, max_calls=max_calls, exam_share=0.5, seed=seed)
    return find(asyncio.run(work).events)


def test_where_no_prompt_is_better_the_reported_gain_is_nothing_on_average() -> None:
    runs = [found(fixed_accuracy(0.6, seed), writing_critic(), seed, 2000) for seed in range(40)]
    gains = [run.holdout.gain.estimate for run in runs if run.holdout.gain]
    assert all(run.winner.id == run.baseline.id for run in runs if run.holdout.gain is None)  # these report that nothing was gained
    assert len(gains) >= 30
    assert abs(sum(gain.mean for gain in gains) / 40) < 0.01
    assert sum(not gain.low <= 0 <= gain.high for gain in gains) <= 4
    selected = [run.dev.winner.mean - run.dev.baseline.mean for run in runs]
    assert statistics.mean(selected) > 0.05


WORTH = {"steps": 0.08, "check": 0.08, "verify": 0.07, "brief": 0.05, "guess": -0.1, "hurry": -0.1}


def quality(instruction: str) -> float:
    """The true accuracy of an instruction: half, and what its words are worth."""
    return 0.5 + sum(worth for word, worth in WORTH.items() if word in instruction.split())


def helped(salt: int) -> Callable[[Request], str]:
    """A model that is right with the true accuracy of its instruction; an easy row stays easy when the instruction changes."""

    def answer(request: Request) -> str:
        row = f"{salt}/{request.messages[-1].content}"
        luck = int.from_bytes(hashlib.sha256(row.encode()).digest()[:8], "big") / 2**64
        return "right" if luck < quality(request.messages[0].content) else "wrong"

    return answer


def trying_critic(request: Request) -> str:
    """Adds a word to the text that it is shown: one that helps now and then, one that harms, mostly one that does nothing."""
    lines = request.messages[-1].content.split("\n")
    text = lines[lines.index("Current text:") + 2] if "Current text:" in lines else ""
    draw = int.from_bytes(hashlib.sha256(f"{request.seed}".encode()).digest()[:8], "big")
    word = [*WORTH, *(f"word{i}" for i in range(12))][draw % 18]
    return f"Rationale: {word}\n```text\n{text} {word}\n```"


def first_text(prompt: Prompt) -> str:
    return prompt.components[0].text


def test_where_words_help_the_winner_is_truly_better_and_the_interval_holds_the_true_gain() -> None:
    truths: list[float] = []
    for seed in range(6):
        run = found(helped(seed), trying_critic, seed, 4000)
        truth = quality(first_text(run.winner.prompt)) - quality(first_text(run.baseline.prompt))
        assert truth > 0
        assert run.holdout.gain is not None
        assert run.holdout.gain.estimate.low - 0.03 <= truth <= run.holdout.gain.estimate.high + 0.03
        truths.append(truth)
    assert statistics.mean(truths) >= 0.1
