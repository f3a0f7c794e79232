"""Few-shot sets: from train rows only, within their caps, failing rows first."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Example, Prompt
from topout.search.demos import answer_text, edit_demos, spend_words

PROMPT = Prompt((Component("system", "system", "Answer."), Component("user", "user", "{{text}}")))
TRAIN = tuple(Example(f"t{i}", {"text": " ".join(["word"] * (1 + i % 9))}, f"label{i % 5}") for i in range(40))


def grown(steps: int, most: int, word_cap: int, seed: int, known: dict[str, float] | None = None) -> list[tuple[Prompt, str]]:
    prompt, out = PROMPT, []
    for step in range(steps):
        edit = edit_demos(prompt, TRAIN, known or {}, most, word_cap, random.Random(seed * 100 + step))
        if edit is not None:
            prompt = edit[0]
            out.append(edit)
    return out


@given(st.integers(0, 12), st.integers(0, 60), st.integers(0, 500))
def test_caps_are_kept_and_demos_are_train_rows_each_shown_once(most: int, word_cap: int, seed: int) -> None:
    by_id = {e.id: e for e in TRAIN}
    for prompt, _ in grown(12, most, word_cap, seed):
        assert len(prompt.demos) <= most
        assert spend_words(prompt.demos) <= word_cap
        assert len({d.example_id for d in prompt.demos}) == len(prompt.demos)
        for demo in prompt.demos:
            row = by_id[demo.example_id]
            assert (demo.inputs, demo.output) == (row.inputs, row.expected)
        assert prompt.components == PROMPT.components


def test_an_edit_always_changes_the_set() -> None:
    for seed in range(20):
        before: tuple[Demo, ...] = ()
        for prompt, _ in grown(15, 6, 200, seed):
            assert prompt.demos != before
            before = prompt.demos


def test_adding_swapping_and_dropping_all_happen() -> None:
    words = {text.split()[0] for seed in range(10) for _, text in grown(12, 8, 200, seed)}
    assert words == {"add", "swap", "drop"}


def test_half_of_the_time_failing_rows_come_first() -> None:
    failing = {"t5", "t11", "t17", "t23", "t29"}
    known = {f"t{i}": 0.0 if f"t{i}" in failing else 1.0 for i in range(40)}
    first = [{d.example_id for d in grown(1, 4, 500, seed, known)[0][0].demos} <= failing for seed in range(200)]
    assert 80 <= sum(first) <= 120


def test_one_of_each_answer_is_shown_before_a_second() -> None:
    for seed in range(30):
        (prompt, _) = grown(1, 4, 500, seed)[0]
        assert len({d.output for d in prompt.demos}) == len(prompt.demos)


def test_an_answer_that_no_demo_shows_yet_goes_ahead() -> None:
    shown = PROMPT.with_demos(tuple(Demo(dict(TRAIN[i].inputs), f"label{i}", f"t{i}") for i in range(4)))
    for seed in range(40):
        edit = edit_demos(shown, TRAIN, {}, 5, 500, random.Random(seed))
        assert edit is not None
        if edit[1].startswith("add"):
            assert [d.output for d in edit[0].demos[4:]] == ["label4"]


def test_nothing_to_do_is_none() -> None:
    assert edit_demos(PROMPT, (), {}, 8, 100, random.Random(0)) is None
    assert edit_demos(PROMPT, TRAIN, {}, 8, 0, random.Random(0)) is None
    assert edit_demos(PROMPT, TRAIN, {}, 0, 100, random.Random(0)) is None


def test_a_set_that_was_too_large_to_begin_with_only_loses_demos() -> None:
    full = PROMPT.with_demos(tuple(Demo({"text": "by hand"}, "label1") for _ in range(10)))
    for seed in range(20):
        edit = edit_demos(full, TRAIN, {}, 4, 500, random.Random(seed))
        assert edit is not None
        assert (len(edit[0].demos), edit[1]) in [(9, "drop 1 demo"), (8, "drop 2 demos")]


def test_an_answer_that_is_not_text_is_shown_as_compact_json() -> None:
    assert answer_text({"sum": 3, "unit": "€"}) == '{"sum": 3, "unit": "€"}'
    assert answer_text("plain") == "plain"
