"""What makes two requests the same question."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Message, Request
from topout.models.fingerprint import embedded_version, request_key

BASE = Request("m", (Message("system", "be brief"), Message("user", "hello")))
CHANGES: list[dict[str, Any]] = [
    {"model": "n"},
    {"messages": (Message("user", "be brief"), Message("user", "hello"))},
    {"messages": (Message("system", "be brief"), Message("user", "hello "))},
    {"messages": (Message("user", "hello"), Message("system", "be brief"))},
    {"temperature": 0.1},
    {"max_output_tokens": 513},
    {"sample": 1},
    {"seed": 0},
    {"stop": ("\n",)},
    {"json_schema": "{}"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_parameter_is_part_of_the_key(change: dict[str, Any]) -> None:
    assert request_key(replace(BASE, **change), "") != request_key(BASE, "")


def test_the_server_is_part_of_the_key_and_the_role_is_not() -> None:
    assert request_key(BASE, "http://a") != request_key(BASE, "http://b")
    assert request_key(replace(BASE, role="judge"), "") == request_key(BASE, "")


def test_the_key_is_the_same_in_every_process_and_version() -> None:
    assert request_key(BASE, "") == "609562d898da0290d67ecbb41e25f04cef903e5dd2897c4bcfe6e0b6b1d99f5d"


def test_a_whole_number_is_the_same_temperature_as_its_float() -> None:
    assert request_key(replace(BASE, temperature=1), "") == request_key(replace(BASE, temperature=1.0), "")


def test_half_a_surrogate_pair_is_a_text_like_any_other() -> None:
    assert len(request_key(replace(BASE, messages=(Message("user", "\ud83d"),)), "")) == 64


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_different_messages_have_different_keys(one: list[str], two: list[str]) -> None:
    def key(texts: list[str]) -> str:
        return request_key(replace(BASE, messages=tuple(Message("user", text) for text in texts)), "")

    assert (key(one) == key(two)) == (one == two)


def test_embedded_models_are_keyed_by_their_source() -> None:
    assert embedded_version().startswith("embedded:")
    assert embedded_version() == embedded_version()
