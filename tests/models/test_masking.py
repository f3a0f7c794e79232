"""No secret in a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.models.masking import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc_DEF-123.", "Incorrect API key provided: ***"),
        ("Authorization: Bearer abc.def-ghi rest", "Authorization: Bearer *** rest"),
        ("GET /v1?key=AbC123&alt=json", "GET /v1?key=***&alt=json"),
        ('{"api_key": "abc123"}', '{"api_key": "***"}'),
        ("x-api-key: abc123", "x-api-key: ***"),
        ("token=abc, done", "token=***, done"),
        ("AIzaSyA1234567890 is blocked", "*** is blocked"),
        ("a monkey and a keyboard: fine", "a monkey and a keyboard: fine"),
        ("Requested tokens (900) exceed context window of 512", "Requested tokens (900) exceed context window of 512"),
        ("Invalid API key: abc123", "Invalid API key: ***"),
        ("Unknown key: temperature", "Unknown key: temperature"),
        ("no server at https://user:pass@host:1/v1", "no server at https://***@host:1/v1"),
        ("several\n  lines\tof text", "several lines of text"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert one_line(text, {}) == shown


def test_values_of_secret_variables_are_masked_wherever_they_stand() -> None:
    environ = {"MY_KEY": "hunter2hunter2", "HF_TOKEN": "abcdef", "APP_SECRET": "short", "PATH": "/usr/bin"}
    environ |= {"WATSONX_APIKEY": "s3same-open", "PGPASSWORD": "correct-horse"}
    assert one_line("no s3same-open for correct-horse", environ) == "no *** for ***"
    assert one_line("xhunter2hunter2x abcdefg short /usr/bin", environ) == "x***x ***g short /usr/bin"


@given(st.text(max_size=400), st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=20))
def test_the_message_is_one_bounded_line_without_the_secret(text: str, secret: str) -> None:
    line = one_line(f"{text} {secret} {text}", {"A_KEY": secret}, limit=80)
    assert len(line) <= 80
    assert len(line.splitlines()) <= 1
    assert secret not in line
