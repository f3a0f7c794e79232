"""What stands between DSPy and the task: field names, replies in its form, and settings that fit."""

from __future__ import annotations

import pytest

from topout.bridges.dspy_loop import MiproSettings, fitting_auto, in_fields, names_of

QUESTION = (
    "...\nRespond with the corresponding output fields, starting with the field `[[ ## proposed_instruction ## ]]`, and then ..."
)


def test_fields_get_names_that_dspy_can_use() -> None:
    assert names_of(["text", "Über uns", "answer", "2nd", "demos"]) == [
        "text",
        "input__ber_uns",
        "input_answer",
        "input_2nd",
        "input_demos",
    ]
    assert len(set(names_of(["a b", "a-b", "a_b"]))) == 3


def test_a_reply_without_dspys_markers_is_taken_for_the_field_that_was_asked_for() -> None:
    marked = "[[ ## proposed_instruction ## ]]\nBe brief.\n\n[[ ## completed ## ]]"
    assert in_fields(marked, QUESTION, "old") == marked
    assert in_fields("Be brief.", QUESTION, "old") == marked
    assert in_fields("Rationale: shorter\n```text\nBe brief.\n```", QUESTION, "old") == marked
    assert in_fields("", QUESTION, "Be brief.") == marked
    assert in_fields("Anything", "no such question", "old") == "Anything"


def test_auto_fits_the_calls() -> None:
    assert [fitting_auto(100, calls) for calls in (10, 700, 1_500, 5_000)] == ["light", "light", "medium", "heavy"]
    assert fitting_auto(1000, 5_000) == "medium"


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="auto must be one of fit, light, medium, heavy"):
        MiproSettings(auto="huge")
    with pytest.raises(ValueError, match="num_candidates needs num_trials as well"):
        MiproSettings(num_candidates=4)
