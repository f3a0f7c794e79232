"""Crossover of texts: the change between two of them, made to a third."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Prompt
from topout.search.grafting import crossed, graft, sentences

TEXTS = st.lists(st.sampled_from(["One.", "Two!", "- three", "Four of them.", "\n", " ", "five: six"]), max_size=8).map("".join)


@given(TEXTS)
def test_the_sentences_of_a_text_joined_are_the_text(text: str) -> None:
    assert "".join(one + space for one, space in sentences(text)) == text


def test_lines_and_list_items_count_as_sentences() -> None:
    assert [one for one, _ in sentences("Sort it. Be brief:\n- a\n- b")] == ["Sort it.", "Be brief:", "- a", "- b"]


def test_what_came_in_is_put_behind_the_sentence_that_it_follows_there_and_what_went_goes() -> None:
    assert graft("A. B. C.", "A. New. B.", "A. Own. B. C.") == "A. New. Own. B."
    assert graft("A. B.", "A. B. New.", "A. B. Own.") == "A. B. New. Own."
    assert graft("A.\nB.", "A.\nB.\n- new", "Own.\nA.\nB.") == "Own.\nA.\nB.\n- new"


def test_no_change_and_a_change_that_is_there_already_are_none() -> None:
    assert graft("A. B.", "A. B.", "A. Own.") is None
    assert graft("A. B.", "A. B. C.", "A. B. C. Own.") is None


def test_a_text_written_anew_is_no_edit_that_could_be_grafted() -> None:
    assert graft("A. B. C.", "D. E. F. A.", "A. B. C. Own.") is None


@given(TEXTS, TEXTS)
def test_every_sentence_that_came_in_stands_in_the_result(before: str, after: str) -> None:
    grafted = graft(before, after, before + " Own.")
    if grafted is not None:
        assert all(one.strip() in grafted for one, _ in sentences(after))


def prompt(text: str, *demos: str, frozen: bool = False) -> Prompt:
    return Prompt((Component("system", "system", text, frozen),), tuple(Demo({"text": d}, "x", d) for d in demos))


def test_prompts_are_crossed_by_texts_and_by_demos_that_came_in() -> None:
    found = crossed(prompt("A. B.", "d"), prompt("A. B. C.", "d", "e"), prompt("A. Own. B.", "f"), 4)
    assert found == prompt("A. Own. B. C.", "f", "e")


def test_demos_are_added_up_to_the_cap_and_a_frozen_text_stays() -> None:
    assert crossed(prompt("A."), prompt("A.", "d", "e"), prompt("A.", "f"), 2) == prompt("A.", "f", "d")
    assert crossed(prompt("A. B."), prompt("A. B. C."), prompt("A. B.", frozen=True), 2) is None
