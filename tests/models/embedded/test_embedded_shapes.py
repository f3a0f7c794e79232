"""Every prompt shape that the reader must read alike, each with the same small task."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from topout.models.embedded import CANNOT, answer, understood

Messages = list[dict[str, Any]]

DEFINITIONS = {
    "lost_parcel": "the parcel has not arrived or tracking stands still",
    "opening_hours": "asks when the shop is open, on which days and until what time",
    "complaint_staff": "somebody who works here was rude or unhelpful",
    "gift_voucher": "buying, redeeming or extending a gift voucher",
}
QUERIES = {
    "Tracking has not moved, where is my parcel?": "lost_parcel",
    "Until what time are you open on Sundays?": "opening_hours",
    "Your colleague at the till was rude to my mother": "complaint_staff",
    "Can I still redeem a gift voucher from last year?": "gift_voucher",
}
SHOTS = {
    "The courier never rang and nothing came": "lost_parcel",
    "Is the store closed on bank holidays?": "opening_hours",
    "He rolled his eyes and walked off": "complaint_staff",
    "My code for forty euros is refused at checkout": "gift_voucher",
}
SHOT_QUERIES = {
    "the courier never came to us": "lost_parcel",
    "are you closed on the holidays": "opening_hours",
    "she rolled her eyes at me": "complaint_staff",
    "checkout refused the code": "gift_voucher",
}

BARE = ", ".join(DEFINITIONS)
LIST = "\n".join(f"- {n}" for n in DEFINITIONS)
BULLETS = "\n".join(f"- {n}: {d}" for n, d in DEFINITIONS.items())
ONLY = "Answer with the label only."

DEFINITION_SHAPES = {
    "bullets": f"Classify the message.\n\nLabels:\n{BULLETS}\n\n{ONLY}",
    "numbered bold": "Choose one category:\n"
    + "\n".join(f"{i}. **{n}**: {d}" for i, (n, d) in enumerate(DEFINITIONS.items(), 1))
    + f"\n{ONLY}",
    "bold with the colon inside": "Intents:\n" + "\n".join(f"* **{n}:** {d}" for n, d in DEFINITIONS.items()) + f"\n{ONLY}",
    "backticks and dashes": "Possible classes:\n" + "\n".join(f"- `{n}` — {d}" for n, d in DEFINITIONS.items()) + f"\n\n{ONLY}",
    "table": "| label | meaning |\n|---|---|\n" + "\n".join(f"| {n} | {d} |" for n, d in DEFINITIONS.items()) + f"\n\n{ONLY}",
    "plain lines": "Pick one of the following:\n\n" + "\n".join(f"{n}: {d}" for n, d in DEFINITIONS.items()) + f"\n\n{ONLY}",
    "headings": "\n".join(f"### {n}\n{d}\n" for n, d in DEFINITIONS.items()) + f"\n## Format\n{ONLY}",
    "sub-bullets": "Labels:\n" + "\n".join(f"- {n}\n  - {d}" for n, d in DEFINITIONS.items()) + f"\n\n{ONLY}",
    "use when": " ".join(f"Use {n} when {d}." for n, d in DEFINITIONS.items()) + f" {ONLY}",
    "if then": " ".join(f"If it is about this: {d}, the answer is `{n}`." for n, d in DEFINITIONS.items()) + f" {ONLY}",
}


def system_and_user(system: str, query: str) -> Messages:
    return [{"role": "system", "content": system}, {"role": "user", "content": query}]


def said(messages: Messages, **more: Any) -> str:
    return answer("reader", messages, **more)[0].text


@pytest.mark.parametrize("shape", DEFINITION_SHAPES)
@pytest.mark.parametrize("user", ["{}", "Message: {}", "Support ticket:\n{}", "Text: {}\nLabel:", '"{}"', "<message>{}</message>"])
def test_definitions_are_read_in_every_shape(shape: str, user: str) -> None:
    for query, label in QUERIES.items():
        assert said(system_and_user(DEFINITION_SHAPES[shape], user.format(query))) == label


@pytest.mark.parametrize("shape", DEFINITION_SHAPES)
def test_every_shape_yields_exactly_the_labels(shape: str) -> None:
    assert sorted(label.name for label in understood(system_and_user(DEFINITION_SHAPES[shape], "x")).labels) == sorted(DEFINITIONS)


@pytest.mark.parametrize(
    "line",
    [
        f"Classify into one of: {BARE}.",
        f"Labels: {BARE}",
        f"Choose exactly one of these labels: [{BARE}]",
        f"The categories are {BARE.replace(', gift', ' and gift')}, so choose one of {BARE}.",
        "Pick one (the options: " + " | ".join(DEFINITIONS) + ")",
        "Return one of the following labels: " + "; ".join(f"`{n}`" for n in DEFINITIONS) + ".",
    ],
)
def test_an_inline_list_reads_as_bare_labels(line: str) -> None:
    parsed = understood(system_and_user(f"{line}\n{ONLY}", "x"))
    assert [label.name for label in parsed.labels] == list(DEFINITIONS)
    assert all(not label.definition for label in parsed.labels)


def shot_prompts(query: str) -> dict[str, Messages]:
    head = f"Choose one label.\nLabels:\n{LIST}"
    pairs = list(SHOTS.items())
    turns: Messages = [{"role": "system", "content": head}]
    for text, label in pairs:
        turns += [{"role": "user", "content": f"Ticket: {text}"}, {"role": "assistant", "content": label}]
    one = "\n\n".join
    return {
        "chat turns": [*turns, {"role": "user", "content": f"Ticket: {query}"}],
        "one user message": [
            {"role": "user", "content": one([head, *(f"Input: {t}\nOutput: {o}" for t, o in pairs), f"Input: {query}\nOutput:"])}
        ],
        "Q and A": [{"role": "user", "content": one([head, *(f"Q: {t}\nA: {o}" for t, o in pairs), f"Q: {query}\nA:"])}],
        "text and intent": [
            {"role": "user", "content": one([head, *(f"Text: {t}\nIntent: {o}" for t, o in pairs), f"Text: {query}\nIntent:"])}
        ],
        "xml": system_and_user(
            one([head, *(f"<example>\n<input>{t}</input>\n<output>{o}</output>\n</example>" for t, o in pairs)]), query
        ),
        "xml with markers inside": system_and_user(
            one([head, *(f"<example>\nText: {t}\nLabel: {o}\n</example>" for t, o in pairs)]), query
        ),
        "arrows": system_and_user(one([head, "Examples:\n" + "\n".join(f'"{t}" -> {o}' for t, o in pairs)]), query),
        "numbered examples": system_and_user(
            one([head, *(f"Example {i}\nMessage: {t}\nCategory: {o}" for i, (t, o) in enumerate(pairs, 1))]), f"Message: {query}"
        ),
    }


@pytest.mark.parametrize("shape", shot_prompts("x"))
def test_worked_examples_are_read_in_every_shape(shape: str) -> None:
    parsed = understood(shot_prompts("x")[shape])
    assert [(shot.text, value) for shot, value in zip(parsed.shots, parsed.answers, strict=True)] == list(SHOTS.items())
    for query, label in SHOT_QUERIES.items():
        assert said(shot_prompts(query)[shape]) == label


def test_labels_are_known_from_worked_examples_alone() -> None:
    turns: Messages = [{"role": "system", "content": "Do as shown."}]
    for text, label in SHOTS.items():
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
    for query, label in SHOT_QUERIES.items():
        assert said([*turns, {"role": "user", "content": query}]) == label


@pytest.mark.parametrize("adapter", ["chat", "json"])
@pytest.mark.parametrize("kind", ["literal", "prose", "thinking"])
def test_the_messages_of_dspy_adapters_are_read(adapter: str, kind: str) -> None:
    dspy = pytest.importorskip("dspy")
    names = tuple(DEFINITIONS)
    typed: Any = Literal[names] if kind == "literal" else str
    signature = dspy.Signature(
        {"text": (str, dspy.InputField()), "category": (typed, dspy.OutputField())}, f"Sort the message.\n\nLabels:\n{BULLETS}"
    )
    if kind == "thinking":
        signature = dspy.ChainOfThought(signature).predict.signature
    demos = [dspy.Example(text=t, category=o) for t, o in SHOTS.items()]
    writer = dspy.ChatAdapter() if adapter == "chat" else dspy.JSONAdapter()
    for query, label in {**QUERIES, **SHOT_QUERIES}.items():
        messages = writer.format(signature, demos, {"text": query})
        assert writer.parse(signature, said(messages))["category"] == label
    assert sorted(n.name for n in understood(messages).labels) == sorted(DEFINITIONS)


@pytest.mark.parametrize("adapter", ["chat", "json"])
def test_dspy_signatures_with_several_outputs_are_filled(adapter: str) -> None:
    dspy = pytest.importorskip("dspy")
    signature = dspy.Signature(
        {
            "text": (str, dspy.InputField()),
            "booking_date": (str, dspy.OutputField(desc="the date of the booking, YYYY-MM-DD")),
            "total": (float, dspy.OutputField(desc="grand total as a number")),
        },
        "Read the booking.",
    )
    writer = dspy.ChatAdapter() if adapter == "chat" else dspy.JSONAdapter()
    messages = writer.format(signature, [], {"text": "Booking date: 3 May 2025\nGrand total: EUR 1.204,50"})
    assert writer.parse(signature, said(messages)) == {"booking_date": "2025-05-03", "total": 1204.5}


def test_the_messages_of_gepas_default_adapter_are_read() -> None:
    for query, label in QUERIES.items():
        assert said(system_and_user(DEFINITION_SHAPES["bullets"], query)) == label


def test_a_promptfoo_template_in_one_message_is_read() -> None:
    template = f"You route messages of a shop.\n\nThe label must be one of these:\n{BULLETS}\n\nRespond with only the label, no explanation.\n\nMessage: {{}}"
    for query, label in QUERIES.items():
        assert said([{"role": "user", "content": template.format(query)}]) == label


def test_an_instruction_behind_the_question_counts_as_instruction() -> None:
    messages = system_and_user(f"Labels:\n{BULLETS}", "Message:\nUntil what time are you open?\n\nAnswer with the label only.")
    assert said(messages) == "opening_hours"


def test_key_value_lines_inside_a_question_are_no_markers() -> None:
    mail = "Hello,\nparcel: 123\nmessage: please call\ntext: where is it, tracking stands still"
    parsed = system_and_user(DEFINITION_SHAPES["bullets"], mail)
    assert said(parsed) == "lost_parcel"
    from topout.models.embedded.splitting import split

    assert split(parsed).query == mail


def test_content_in_parts_is_read_like_text() -> None:
    messages: Messages = [
        {"role": "system", "content": [{"type": "text", "text": DEFINITION_SHAPES["bullets"]}]},
        {"role": "user", "content": [{"type": "text", "text": "Until what time are you open?"}]},
    ]
    assert said(messages) == "opening_hours"


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (f"Labels:\n{BULLETS}\n\nAnswer with the label only.", "opening_hours"),
        (f"Labels:\n{BULLETS}\n\nReply with JSON: " + '{"intent": "<label>"}', '{"intent": "opening_hours"}'),
        (f"Labels:\n{BULLETS}\n\nReturn a JSON object with the key `category`.", '{"category": "opening_hours"}'),
        (f"Labels:\n{BULLETS}\n\nEnd with this line:\nAnswer: <label>", "Answer: opening_hours"),
        (f"Labels:\n{BULLETS}\n\nPut it in tags: <answer>label</answer>", "<answer>opening_hours</answer>"),
        (f"Labels:\n{BULLETS}", "This looks like opening_hours to me."),
    ],
)
def test_the_answer_has_the_form_that_the_instruction_asks_for(system: str, expected: str) -> None:
    assert said(system_and_user(system, "Until what time are you open on Sunday?")) == expected


@pytest.mark.parametrize("form", ["{}", "Label: {}", '{{"label": "{}"}}', "<l>{}</l>", "It is {}!"])
def test_the_answer_has_the_form_of_the_worked_examples_first(form: str) -> None:
    turns: Messages = [{"role": "system", "content": f"Labels:\n{BULLETS}\nAnswer in one word only."}]
    for text, label in SHOTS.items():
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": form.format(label)}]
    assert said([*turns, {"role": "user", "content": "are you closed on the holidays"}]) == form.format("opening_hours")


def test_a_forced_json_object_is_json_and_a_schema_gives_labels_and_key() -> None:
    query = system_and_user(f"Labels:\n{BULLETS}\n{ONLY}", "Until what time are you open?")
    assert said(query, response_format={"type": "json_object"}) == '{"label": "opening_hours"}'
    schema = {"type": "object", "properties": {"kind": {"enum": list(DEFINITIONS)}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert said(system_and_user("Sort this.", "my gift voucher"), response_format=wanted) == '{"kind": "gift_voucher"}'


def test_without_labels_it_says_so_instead_of_guessing() -> None:
    for system in ("You are a helpful assistant.", "Classify the message. Answer with the label only.", ""):
        assert said(system_and_user(system, "Until what time are you open?")) == CANNOT
    assert said([{"role": "user", "content": "What is 17 times 3?"}]) == CANNOT


def test_sentences_of_no_use_are_listed() -> None:
    parsed = understood(system_and_user(f"You are a wise owl.\n\nLabels:\n{BULLETS}\n\nThink step by step.", "x"))
    assert parsed.unused == ("You are a wise owl.", "Think step by step.")


def test_quoted_phrases_speak_for_a_label_and_behind_not_against_it() -> None:
    parsed = understood(
        system_and_user('Labels:\n- a_one: first; "red door"; not b_two ("blue door", "tall gate")\n- b_two: "tall gate"', "x")
    )
    assert [(label.cues, label.anti) for label in parsed.labels] == [
        (("red door",), ("blue door", "tall gate")),
        (("tall gate",), ()),
    ]
