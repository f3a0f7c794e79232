"""What the ledger sets aside for a call."""

from __future__ import annotations

import json

from topout.domain import Message, Request, Usage
from topout.models.estimate import Bounds


def test_every_byte_of_messages_and_schema_may_be_a_token() -> None:
    schema = json.dumps({"enum": ["退款", "发票"]}, ensure_ascii=False)
    request = Request(
        "m", (Message("system", "Antworte auf Deutsch, größer."), Message("user", "日本")), max_output_tokens=7, json_schema=schema
    )
    prompt, output = Bounds().of(request)
    assert prompt == 31 + 16 + 6 + 16 + len(schema.encode()) + 16
    assert output == 7


def test_a_call_that_took_more_than_its_bound_raises_all_later_ones_of_its_model() -> None:
    bounds, request = Bounds(), Request("m", (Message("user", "x" * 68),), max_output_tokens=10)
    bounds.learn(request, Usage(200, 5))
    assert bounds.of(request) == (200.0, 10.0)
    bounds.learn(request, Usage(100, 30))
    assert bounds.of(request) == (200.0, 30.0)
    assert bounds.of(Request("other", request.messages, max_output_tokens=10)) == (100.0, 10.0)
