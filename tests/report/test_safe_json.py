from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from topout.report.words import UNSEEN, safe_json


def test_what_would_steer_a_terminal_is_escaped() -> None:
    said = safe_json(json.dumps({"a": "del\x7f c1\x9b31m bidi\u202e tag\U000e0041 e\u0301"}, ensure_ascii=False))
    assert said == '{"a": "del\\u007f c1\\u009b31m bidi\\u202e tag\\udb40\\udc41 e\u0301"}'


@given(st.text())
def test_the_document_says_what_it_said(text: str) -> None:
    for ascii_only in (False, True):
        said = safe_json(json.dumps([text], ensure_ascii=ascii_only))
        assert json.loads(said) == [text]
        assert UNSEEN.search(said) is None
