from __future__ import annotations

from topout.domain import Component, Demo, Prompt
from topout.text.fingerprints import digest, prompt_id

PROMPT = Prompt((Component("user", "user", "Ticket: {{text}}"),), (Demo({"text": "a", "more": "b"}, "x", "t1"),))


def test_an_id_is_the_same_in_every_process() -> None:
    assert prompt_id(PROMPT) == "fdd709f3ba1b"


def test_where_a_demo_came_from_and_the_order_of_its_fields_are_not_content() -> None:
    assert prompt_id(PROMPT.with_demos((Demo({"more": "b", "text": "a"}, "x"),))) == prompt_id(PROMPT)


def test_text_marks_and_demo_order_are_content() -> None:
    demos = (Demo({"text": "a"}, "x"), Demo({"text": "b"}, "y"))
    ids = {
        prompt_id(PROMPT),
        prompt_id(PROMPT.with_text("user", "{{text}}")),
        prompt_id(PROMPT.with_demos(demos)),
        prompt_id(PROMPT.with_demos(demos[::-1])),
        prompt_id(Prompt((Component("user", "user", "Ticket: {{text}}", frozen=True),), PROMPT.demos)),
    }
    assert len(ids) == 5


def test_a_digest_takes_any_text() -> None:
    assert digest({"b": "\ud800", "a": [1, None]}) == digest({"a": (1, None), "b": "\ud800"})
    assert len(digest("")) == 64
