from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Message, Prompt
from topout.text.rendering import placeholders, render, renderer

TICKET = Prompt(
    (
        Component("a", "system", "Pick one."),
        Component("b", "system", "Be brief."),
        Component("hint", "user", "Only the label."),
        Component("q", "user", "Ticket: {{ text }}"),
    )
)


def test_system_parts_are_one_message_and_user_parts_another() -> None:
    assert render(TICKET, {"text": "hi"}) == (
        Message("system", "Pick one.\n\nBe brief."),
        Message("user", "Only the label.\n\nTicket: hi"),
    )


def test_demo_turns_repeat_only_the_parts_with_a_placeholder() -> None:
    prompt = TICKET.with_demos((Demo({"text": "one"}, "x"), Demo({"text": "two"}, "y")))
    assert render(prompt, {"text": "hi"})[1:] == (
        Message("user", "Ticket: one"),
        Message("assistant", "x"),
        Message("user", "Ticket: two"),
        Message("assistant", "y"),
        Message("user", "Only the label.\n\nTicket: hi"),
    )


def test_inputs_are_never_read_again() -> None:
    prompt = Prompt((Component("u", "user", "{{a}} {{b}}"),))
    assert render(prompt, {"a": "{{b}} \\1 {{{a}}}", "b": "secret"})[0].content == "{{b}} \\1 {{{a}}} secret"


def test_other_braces_stay() -> None:
    prompt = Prompt((Component("u", "user", '{"a": {"b": 1}} {a} {{ 1 }} {{{a}}} {{a b}} {{}}'),))
    assert render(prompt, {"a": "X"})[0].content == '{"a": {"b": 1}} {a} {{ 1 }} {X} {{a b}} {{}}'


def test_a_system_part_can_hold_a_field() -> None:
    prompt = Prompt((Component("s", "system", "For {{who}}."), Component("u", "user", "{{text}}")))
    assert render(prompt, {"who": "Ann", "text": "t"}) == (Message("system", "For Ann."), Message("user", "t"))


def test_empty_parts_are_left_out() -> None:
    prompt = Prompt((Component("s", "system", ""), Component("v", "user", ""), Component("u", "user", "{{text}}")))
    assert render(prompt, {"text": "t"}) == (Message("user", "t"),)


def test_a_field_without_an_input_is_an_error() -> None:
    with pytest.raises(KeyError):
        render(TICKET, {})


def test_placeholders_are_listed_once_in_order() -> None:
    assert placeholders("{{b}} {{ a }} {{b}} {{größe}} {{1x}} {c}") == ("b", "a", "größe")


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.text(), min_size=3))
def test_the_text_around_fields_and_the_inputs_come_through_unchanged(inputs: dict[str, str]) -> None:
    prompt = Prompt((Component("u", "user", "<{{a}}|{{b}}|{{c}}|{{a}}>"),))
    assert render(prompt, inputs)[0].content == f"<{inputs['a']}|{inputs['b']}|{inputs['c']}|{inputs['a']}>"


def test_a_render_with_eight_demos_takes_microseconds() -> None:
    to_messages = renderer(TICKET.with_demos(tuple(Demo({"text": "a ticket " * 20}, "x") for _ in range(8))))
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(1000):
            to_messages({"text": "hello"})
        best = min(best, time.process_time() - start)
    assert best < 0.1  # seconds for 1,000: ten times what it takes, so that a slow machine passes
