"""Crossover of texts: the change between two of them, made to a third."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Prompt
from topout.search.grafting import crossed, graft, joined, sentences

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


def test_edits_are_joined_with_what_each_adds_at_its_place() -> None:
    assert joined("A. B.\n- c", ["A. New. B.\n- c", "A. B.\n- c\n- more"]) == "A. New. B.\n- c\n- more"
    assert joined("A. B.", ["A. B. New.", "A. B. New."]) == "A. B. New."


def test_a_sentence_goes_when_two_edits_leave_it_out_and_not_when_one_does() -> None:
    assert joined("A. B. C. D.", ["A. C. D. x.", "A. B. D. y.", "A. B. C. D."]) == "A. B. C. D. x. y."
    assert joined("A. B. C.", ["A. C.", "A. C.", "A. B. C. x."]) == "A. C. x."


def test_other_words_for_a_sentence_take_its_place_and_of_two_the_first() -> None:
    assert joined("Sort:\n- big\n- small", ["Sort:\n- big: over 9\n- small", "Sort:\n- big: heavy\n- small: light"]) == (
        "Sort:\n- big: over 9\n- small: light"
    )


def test_a_text_written_anew_is_left_aside_unless_there_is_nothing_else() -> None:
    assert joined("A. B. C.", ["D. E. F.", "A. B. C. x.", "A. B. C. y."]) == "A. B. C. x. y."
    assert joined("A. B. C.", ["D. E. F.", "A. B. C. x."]) == "A. B. C. x."
    assert joined("A. B. C.", ["D. E. F.", "G. H."]) == "D. E. F."


@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=3))
def test_a_join_has_no_sentence_that_nobody_wrote(before: str, afters: list[str]) -> None:
    known = {one.strip() for text in (before, *afters) for one, _ in sentences(text)}
    assert {one.strip() for one, _ in sentences(joined(before, afters))} <= known | {""}


def test_an_edit_that_keeps_half_of_the_sentences_is_one() -> None:
    halved, longer = "Say the label. Never guess at dates.", "Say the label. Be quick. Mind the case."
    assert joined("Say the label. Be quick.", [halved, longer]) == "Say the label. Never guess at dates. Be quick. Mind the case."
