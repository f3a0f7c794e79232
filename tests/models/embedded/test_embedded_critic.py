"""The embedded critic, on topout's message and on GEPA's template."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.models.embedded import answer, understood
from topout.models.embedded.critic import NOTHING
from topout.models.embedded.critic_message import brief_of

Messages = list[dict[str, Any]]
Case = tuple[str, str, str]

TEXT = """Sort the message.

Labels:
- lost_parcel: parcel has not arrived
- gift_voucher: vouchers

Answer with the label only."""

CASES: list[Case] = [
    ("The courier never rang, and the neighbours have nothing.", "gift_voucher", "lost_parcel"),
    ("No courier came by on Tuesday, nor on Friday", "gift_voucher", "lost_parcel"),
    ("My code for forty euros is refused", "lost_parcel", "gift_voucher"),
    ("it says my code is refused at the till", "lost_parcel", "gift_voucher"),
    ("Until what time are you open?", "lost_parcel", "opening_hours"),
    ("what time do you close, and are you open on Sundays", "lost_parcel", "opening_hours"),
    ("Where is my parcel", "lost_parcel", "lost_parcel"),
]


def fence(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return "`" * max(3, longest + 1)


def message(
    text: str, cases: list[Case], job: str = "rewrite", words: int = 400, second: str = "", role: str = "system"
) -> Messages:
    shown = ""
    for number, (asked, said, expected) in enumerate(cases, 1):
        passed = said == expected
        feedback = "correct" if passed else f"expected '{expected}', got '{said}'"
        shown += f"### Example {number} ({'passed' if passed else 'failed'})\nInput text: {asked}\nAnswer: {said}\nExpected: {expected}\nFeedback: {feedback}\n"
    parts = [f"Task: sort messages\nComponent to edit: main ({role})\nNotes from the task's owner: none\nJob: {job}\nCurrent text:"]
    parts.append(f"{fence(text)}text\n{text}\n{fence(text)}")
    if second:
        parts.append(f"Second text:\n{fence(second)}text\n{second}\n{fence(second)}")
    parts.append(f"Examples:\n{fence(shown)}examples\n{shown}{fence(shown)}")
    parts.append("Already tried and rejected:\n- too long: Sort the message and")
    parts.append(f"Rules: at most {words} words; keep these placeholders exactly: none; do not copy examples verbatim.")
    return [{"role": "system", "content": "You improve prompts."}, {"role": "user", "content": "\n".join(parts)}]


def reply(messages: Messages, seed: int | None = 1, temperature: float = 1.0) -> tuple[str, str]:
    """The rationale and the new text."""
    text = answer("critic", messages, temperature=temperature, seed=seed)[0].text
    match = re.fullmatch(r"Rationale: (?P<why>[^\n]+)\n\n(?P<f>`{3,})text\n(?P<text>.*)\n(?P=f)", text, re.S)
    assert match is not None, text
    return match["why"], match["text"]


def test_its_own_message_is_read_whole() -> None:
    multi: list[Case] = [("First line\nAnswer me: where is it?\n\nThird line", "It is gift_voucher.", "lost_parcel"), *CASES]
    brief = brief_of(message(TEXT, multi, words=321))
    assert brief is not None
    assert (brief.job, brief.text, brief.most_words, len(brief.cases)) == ("rewrite", TEXT, 321, 8)
    assert (brief.cases[0].text, brief.cases[0].answer, brief.cases[0].expected) == multi[0]
    assert [case.failed for case in brief.cases] == [True] * 7 + [False]


def test_texts_with_fences_of_their_own_are_read_whole() -> None:
    text = f"{TEXT}\n```json\n{{}}\n```"
    cases: list[Case] = [("see\n````\ncode\n````", "gift_voucher", "lost_parcel")]
    brief = brief_of(message(text, cases, job="merge", second="```\nx\n```"))
    assert brief is not None
    assert (brief.text, brief.second, brief.cases[0].text) == (text, "```\nx\n```", "see\n````\ncode\n````")
    _, new = reply(message(text, CASES))
    assert "```json\n{}\n```" in new


def test_missing_labels_are_added_where_labels_stand() -> None:
    for seed in range(8):
        _, new = reply(message(TEXT, CASES), seed)
        assert [
            label.name for label in understood([{"role": "system", "content": new}, {"role": "user", "content": "x"}]).labels
        ] == [
            "lost_parcel",
            "gift_voucher",
            "opening_hours",
        ]
        assert new.rstrip().endswith("Answer with the label only.")


def test_telling_phrases_go_into_the_definition_of_their_label() -> None:
    news = [reply(message(TEXT, CASES), seed)[1] for seed in range(20)]
    lines = [next(line for line in new.split("\n") if line.startswith("- lost_parcel")) for new in news]
    assert all(line.startswith("- lost_parcel: parcel has not arrived") for line in lines)
    assert sum('"courier' in line or 'courier"' in line for line in lines) >= 10
    assert any("not gift_voucher (" in line for line in lines) or any("not lost_parcel (" in new for new in news)


def test_the_edit_helps_the_reader_on_new_messages() -> None:
    fresh = [
        ("no courier today either", "lost_parcel"),
        ("code refused", "gift_voucher"),
        ("open on Monday at what time", "opening_hours"),
    ]
    news = [reply(message(TEXT, CASES), seed)[1] for seed in range(10)]

    def right(system: str) -> int:
        return sum(
            answer("reader", [{"role": "system", "content": system}, {"role": "user", "content": t}])[0].text == y for t, y in fresh
        )

    assert max(map(right, news)) == 3
    assert sum(map(right, news)) / 10 > 2 > right(TEXT)


def test_a_format_line_is_added_only_when_answers_were_not_bare() -> None:
    bare = TEXT.replace("\n\nAnswer with the label only.", "")
    wordy: list[Case] = [(t, f"This looks like {y} to me.", y) for t, _, y in CASES]
    assert "Answer with the label only, spelled exactly as listed" in reply(message(bare, wordy))[1]
    assert "spelled exactly" not in reply(message(TEXT, CASES))[1]


def test_phrases_that_pull_wrong_answers_may_go() -> None:
    text = TEXT.replace("vouchers", 'vouchers; "courier", "gift card"')
    kept = [
        "courier"
        in next(line for line in reply(message(text, CASES), seed)[1].split("\n") if "gift_voucher:" in line).split("not ")[0]
        for seed in range(20)
    ]
    assert 0 < sum(kept) < 20


def test_no_example_is_copied_whole_in_its_own_message() -> None:
    for seed in range(20):
        _, new = reply(message(TEXT, CASES), seed)
        assert not [asked for asked, _, _ in CASES if asked.lower() in new.lower()]


@given(st.integers(0, 10_000), st.integers(15, 120), st.sampled_from(["rewrite", "merge", "shorten"]))
def test_the_word_cap_holds_for_every_draw(seed: int, words: int, job: str) -> None:
    second = TEXT.replace("vouchers", 'vouchers; "gift card", "redeem"')
    _, new = reply(message(TEXT, CASES, job=job, words=words, second=second if job == "merge" else ""), seed)
    assert len(new.split()) <= max(words, len(TEXT.split()))


def test_a_user_component_keeps_its_placeholder_at_the_end() -> None:
    _, new = reply(message("Ticket: {{text}}", CASES, role="user"))
    assert new.endswith("Ticket: {{text}}")
    assert new.count("{{text}}") == 1


def test_shorten_drops_what_helps_least_first() -> None:
    text = TEXT.replace("vouchers", 'vouchers; "code is refused", "purple elephants", "yellow submarines"')
    news = [reply(message(text, CASES, job="shorten"), seed)[1] for seed in range(20)]
    assert all(len(new.split()) < len(text.split()) and "- lost_parcel" in new for new in news)
    assert any("code is refused" in new and "elephants" not in new for new in news)
    assert not [new for new in news if "elephants" in new and "code is refused" not in new]


def test_merge_unites_what_both_texts_say_about_each_label() -> None:
    first = TEXT.replace("vouchers", 'vouchers; "gift card"')
    second = 'Labels:\n- gift_voucher: coupons; "redeem", "gift card"\n- opening_hours: when the shop is open\n\nAnswer with the label only.'
    _, new = reply(message(first, CASES, job="merge", second=second))
    assert '- gift_voucher: vouchers; "gift card", "redeem"' in new
    assert "- opening_hours: when the shop is open" in new


def test_an_empty_prompt_gets_a_list_of_labels() -> None:
    _, new = reply(message("Sort the message.", CASES))
    assert {"lost_parcel", "gift_voucher", "opening_hours"} == {
        label.name for label in understood([{"role": "system", "content": new}, {"role": "user", "content": "x"}]).labels
    }


def test_draws_differ_and_a_seed_repeats() -> None:
    asked = message(TEXT, CASES)
    assert reply(asked, 5) == reply(asked, 5)
    assert len({reply(asked, seed)[1] for seed in range(12)}) > 6
    assert len({reply(asked, None)[1] for _ in range(12)}) > 3
    assert len({reply(asked, None, 0.0)[1] for _ in range(4)}) == 1


def test_field_tasks_get_form_notes_and_the_words_before_the_values() -> None:
    text = "Extract the booking as JSON.\n\nFields:\n- arrival: arrival\n- price: money"
    gold = [{"arrival": f"2025-05-{day:02d}", "price": 10.5 * day} for day in (11, 12, 13)]
    mails = [f"You come on {d} May 2025\nTax 3.10\nWe bill you {10.5 * d:.2f} then" for d in (11, 12, 13)]
    cases: list[Case] = [
        (m, json.dumps({"arrival": "11 May", "price": "3.10"}), json.dumps(g)) for m, g in zip(mails, gold, strict=True)
    ]
    news = [reply(message(text, cases), seed)[1] for seed in range(10)]
    assert all("as YYYY-MM-DD" in new and "as a number with a dot" in new for new in news)
    assert any('"bill you"' in new for new in news)
    assert any('not "tax"' in new for new in news)
    right = next(new for new in news if '"bill you"' in new)
    got = answer(
        "reader",
        [{"role": "system", "content": right}, {"role": "user", "content": mails[0].replace("11", "21").replace("115.50", "9.99")}],
    )
    assert json.loads(got[0].text)["arrival"] == "2025-05-21"


def test_gepas_reflection_template_is_read_and_answered_in_its_form() -> None:
    gepa = pytest.importorskip("gepa.strategies.instruction_proposal")
    signature = gepa.InstructionProposalSignature
    records = [
        {
            "Inputs": asked,
            "Generated Outputs": said,
            "Feedback": f"The generated response is correct. The response include the correct answer '{expected}'"
            if said == expected
            else f"The generated response is incorrect. The correct answer is '{expected}'. Ensure that the correct answer is included.",
        }
        for asked, said, expected in CASES
    ] * 4
    asked = signature.prompt_renderer(
        {"current_instruction_doc": TEXT, "dataset_with_feedback": records, "prompt_template": signature.default_prompt_template}
    )
    messages: Messages = [{"role": "user", "content": asked}]
    brief = brief_of(messages)
    assert brief is not None
    assert (brief.text, len(brief.cases), brief.own) == (TEXT, 28, False)
    assert [(c.text, c.answer, c.expected, c.failed) for c in brief.cases[:7]] == [(*case, case[1] != case[2]) for case in CASES]
    new = signature.output_extractor(answer("critic", messages, temperature=1.0, seed=1)[0].text)["new_instruction"]
    assert new.startswith("Sort the message.")
    assert '"Until what time are you open?" -> opening_hours' in new
    parsed = understood([{"role": "system", "content": new}, {"role": "user", "content": "x"}])
    assert {label.name for label in parsed.labels} == {"lost_parcel", "gift_voucher", "opening_hours"}
    assert 0 < len(parsed.shots) <= 12


def test_without_a_text_to_edit_it_says_so() -> None:
    assert answer("critic", [{"role": "user", "content": "Improve my prompt, please."}])[0].text == NOTHING
