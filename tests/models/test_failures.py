"""What a provider's refusal means."""

from __future__ import annotations

import pytest

from topout.domain import FailureKind
from topout.models.failures import classify, essence, unsupported_parameters


@pytest.mark.parametrize(
    ("status", "words", "name", "kind", "again"),
    [
        (429, "slow down", "RateLimitError", "outage", True),
        (429, "Error code: 429 - {'code': 'insufficient_quota'}", "RateLimitError", "quota", False),
        (429, "You exceeded your current quota, please check your plan", "RateLimitError", "outage", True),
        (402, "payment required", "BadRequestError", "quota", False),
        (400, "Your credit balance is too low to access the API", "BadRequestError", "quota", False),
        (500, "boom", "BadRequestError", "outage", True),
        (503, "boom", "BadRequestError", "outage", True),
        (529, "overloaded", "InternalServerError", "outage", True),
        (408, "timed out", "Timeout", "outage", True),
        (200, "Unable to get json response", "APIError", "outage", True),
        (None, "odd", "KeyError", "outage", True),
        (401, "bad key", "AuthenticationError", "auth", False),
        (403, "forbidden", "APIError", "auth", False),
        (500, "Missing credentials. Please pass an `api_key`", "InternalServerError", "auth", False),
        (500, "Missing Gemini API key. Set the GEMINI_API_KEY", "APIConnectionError", "auth", False),
        (404, "no", "NotFoundError", "not_found", False),
        (400, "LLM Provider NOT provided. You passed model=x", "BadRequestError", "not_found", False),
        (500, "Connection error.", "ConnectError", "unreachable", True),
        (500, "Server disconnected", "ReadError", "outage", True),
        (500, "No module named 'google'", "APIConnectionError", "rejected", False),
        (400, "anything", "ContextWindowExceededError", "context", False),
        (400, "Requested tokens (900) exceed context window of 512", "BadRequestError", "context", False),
        (400, "rejected by our safety system", "ContentPolicyViolationError", "filtered", False),
        (400, "bad thing", "BadRequestError", "rejected", False),
        (422, "bad thing", "UnprocessableEntityError", "rejected", False),
        (413, "too large", "BadRequestError", "rejected", False),
    ],
)
def test_status_decides_and_words_only_where_it_is_ambiguous(
    status: int | None, words: str, name: str, kind: FailureKind, again: bool
) -> None:
    assert classify(status, words, {name, "Exception"}) == (kind, again)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("litellm.RateLimitError: RateLimitError: OpenAIException - slow down", "slow down"),
        ('litellm.APIError: APIError: Hosted_vllmException - {"error": {"message": "no", "code": 1}}', "no"),
        ("litellm.APIConnectionError: broken\nTraceback (most recent call last):\n  File x", "broken"),
        (
            "Cannot connect to host 127.0.0.1:9 ssl:<ssl.SSLContext object at 0x7f> [refused]",
            "Cannot connect to host 127.0.0.1:9 [refused]",
        ),
        ("plain {words", "plain {words"),
    ],
)
def test_a_message_is_reduced_to_what_the_provider_said(message: str, text: str) -> None:
    assert essence(message) == text


def test_a_complaint_about_a_parameter_is_told_from_other_refusals() -> None:
    complaint = "Unsupported value: 'temperature' does not support 0 with this model."
    assert unsupported_parameters(400, complaint) == {"temperature"}
    assert unsupported_parameters(500, "json_schema is not supported by this server") == {"response_format"}
    assert unsupported_parameters(429, complaint) == frozenset()
    assert unsupported_parameters(400, "the text is not supported") == frozenset()
