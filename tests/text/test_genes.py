"""What a model is told for a gene, and how its answer is found in the reply."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from topout.domain import Component, Demo, Prompt
from topout.text.fingerprints import prompt_id
from topout.text.genes import AnswerForm, described, plain, read_reply, reply_schema, switched
from topout.text.rendering import render

PROMPT = Prompt(
    (Component("system", "system", "Sort."), Component("user", "user", "T: {{text}}")), (Demo({"text": "a"}, "refund"),)
)
THINK = replace(PROMPT, reasoning="think")
JSON = replace(PROMPT, answer_format="json")
BOTH = replace(THINK, answer_format="json")
LABELS = AnswerForm(("refund", "delivery"))
OBJECT = AnswerForm(schema={"type": "object", "properties": {"id": {"type": "string"}}})


def test_a_prompt_without_genes_is_sent_and_named_as_before() -> None:
    assert plain(PROMPT, LABELS) is PROMPT
    assert prompt_id(PROMPT) == "e6a63d543933"
    assert (switched(PROMPT), described(PROMPT)) == ({}, ())


def test_each_gene_makes_another_prompt() -> None:
    others = [THINK, JSON, BOTH, replace(PROMPT, votes=3), replace(PROMPT, retrieved=2)]
    assert len({prompt_id(one) for one in (PROMPT, *others)}) == 6
    assert [len(described(one)) for one in others] == [1, 1, 2, 1, 1]


def test_thinking_is_asked_for_in_the_system_text_and_demos_show_the_mark() -> None:
    messages = render(plain(THINK, LABELS), {"text": "b"})
    assert messages[0].content.startswith("Sort.\n\nThink step by step first.")
    assert [m.content for m in messages[1:]] == ["T: a", "Answer: refund", "T: b"]
    assert reply_schema(THINK, LABELS) == ""


def test_json_is_asked_for_in_words_and_by_a_schema() -> None:
    assert render(plain(JSON, LABELS), {"text": "b"})[2].content == '{"answer": "refund"}'
    schema = json.loads(reply_schema(JSON, LABELS))
    assert schema["properties"]["answer"] == {"type": "string", "enum": ["refund", "delivery"]}
    assert list(json.loads(reply_schema(BOTH, LABELS))["properties"]) == ["reasoning", "answer"]
    assert json.loads(reply_schema(JSON, OBJECT)) == OBJECT.schema
    assert json.loads(reply_schema(BOTH, OBJECT))["properties"]["answer"] == OBJECT.schema
    assert json.loads(reply_schema(JSON, AnswerForm(numeric=True)))["properties"]["answer"] == {"type": "number"}


def test_a_schema_in_the_text_asks_for_no_input() -> None:
    deep = AnswerForm(schema={"type": "object", "properties": {"a": {"description": "{{text}}", "properties": {}}}})
    assert "{ {text} }" in render(plain(JSON, deep), {"text": "b"})[0].content


@pytest.mark.parametrize(
    ("reply", "answer", "marked"),
    [
        ("It was late.\nAnswer: delivery", "delivery", True),
        ("**Answer:** delivery", "delivery", True),
        ("Answer: refund\nNo, wait.\n**Final answer: delivery**", "delivery", True),
        ("The answer is delivery", "delivery", True),
        ('So:\nAnswer:\n```json\n{"a": 1}\n```', '{"a": 1}', True),
        ("I think of refunds.\ndelivery", "delivery", False),
        ("delivery", "delivery", False),
        ("Thinking\nAnswer:", "Answer:", False),
        ('{\n"a": 1\n}', '{\n"a": 1\n}', False),
        ("", "", False),
    ],
)
def test_the_final_answer_is_parsed_apart_and_a_guess_is_told(reply: str, answer: str, marked: bool) -> None:
    assert read_reply(THINK, LABELS, reply) == (answer, marked)


@pytest.mark.parametrize(
    ("prompt", "form", "reply", "answer", "marked"),
    [
        (JSON, LABELS, '{"answer": "delivery"}', "delivery", True),
        (JSON, LABELS, '```json\n{"answer": "delivery"}\n```', "delivery", True),
        (JSON, LABELS, 'Here: {"answer": "delivery"} done', "delivery", True),
        (BOTH, LABELS, '{"reasoning": "late", "answer": "delivery"}', "delivery", True),
        (JSON, AnswerForm(numeric=True), '{"answer": 4.5}', "4.5", True),
        (JSON, OBJECT, '{"id": "x"}', '{"id": "x"}', True),
        (BOTH, OBJECT, '{"reasoning": "", "answer": {"id": "x"}}', '{"id": "x"}', True),
        (JSON, LABELS, '{"label": "delivery"}', '{"label": "delivery"}', False),
        (JSON, LABELS, " delivery ", "delivery", False),
        (JSON, LABELS, "[" * 100_000, "[" * 100_000, False),
    ],
)
def test_the_answer_is_taken_out_of_json(prompt: Prompt, form: AnswerForm, reply: str, answer: str, marked: bool) -> None:
    assert read_reply(prompt, form, reply) == (answer, marked)


def test_a_direct_plain_reply_is_the_answer() -> None:
    assert read_reply(PROMPT, LABELS, " Answer: x ") == (" Answer: x ", True)
