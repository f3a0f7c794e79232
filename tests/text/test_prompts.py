from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Prompt
from topout.errors import UserError
from topout.text.prompts import format_prompt, parse_prompt, tidy


def test_parts_have_roles_names_and_marks() -> None:
    text = "--- system: policy (frozen) ---\nBe kind.\n\n--- system ---\nPick a label.\n--- user ---\n\nTicket: {{text}}\n\n"
    assert parse_prompt(text, "prompt.md") == Prompt(
        (
            Component("policy", "system", "Be kind.", frozen=True),
            Component("system", "system", "Pick a label."),
            Component("user", "user", "Ticket: {{text}}"),
        )
    )


def test_a_file_without_a_marker_is_one_user_part() -> None:
    assert parse_prompt("\nTicket: {{text}}\n", "p").components == (Component("user", "user", "Ticket: {{text}}"),)


def test_windows_line_ends_and_a_byte_order_mark_are_tolerated() -> None:
    assert parse_prompt("\ufeff--- user ---\r\na\r\nb\r\n", "p").components == (Component("user", "user", "a\nb"),)


def test_a_line_of_the_text_that_looks_like_a_marker_is_escaped() -> None:
    prompt = Prompt((Component("user", "user", "a\n--- user ---\n\\--- x ---\n---\nb"),))
    text = format_prompt(prompt)
    assert text == "--- user ---\na\n\\--- user ---\n\\\\--- x ---\n---\nb\n"
    assert parse_prompt(text, "p") == prompt


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "--- sytem ---\na",
            "p:1: unknown part 'sytem'. Did you mean 'system'? A line of the text that looks like this starts with a backslash.",
        ),
        ("--- user (frosen) ---\na", "p:1: unknown mark '(frosen)', only (frozen) is known."),
        ("--- user: a b ---\na", "p:1: '--- user: a b ---' is no part."),
        ("hello\n--- user ---\na", "p:1: text before the first part."),
        ("--- user ---\na\n--- user ---\nb", "p:3: a second part named 'user'."),
        ("--- system ---\na", "p: no user part"),
        ("--- system ---\na\n--- user ---\n", "p: no user part"),
        (" \n", "p: the prompt is empty."),
    ],
)
def test_a_malformed_file_is_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_prompt(text, "p")
    assert str(error.value).startswith(message)


LINES = st.one_of(
    st.sampled_from(["", " ", "---", "--- user ---", "\\--- system: a (frozen) ---", "\\\\--- x ---", "{{text}}", "-- a --", "\\"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12),
)
TEXTS = st.lists(LINES, max_size=6).map("\n".join).map(tidy)
NAMES = st.lists(st.from_regex(r"[a-zA-Z0-9_.-]{1,8}", fullmatch=True), min_size=1, max_size=4, unique=True)


@given(NAMES, st.data())
def test_writing_and_reading_gives_the_same_prompt(names: list[str], data: st.DataObject) -> None:
    components = tuple(
        Component(name, data.draw(st.sampled_from(["system", "user"])), data.draw(TEXTS), data.draw(st.booleans()))
        for name in names
    )
    prompt = Prompt((*components, Component("the-question", "user", "Ticket: {{text}}")))
    assert parse_prompt(format_prompt(prompt), "p") == prompt


@given(st.text())
def test_what_is_tidy_stays_as_it_is(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)
