"""What the readers may not know: controls that must keep holding, on a small corpus written for this file."""

from __future__ import annotations

import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from topout.models.embedded import CANNOT, answer
from topout.models.embedded import __file__ as package_file

Messages = list[dict[str, Any]]

DEFINITIONS = {
    "book_return": "giving back a borrowed book, due dates, the return box",
    "late_fee": "money owed for overdue books, fines, how to pay them",
    "room_booking": "reserving a study room or the seminar hall",
    "lost_card": "the library card is gone, stolen or needs replacing",
    "wifi_access": "internet in the building, network password, connection",
    "print_copy": "printing, copying, scanning and the price of a page",
    "event_visit": "readings, workshops and children's afternoons, seats and tickets",
    "donate_books": "offering used books or a collection as a gift",
}
TRAIN = {
    "book_return": [
        "where is the return box after closing time",
        "can i give back a borrowed novel at another branch",
        "when is my book due",
        "i forgot the due date of the atlas",
    ],
    "late_fee": [
        "you fined me two euros although i was ill",
        "how do i pay what i owe for overdue books",
        "is there a fine for every day",
        "i don't owe you this money",
    ],
    "room_booking": [
        "we need a study room for five on friday",
        "is the seminar hall free in june",
        "reserve the small room for our group",
        "can i cancel a room that i reserved",
    ],
    "lost_card": [
        "my library card was stolen with my wallet",
        "i need a replacement card",
        "somebody found my card",
        "the card is gone since the move",
    ],
    "wifi_access": [
        "what's the network password",
        "my laptop gets no connection on the second floor",
        "internet is terribly slow in here",
        "does the guest network need a code",
    ],
    "print_copy": [
        "how much is a colour page",
        "the scanner only makes black pages",
        "can i print from my phone",
        "copying a whole chapter: allowed and at what price",
    ],
    "event_visit": [
        "are there seats left for the reading tonight",
        "does the children's afternoon need tickets",
        "which workshops run in spring",
        "i'd like two tickets for the poet",
    ],
    "donate_books": [
        "do you take used books",
        "my aunt left a collection of maps to give away",
        "i want to donate crime novels",
        "three boxes of books as a gift",
    ],
}
TEST = {
    "book_return": [
        "is the due date of my novel today",
        "may i return borrowed books by post",
        "the return box is full",
        "give the book back where",
    ],
    "late_fee": [
        "pay my fines online",
        "why do i owe money for an overdue film",
        "the fine is wrong",
        "overdue for one day, how much is it",
    ],
    "room_booking": [
        "book the hall for a talk",
        "a study room tomorrow at nine please",
        "reserve a room",
        "is any room free on monday",
    ],
    "lost_card": ["lost my card on the bus", "stolen card, please block it", "replace my library card", "my card is gone"],
    "wifi_access": [
        "password for the internet",
        "no network in the cellar",
        "connection drops all the time",
        "how do i get online with my laptop",
    ],
    "print_copy": ["scan a page to mail", "price of printing", "copy machine eats paper", "print in colour"],
    "event_visit": [
        "tickets for the reading",
        "when is the next workshop",
        "seats for the puppet afternoon",
        "is the poet coming again",
    ],
    "donate_books": [
        "give you my old books",
        "donate a collection",
        "would you like forty used cookbooks as a gift",
        "do you take magazines as donation",
    ],
}
LABELS = sorted(DEFINITIONS)


def accuracy(system: str, shots: list[tuple[str, str]], names: dict[str, str], **more: Any) -> float:
    turns: Messages = [{"role": "system", "content": system}]
    for text, label in shots:
        turns += [{"role": "user", "content": text}, {"role": "assistant", "content": label}]
    rows = [(text, names[label]) for label, texts in TEST.items() for text in texts]
    return sum(answer("reader", [*turns, {"role": "user", "content": t}], **more)[0].text == y for t, y in rows) / len(rows)


def prompt(names: dict[str, str], definitions: dict[str, str] | None) -> str:
    lines = "\n".join(f"- {names[n]}: {definitions[n]}" if definitions else f"- {names[n]}" for n in LABELS)
    return f"Labels:\n{lines}\n\nAnswer with the label only."


SAME = {name: name for name in LABELS}
CODED = {name: f"L{number:02d}" for number, name in enumerate(LABELS)}
ROTATED = {name: DEFINITIONS[LABELS[(number + 3) % len(LABELS)]] for number, name in enumerate(LABELS)}
SHOTS = [(text, label) for label in LABELS for text in TRAIN[label]]


def test_definitions_and_worked_examples_help() -> None:
    bare = accuracy(prompt(SAME, None), [], SAME)
    defined = accuracy(prompt(SAME, DEFINITIONS), [], SAME)
    shown = accuracy(prompt(SAME, None), SHOTS, SAME)
    both = accuracy(prompt(SAME, DEFINITIONS), SHOTS, SAME)
    assert bare < min(defined, shown)
    assert defined < both
    assert bare <= 0.7
    assert both >= 0.9


def test_renamed_labels_without_anything_else_fall_to_chance() -> None:
    assert accuracy(prompt(CODED, None), [], CODED) <= 0.3  # chance is .125, 32 rows


def test_renamed_labels_with_definitions_work_so_the_names_are_not_what_it_knows() -> None:
    assert accuracy(prompt(CODED, DEFINITIONS), [], CODED) >= 0.6


def test_definitions_under_wrong_labels_hurt() -> None:
    right, wrong = accuracy(prompt(CODED, DEFINITIONS), [], CODED), accuracy(prompt(CODED, ROTATED), [], CODED)
    assert wrong <= 0.2
    assert right - wrong >= 0.4
    assert accuracy(prompt(SAME, ROTATED), [], SAME) < accuracy(prompt(SAME, None), [], SAME)


def test_shuffled_outputs_of_worked_examples_hurt() -> None:
    outputs = [label for _, label in SHOTS]
    random.Random(5).shuffle(outputs)
    shuffled = [(text, label) for (text, _), label in zip(SHOTS, outputs, strict=True)]
    assert accuracy(prompt(SAME, None), shuffled, SAME) <= accuracy(prompt(SAME, None), SHOTS, SAME) - 0.3


def test_no_labels_no_answers() -> None:
    assert accuracy("You help in a library. Answer with the label only.", [], SAME) == 0.0
    reply = answer("reader", [{"role": "system", "content": "Classify."}, {"role": "user", "content": "password for the internet"}])
    assert [(one.text, one.finish_reason) for one in reply] == [(CANNOT, "stop")]


def test_no_word_about_the_form_no_exact_match() -> None:
    assert accuracy("Labels:\n" + "\n".join(f"- {n}: {d}" for n, d in DEFINITIONS.items()), [], SAME) == 0.0


def test_reader_small_is_the_weaker_one() -> None:
    rows = [(text, label) for label, texts in TEST.items() for text in texts]
    right = {
        model: sum(
            answer(model, [{"role": "system", "content": prompt(SAME, DEFINITIONS)}, {"role": "user", "content": t}])[0].text == y
            for t, y in rows
        )
        for model in ("reader", "reader-small")
    }
    assert right["reader-small"] < right["reader"]


def test_hotter_is_worse_and_a_seed_repeats() -> None:
    system = prompt(SAME, DEFINITIONS)
    cold, hot = accuracy(system, [], SAME), sum(accuracy(system, [], SAME, temperature=1.5, seed=s) for s in range(5)) / 5
    assert hot < cold
    asked: Messages = [{"role": "system", "content": system}, {"role": "user", "content": "a room with internet for a reading"}]
    once = [answer("reader", asked, temperature=1.0, seed=s)[0].text for s in range(40)]
    assert once == [answer("reader", asked, temperature=1.0, seed=s)[0].text for s in range(40)]
    assert len(set(once)) > 1


def test_without_a_seed_every_draw_is_fresh_and_temperature_0_is_fixed() -> None:
    asked: Messages = [{"role": "system", "content": prompt(SAME, None)}, {"role": "user", "content": "hm"}]
    assert len({answer("reader", asked, temperature=1.5)[0].text for _ in range(60)}) > 1
    assert len({one.text for one in answer("reader", asked, temperature=1.5, n=60)}) > 1
    assert len({answer("reader", asked)[0].text for _ in range(5)}) == 1


def test_ties_fall_differently_for_different_questions() -> None:
    system = prompt(CODED, None)
    given = {
        answer("reader", [{"role": "system", "content": system}, {"role": "user", "content": f"zzz{i}"}])[0].text for i in range(60)
    }
    assert len(given) > 4


def test_the_code_holds_no_label_of_a_task() -> None:
    """Names in code spelling that the sources quote are parts of formats, never labels."""
    for path in Path(package_file).parent.glob("*.py"):
        for quoted in re.findall(
            r"[\"']([a-z]+_[a-z_]+)[\"']", re.sub(r"__all__ = \[[^\]]*\]", "", path.read_text(encoding="utf-8"))
        ):
            assert quoted in ALLOWED, f"{path.name}: {quoted}"


ALLOWED = {
    "json_object", "json_schema", "chain_of_thought", "max_tokens", "max_completion_tokens", "response_format", "latency_ms", "prompt_tokens",
    "completion_tokens", "total_tokens", "is_finished", "finish_reason", "tool_use", "max_input_tokens", "max_output_tokens",
    "input_cost_per_token", "output_cost_per_token", "cache_creation_input_token_cost", "cache_read_input_token_cost", "litellm_provider", "custom_handler",
}  # fmt: skip


def test_a_call_costs_less_than_a_third_of_a_millisecond() -> None:
    names = {f"{a}_{b}": f"{a} {b}" for a in ("red", "green", "blue") for b in ("door", "roof", "wall", "gate", "floor", "lamp")}
    system = (
        "Labels:\n"
        + "\n".join(f"- {n}: about a {d}, its paint and its price" for n, d in names.items())
        + "\nAnswer with the label only."
    )
    texts = [f"{text} {i}" for i, text in enumerate(t for texts in TEST.values() for t in texts)]

    def cpu_s() -> float:
        start = time.process_time()
        for text in texts:
            answer("reader", [{"role": "system", "content": system}, {"role": "user", "content": f"Ticket: {text}"}])
        return (time.process_time() - start) / len(texts)

    cpu_s()
    assert min(cpu_s() for _ in range(5)) < 0.0003


@pytest.mark.parametrize(
    "unit", ["a ", "\n", " ", "1 ", "1,", "a_b, ", "Input: x\n", "A.B-", "<a>", "not ", "x: y\n", '"', "March 1 "]
)
def test_strange_long_input_costs_no_more_than_its_length(unit: str) -> None:
    """No pattern may walk a long run again and again. Two seconds is some thirty times of what these take."""
    junk = (unit * 20_000)[:20_000]
    labels, fields = "Labels:\n- a_b: x\n- c_d: y\nAnswer only.", "Extract as JSON:\n- price: the total, as a number\n- guest: who"
    start = time.process_time()
    for system, user in ((labels, junk), (fields, junk), (f"{labels}\n{junk}", "x")):
        answer("reader", [{"role": "system", "content": system}, {"role": "user", "content": user}])
    answer("reader", [{"role": "user", "content": f"{labels}\n{junk}"}])
    assert time.process_time() - start < 2.0


@pytest.mark.slow
def test_a_real_corpus_reaches_the_specified_range() -> None:
    """TOPOUT_INTENTS_DIR holds train.jsonl and test.jsonl with `text` and `intent`."""
    folder = os.environ.get("TOPOUT_INTENTS_DIR")
    if not folder:
        pytest.skip("TOPOUT_INTENTS_DIR is not set")
    rows = {
        part: [json.loads(line) for line in (Path(folder) / f"{part}.jsonl").open(encoding="utf-8")] for part in ("train", "test")
    }
    names = sorted({row["intent"] for row in rows["train"]})
    system = "Labels:\n" + "\n".join(f"- {n}" for n in names) + "\nAnswer with the label only."
    shots: Messages = []
    for name in names:
        for row in [row for row in rows["train"] if row["intent"] == name][:4]:
            shots += [{"role": "user", "content": row["text"]}, {"role": "assistant", "content": name}]

    def share(turns: Messages) -> float:
        head: Messages = [{"role": "system", "content": system}, *turns]
        right: list[bool] = [
            answer("reader", [*head, {"role": "user", "content": r["text"]}])[0].text == r["intent"] for r in rows["test"]
        ]
        return len([one for one in right if one]) / len(right)

    bare, shown = share([]), share(shots)
    assert 0.4 < bare < 0.75
    assert shown > bare + 0.08
