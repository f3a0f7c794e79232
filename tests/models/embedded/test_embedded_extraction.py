"""Fields out of mails, on mails written for this file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from topout.models.embedded import CANNOT, answer, understood
from topout.models.embedded.candidates import candidates, number_of

Messages = list[dict[str, Any]]

SYSTEM = """Read the booking and answer with one JSON object. Fields:
- booking_code: the code of the booking as written
- arrival_date: the day of arrival, YYYY-MM-DD
- guest: the person who books
- price: the total price as a number
- checkout_date: the day of departure, YYYY-MM-DD, null when none is given"""


def said(system: str, text: str, *turns: tuple[str, str], **more: Any) -> str:
    messages: Messages = [{"role": "system", "content": system}]
    for asked, reply in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": reply}]
    return answer("reader", [*messages, {"role": "user", "content": text}], **more)[0].text


def test_good_descriptions_alone_get_fields_right() -> None:
    text = (
        "Booking code: HX-2041\nGuest: Ida Moor\nArrival: 3 May 2025\nDeparture: 6 May 2025\nRoom 120.00\nTotal price: 360.00 EUR"
    )
    assert json.loads(said(SYSTEM, text)) == {
        "booking_code": "HX-2041",
        "arrival_date": "2025-05-03",
        "guest": "Ida Moor",
        "price": 360.0,
        "checkout_date": "2025-05-06",
    }


def test_an_absent_value_is_null_when_the_prompt_asks_for_null() -> None:
    text = "Booking code: HX-2042\nGuest: Tom Lund\nArrival: 4 May 2025\nTotal price: 99.00 EUR"
    assert json.loads(said(SYSTEM, text))["checkout_date"] is None


def test_nothing_is_normalised_that_nobody_asked_for() -> None:
    system = "Extract these fields as JSON:\n- arrival_date: when the guest arrives\n- price: what it costs in total"
    assert json.loads(said(system, "Arrival: 04.05.2025\nTotal price: 1.099,00 EUR")) == {
        "arrival_date": "04.05.2025",
        "price": "1.099,00",
    }
    asked = system.replace("arrives", "arrives, as YYYY-MM-DD").replace("in total", "in total, as a number")
    assert json.loads(said(asked, "Arrival: 04.05.2025\nTotal price: 1.099,00 EUR")) == {
        "arrival_date": "2025-05-04",
        "price": 1099,
    }


def test_a_quoted_phrase_in_a_description_finds_the_place() -> None:
    text = "Zug um Zug 17.10\nWelle 88.20\nKram 12.00"
    bare = "Extract as JSON:\n- price: the money, as a number\n- fee: the other money, as a number"
    assert json.loads(said(bare.replace("the money", 'the money; "welle"'), text))["price"] == 88.2
    assert json.loads(said(bare.replace("the money", 'the money; "kram"'), text))["price"] == 12.0


def mail(number: int) -> tuple[str, dict[str, object]]:
    names = [
        "Ada Stone",
        "Ben Vale",
        "Cleo Marsh",
        "Dora Pike",
        "Egon Frost",
        "Fay Holt",
        "Gus Reed",
        "Hana Birch",
        "Ivo Dale",
        "Jane Moss",
    ]
    name, code, day, money = names[number % 10], f"Z{4100 + 37 * number}", 1 + number, 50.5 + 13 * number
    end = None if number % 3 == 0 else f"2025-07-{day + 2:02d}"
    text = (
        f"ref 88{number}1 / file {code}\nparty {name} / desk 4\nfrom 2025-07-{day:02d}"
        + (f" until {end}" if end else "")
        + f"\nextras 9.50 / all in {money:.2f}"
    )
    return text, {"booking_code": code, "arrival_date": f"2025-07-{day:02d}", "guest": name, "price": money, "checkout_date": end}


def test_worked_examples_teach_a_layout_and_more_of_them_more() -> None:
    rows = [mail(i) for i in range(20)]

    def fields_right(shots: int) -> float:
        turns = [(text, json.dumps(gold)) for text, gold in rows[10 : 10 + shots]]
        right = total = 0
        for text, gold in rows[:10]:
            got = json.loads(said(SYSTEM, text, *turns))
            right += sum(got[key] == gold[key] for key in gold)
            total += len(gold)
        return right / total

    none, one, ten = fields_right(0), fields_right(1), fields_right(10)
    assert none < one <= ten
    assert ten >= 0.94


def test_worked_examples_fill_fields_that_no_text_names() -> None:
    turns = [(text, json.dumps(gold)) for text, gold in (mail(i) for i in range(10, 18))]
    text, gold = mail(4)
    assert json.loads(said("Do as shown.", text, *turns)) == gold


def test_a_schema_names_the_fields_and_their_types() -> None:
    schema = {
        "type": "object",
        "properties": {
            "arrival_date": {"type": "string", "format": "date"},
            "price": {"type": "number", "description": "total price"},
            "board": {"enum": ["breakfast", "full"]},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    reply = said("Read the booking.", "Arrival 5 June 2025, full board, total price 210.00", response_format=wanted)
    assert json.loads(reply) == {"arrival_date": "2025-06-05", "price": 210.0, "board": "full"}


def test_a_template_names_the_fields() -> None:
    parsed = understood(
        [
            {"role": "system", "content": 'Reply as {"code": "", "arrival_date": "YYYY-MM-DD", "price": 0}'},
            {"role": "user", "content": "x"},
        ]
    )
    assert [(field.name, field.kind) for field in parsed.fields] == [("code", "id"), ("arrival_date", "date"), ("price", "number")]


def test_one_key_without_a_list_to_choose_from_is_not_guessed() -> None:
    assert CANNOT in said('Reply as {"answer": "..."}', "What is 17 times 3?")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2025-03-14", "2025-03-14"), ("14.03.2025", "2025-03-14"), ("March 14, 2025", "2025-03-14"), ("14 Mar 25", "2025-03-14"),
        ("14th of March 2025", "2025-03-14"), ("20250314", "2025-03-14"), ("Mar 14th 2025", "2025-03-14"), ("14-Mar-2025", "2025-03-14"),
    ],
)  # fmt: skip
def test_dates_are_read_in_many_spellings(written: str, value: str) -> None:
    assert value in [one.value for one in candidates(f"on {written} at noon", "date")]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1.249,50", 1249.5),
        ("1,249.50", 1249.5),
        ("1249.5", 1249.5),
        ("1.249", 1249.0),
        ("12,5", 12.5),
        ("1'200.00", 1200.0),
        ("-3.20", -3.2),
        ("x", None),
    ],
)
def test_numbers_are_read_with_either_decimal_sign(written: str, value: float | None) -> None:
    assert number_of(written) == value
