"""A reader that has nothing to go by."""

from __future__ import annotations

import asyncio

import pytest

from topout.domain import Message, Request
from topout.errors import UserError
from topout.models.embedded.answering import CANNOT
from topout.models.embedded.fitness import Fitness
from topout.testing.fakes import FakeModel


def ask(guard: Fitness, model: str) -> None:
    asyncio.run(guard.complete(Request(model, (Message("user", "What is 2 + 2?"),))))


def test_a_reader_whose_first_answer_is_that_it_cannot_is_told_to_the_user_with_both_remedies() -> None:
    with pytest.raises(UserError) as told:
        ask(Fitness(FakeModel(lambda request: CANNOT)), "embedded/reader")
    assert "embedded/reader: found neither labels nor fields in the prompt" in str(told.value)
    assert "List them in prompt.md, or pass a real model" in str(told.value)


def test_only_the_first_answer_counts_and_only_an_embedded_one() -> None:
    answers = iter(["refund", CANNOT])
    guard = Fitness(FakeModel(lambda request: next(answers)))
    ask(guard, "embedded/reader")
    ask(guard, "embedded/reader")
    ask(Fitness(FakeModel(lambda request: CANNOT)), "openai/gpt-4.1-mini")
