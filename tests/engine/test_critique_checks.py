"""A critic's reply becomes a prompt only when nothing is wrong with it."""

from __future__ import annotations

import math

import pytest

from topout.contracts import Critique, Member, Move
from topout.domain import Candidate, Component, Example, Operator, Prompt
from topout.engine.critique_checks import check_reply
from topout.text.fingerprints import prompt_id

TEXT = "Sort the ticket {{text}} into one of the labels below and answer with the label alone."
TRAIN = [
    Example("t1", {"text": "My parcel was left in the rain and the box fell apart before I came home last night"}, "damage"),
    Example("t2", {"text": "the app says error forty two"}, "app"),
    Example("t3", {"text": "refund please"}, "refund"),
]


def member(text: str) -> Member:
    prompt = Prompt((Component("system", "system", text), Component("user", "user", "{{text}}")))
    return Member(Candidate(prompt_id(prompt), prompt), (), math.nan, 0.0)


def checked(
    text: str, finish_reason: str = "stop", operator: Operator = "rewrite", word_cap: int = 40, second: str = ""
) -> Critique:
    parents = (member(TEXT), member(second)) if second else (member(TEXT),)
    return check_reply(text, finish_reason, Move(operator, parents, component="system", word_cap=word_cap), TRAIN)


def reply(text: str) -> str:
    return f"Rationale: be plain\n```text\n{text}\n```\n"


def test_a_good_reply_becomes_the_parents_prompt_with_that_text() -> None:
    good = checked(reply("Read {{text}}. Answer with its label."))
    assert good.rejected == ""
    assert good.rationale == "be plain"
    assert good.prompt is not None
    assert [c.text for c in good.prompt.components] == ["Read {{text}}. Answer with its label.", "{{text}}"]


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        (reply("Read {{text}}."), "length", "the critic's reply was cut off at its token limit"),
        ("Rationale: x\n```text\nRead {{text}} and", "length", "the critic's reply was cut off at its token limit"),
        (reply("Read {{text}}."), "content_filter", "the critic stopped with 'content_filter'"),
        (reply("Read {{text}}."), "tool_calls", "the critic stopped with 'tool_calls'"),
        ("I cannot help with that.", "stop", "the critic's reply has no fenced block"),
        ("", "stop", "the critic's reply has no fenced block"),
        ("Rationale: x\n```text\nRead {{text}} and", "stop", "the fenced block of the critic's reply is not closed"),
        (reply(""), "stop", "the critic's text is empty"),
        (reply(" \n\t "), "stop", "the critic's text is empty"),
        (reply("Answer with the label."), "stop", "lost the placeholder {{text}}"),
        (reply("Read {{text}} for {{customer}}."), "stop", "invented the placeholder {{customer}}"),
        (reply("{{text}} " + "word " * 40), "stop", "41 words, at most 40 are allowed"),
        (reply(TEXT), "stop", "no change to the text"),
        (reply(f"  {TEXT}\n"), "stop", "no change to the text"),
    ],
)
def test_each_fault_is_refused_with_its_reason(text: str, finish_reason: str, reason: str) -> None:
    refused = checked(text, finish_reason)
    assert (refused.prompt, refused.rejected) == (None, reason)


def test_a_shorter_text_must_be_shorter() -> None:
    longer = reply(TEXT + " Be kind.")
    assert checked(longer).rejected == ""
    assert checked(longer, operator="shorten").rejected == "not shorter than before"
    assert checked(reply("Label {{text}}."), operator="shorten").rejected == ""


def test_a_merge_that_repeats_either_text_is_no_change() -> None:
    assert checked(reply("Just {{text}}."), operator="merge", second="Just {{text}}.").rejected == "no change to the text"


@pytest.mark.parametrize(
    "copied",
    [
        "my parcel was left in the rain and the box fell apart",
        "MY PARCEL, was left (in the rain) and: the box fell apart!",
        "parcel was left in the rain and the box fell apart before",
        "in the rain and the box fell apart before I came home",
        "the box fell apart before I came home last night and was left",
    ],
)
def test_twelve_words_of_a_train_row_are_a_copy_wherever_they_begin(copied: str) -> None:
    refused = checked(reply(f"Read {{{{text}}}}. For example: {copied} means damage."))
    expected = "" if copied.startswith("the box") else "copies the train row t1 verbatim"
    assert refused.rejected == expected


def test_a_short_row_is_a_copy_only_when_it_stands_there_whole_and_has_six_words() -> None:
    assert checked(reply("{{text}} The app says: error forty-two!")).rejected == "copies the train row t2 verbatim"
    assert checked(reply("{{text}} The app says error forty.")).rejected == ""
    assert checked(reply("{{text}} refund please")).rejected == ""


def test_words_that_stood_in_the_text_before_are_no_copy() -> None:
    row = Example("t9", {"text": TEXT.replace("{{text}}", "text")}, "x")
    move = Move("rewrite", (member(TEXT),), component="system", word_cap=60)
    assert check_reply(reply(TEXT + " Be kind."), "stop", move, [row]).rejected == ""


def test_other_parts_and_demos_stay_as_they_are() -> None:
    good = checked(reply("Read {{text}}."))
    assert good.prompt is not None
    assert good.prompt.components[1] == Component("user", "user", "{{text}}")
    assert good.prompt.demos == ()
