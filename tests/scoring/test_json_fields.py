from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.contracts import Scorer
from topout.domain import Example, Json, Scored
from topout.errors import ScorerError
from topout.scoring import json_fields
from topout.scoring.fields import json_check

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {"number": {"type": "string"}, "total": {"type": "number"}, "day": {"type": ["string", "null"]}},
    "required": ["number", "total", "day"],
    "additionalProperties": False,
}
GOLD: dict[str, Json] = {"number": "A-1", "total": 1249.5, "day": None}


def judge(scorer: Scorer, answer: str, expected: Json = None) -> Scored:
    score = scorer(answer, Example("1", {}, GOLD if expected is None else expected))
    assert isinstance(score, Scored)
    return score


def test_a_right_object_gets_full_credit_in_any_spelling() -> None:
    score = judge(json_fields(schema=SCHEMA), '{"day": null, "total": 1249.50, "number": " A-1"}')
    assert score == Scored(1.0, "", {"number": 1.0, "total": 1.0, "day": 1.0, "schema": 1.0})


def test_wrong_fields_are_named_with_both_values() -> None:
    score = judge(json_fields(schema=SCHEMA), '{"number": "A-1", "total": 1294.5}')
    assert score.value == pytest.approx(1 / 3)
    assert score.feedback == (
        "field total: expected 1249.5, got 1294.5; field day: expected null, got none; schema: 'day' is a required property"
    )
    assert score.parts == {"number": 1.0, "total": 0.0, "day": 0.0, "schema": 0.0}


def test_a_value_of_the_wrong_type_is_wrong() -> None:
    score = judge(json_fields(schema=SCHEMA), '{"number": "A-1", "total": "1249.5", "day": null}')
    assert score.value == pytest.approx(2 / 3)
    assert score.feedback == "field total: expected 1249.5, got \"1249.5\" ('1249.5' is not of type 'number')"


def test_a_key_that_nobody_asked_for_costs_a_field() -> None:
    score = judge(json_fields(), '{"number": "A-1", "total": 1249.5, "day": null, "mood": "good"}')
    assert (score.value, score.feedback) == (0.75, "field mood: not asked for")


def test_credit_all_is_all_or_nothing() -> None:
    strict = json_fields(schema=SCHEMA, credit="all")
    assert judge(strict, json.dumps(GOLD)).value == 1.0
    assert judge(strict, '{"number": "A-1", "total": 1249.5, "day": ""}').value == 0.0


@pytest.mark.parametrize("end", ["\n```", ""])
def test_an_answer_of_blanks_costs_no_minutes(end: str) -> None:
    """A model that is held to JSON may write nothing but blanks up to its token limit. Quadratic, this would take ten minutes."""
    began = time.process_time()
    assert judge(json_fields(), "```json\n{" + " " * 90_000 + '"number": "A-1"}' + end).value == pytest.approx(1 / 3 if end else 0)
    assert time.process_time() - began < 5


def test_one_fenced_block_is_accepted_unless_refused() -> None:
    answer = f"```json\n{json.dumps(GOLD)}\n```"
    assert judge(json_fields(), answer).value == 1.0
    score = judge(json_fields(fences=False), answer)
    assert score.value == 0.0
    assert score.feedback.endswith("the answer is not JSON: it stands in a fence, only the object was asked")


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("", "the answer is not JSON: it is empty"),
        ('{"total": NaN}', "the answer is not JSON: NaN is no JSON value"),
        ("[1]", "the answer is no JSON object: [1]"),
        ("[" * 90_000, "the answer is not JSON: it is nested more than 64 deep"),
        ("Sure!", "the answer is not JSON: Expecting value at line 1 column 1: 'Sure!'"),
    ],
)
def test_what_is_no_object_scores_nothing_and_says_why(answer: str, end: str) -> None:
    score = judge(json_fields(), answer)
    assert score.value == 0.0
    assert score.feedback == f'expected {{"number": "A-1", "total": 1249.5, "day": null}}, but {end}'


def test_kinds_say_how_a_field_is_compared() -> None:
    scorer = json_fields(kinds={"name": "casefold", "n": "exact"}, tolerance=0.01)
    gold: Json = {"name": "ACME Ltd", "n": 1, "x": 2.0, "ok": True}
    assert judge(scorer, '{"name": "Acme LTD", "n": 1, "x": 2.009, "ok": true}', gold).value == 1.0
    assert judge(scorer, '{"name": "Acme LTD", "n": 1.0, "x": 2.1, "ok": 1}', gold).value == 0.25


def test_a_huge_number_is_only_wrong() -> None:
    assert judge(json_fields(), '{"number": "A-1", "total": 1' + "0" * 400 + ', "day": null}').value == pytest.approx(2 / 3)


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no valid JSON Schema"):
        json_fields(schema={"type": "objekt"})


def test_a_row_that_breaks_its_own_schema_is_named() -> None:
    assert json_check(SCHEMA)(GOLD) == ""
    assert json_check(SCHEMA)("x") == "expected a JSON object, found x."
    wrong: Json = {**GOLD, "total": "12"}
    assert json_check(SCHEMA)(wrong) == "the expected object breaks the schema: field total: '12' is not of type 'number'."


JSON_VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=4), JSON_VALUES)
def test_the_expected_object_is_right_and_any_value_is_between_0_and_1(gold: dict[str, Json], other: Json) -> None:
    assert judge(json_fields(), json.dumps(gold), gold).value == 1.0
    assert 0.0 <= judge(json_fields(), json.dumps(other), gold).value <= 1.0


class Asked(BaseHTTPRequestHandler):
    """A server that somebody's schema refers to."""

    paths: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"type": "string"}')


def test_a_schema_decides_no_address_that_is_called() -> None:
    with HTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        schema: dict[str, Json] = {"properties": {"number": {"$ref": f"http://127.0.0.1:{server.server_port}/number.json"}}}
        with pytest.raises(ScorerError, match=r"the schema refers to 'http://127.0.0.1:\d+/number.json', which is not in it"):
            judge(json_fields(schema=schema), '{"number": "A-1"}')
        server.shutdown()
    assert Asked.paths == []


def test_a_schema_may_refer_to_what_it_holds_and_nothing_else() -> None:
    held: dict[str, Json] = {"properties": {"number": {"$ref": "#/$defs/text"}}, "$defs": {"text": {"type": "string"}}}
    assert judge(json_fields(schema=held), json.dumps(GOLD)).value == 1.0
    assert judge(json_fields(schema=held), json.dumps({**GOLD, "number": 1})).value < 1.0
    for elsewhere in ("#/$defs/number", "file:///etc/passwd", "other.json"):
        schema: dict[str, Json] = {"properties": {"number": {"$ref": elsewhere}}}
        with pytest.raises(ScorerError, match="nothing is fetched"):
            json_check(schema)(GOLD)


def test_a_schema_that_never_comes_to_an_end_and_an_answer_too_deep_for_it_are_faults_and_no_crash() -> None:
    assert json_check({"$ref": "#"})(GOLD) == "the expected object breaks the schema: nested too deeply to be checked."
    inner: dict[str, Json] = {"properties": {"c": {"$ref": "#"}}}
    for _ in range(20):
        inner = {"allOf": [inner]}
    answer = '{"c":' * 60 + "null" + "}" * 60
    assert judge(json_fields(schema={**inner, "type": ["object", "null"]}), answer, {"c": None}).parts["schema"] == 0.0
