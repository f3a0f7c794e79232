import random
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Prompt
from topout.text.diffs import Piece, prompt_diff, word_diff

TEXTS = st.text(alphabet="ab c.\n\t,é\x00\u202e", max_size=60)


def test_a_changed_word_stands_between_what_stayed() -> None:
    assert word_diff("Answer with the category.", "Answer with one category.") == (
        Piece("same", "Answer with "),
        Piece("removed", "the"),
        Piece("added", "one"),
        Piece("same", " category."),
    )


def test_equal_texts_are_one_piece_and_empty_ones_none() -> None:
    assert word_diff("as it is", "as it is") == (Piece("same", "as it is"),)
    assert word_diff("", "") == ()
    assert word_diff("", "new") == (Piece("added", "new"),)
    assert word_diff("old", "") == (Piece("removed", "old"),)


def test_a_rewritten_phrase_is_one_change_not_one_a_word() -> None:
    assert word_diff("Be brief now.", "Write at length now.") == (
        Piece("removed", "Be brief"),
        Piece("added", "Write at length"),
        Piece("same", " now."),
    )


def test_lines_of_a_list_do_not_hold_on_to_each_others_dashes() -> None:
    pieces = word_diff("- red\n- green\n- blue\n", '- red: "a", "b"\n- green\n- blue: "c"\n')
    assert [(p.kind, p.text) for p in pieces if p.kind != "same"] == [("added", ': "a", "b"'), ("added", ': "c"')]


def test_demos_are_kept_taken_and_added_as_wholes() -> None:
    one, two, three = (Demo({"text": name}, "yes", f"train-{name}") for name in "abc")
    system = Component("system", "system", "Answer.")
    user = Component("user", "user", "{{text}}", frozen=True)
    found = prompt_diff(Prompt((system, user), (one, two)), Prompt((replace(system, text="Answer yes."), user), (one, three)))
    assert [(d.kind, d.demo.example_id) for d in found.demos] == [("same", "train-a"), ("removed", "train-b"), ("added", "train-c")]
    assert [(c.name, c.change, c.frozen) for c in found.components] == [("system", "changed", False), ("user", "same", True)]
    assert not found.same and prompt_diff(Prompt((user,)), Prompt((user,))).same


def test_components_that_only_one_prompt_has_are_added_or_removed() -> None:
    a, b = Component("a", "system", "one"), Component("b", "user", "two")
    found = prompt_diff(Prompt((a,)), Prompt((b,)))
    assert [(c.name, c.change, c.pieces) for c in found.components] == [
        ("b", "added", (Piece("added", "two"),)),
        ("a", "removed", (Piece("removed", "one"),)),
    ]


@given(TEXTS, TEXTS)
def test_the_pieces_hold_both_texts_whole(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after
    assert all(p.text for p in pieces)
    assert all(one.kind != other.kind for one, other in pairwise(pieces))


@pytest.mark.parametrize("kept", [1.0, 0.95, 0.5, 0.0])
def test_a_hundred_thousand_characters_take_no_time_worth_waiting_for(kept: float) -> None:
    rng = random.Random(3)
    words = [f"w{int(rng.paretovariate(0.6)) % 5000}" for _ in range(20_000)]
    before = " ".join(words)
    after = " ".join(w if rng.random() < kept else f"n{rng.randrange(5000)}" for w in words)
    started = time.process_time()
    pieces = word_diff(before, after)
    assert time.process_time() - started < 2.0
    assert "".join(p.text for p in pieces if p.kind != "removed") == after


def test_long_texts_of_few_words_are_quick_too() -> None:
    started = time.process_time()
    pieces = word_diff("x " + "a b " * 25_000 + "y", "z " + "b a a " * 17_000 + "w")
    assert time.process_time() - started < 2.0
    assert "".join(p.text for p in pieces if p.kind != "added").startswith("x a b")


def test_two_small_changes_far_apart_in_a_long_text_are_two_changes() -> None:
    middle = " ".join(f"word{i}" for i in range(15_000))
    pieces = word_diff(f"first {middle} last", f"eins {middle} zwei")
    assert [p.kind for p in pieces] == ["removed", "added", "same", "removed", "added"]
