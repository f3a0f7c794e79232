"""What a provider's refusal means. Pure: works on the HTTP status, the words and the names of the exceptions involved.

The status is what to trust: litellm 1.106 turns a 500 with an OpenAI-shaped body into a BadRequestError and a missing key into an
InternalServerError, but keeps the status. Words decide only where one status means several things.
"""

from __future__ import annotations

import json
import re
from collections.abc import Set

from topout.domain import FailureKind

__all__ = ["classify", "essence", "key_is_missing", "unsupported_parameters"]

_MISSING_KEY = re.compile(
    r"missing credentials|missing [\w .-]{0,40}\b(api )?key|api_key client option must be set|no api key", re.I
)
_QUOTA = re.compile(
    r"insufficient_quota|credit balance is too low|insufficient (balance|credit|funds)|billing_hard_limit|payment required", re.I
)
_CONTEXT = re.compile(
    r"context_length_exceeded|context (window|length)|maximum context|prompt is too long|input is too long|too many (input )?tokens"
    r"|exceeds? the (maximum|max) (number of )?(input )?tokens",
    re.I,
)
_FILTER = re.compile(r"content_policy_violation|content_filter|content management policy", re.I)
_NO_PROVIDER = re.compile(
    r"LLM Provider NOT provided|GetLLMProvider Exception|Unmapped LLM provider|model .{0,80}(does not exist|not found)", re.I
)
_PREFIX = re.compile(r"^((litellm\.)?\w*(Error|Exception|Timeout|Exceeded\w*|litellm)\s*(:|-)\s*)+", re.I)
_PARAMETERS = {"temperature": "temperature", "seed": "seed", "stop": "stop", "response_format": "response_format"}
_PARAMETERS |= {"json_schema": "response_format", "logprobs": "logprobs"}
_NOT_SUPPORTED = re.compile(r"support|unrecognized|unknown|not allowed|not permitted|extra inputs|unexpected", re.I)


def classify(status: int | None, words: str, names: Set[str]) -> tuple[FailureKind, bool]:
    """(kind, may the same request work later). `words` are all messages of the exception chain, `names` its class names."""
    if key_is_missing(words):
        return "auth", False
    if names & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError"}:
        return "unreachable", True
    if names & {"UnsupportedProtocol", "InvalidURL"}:
        return "unreachable", False
    if _NO_PROVIDER.search(words):
        return "not_found", False
    if names & {"ImportError", "ModuleNotFoundError"} or "No module named" in words:
        return "rejected", False
    if "ContextWindowExceededError" in names:
        return "context", False
    if "ContentPolicyViolationError" in names:
        return "filtered", False
    match status:
        case 401 | 403:
            return "auth", False
        case 402:
            return "quota", False
        case 404:
            return "not_found", False
        case 429:
            return ("quota", False) if _QUOTA.search(words) else ("outage", True)
        case 408 | 409 | 425:
            return "outage", True
        case _ if status is not None and 400 <= status < 500:
            if _QUOTA.search(words):
                return "quota", False
            if _CONTEXT.search(words):
                return "context", False
            return ("filtered", False) if _FILTER.search(words) else ("rejected", False)
        case _:
            return ("context", False) if "context_length_exceeded" in words else ("outage", True)


def key_is_missing(words: str) -> bool:
    """Does the client complain that it was given no key (rather than the provider about a wrong one)?"""
    return _MISSING_KEY.search(words) is not None


def unsupported_parameters(status: int | None, words: str) -> frozenset[str]:
    """The optional parameters that a refusal complains about, by our names; empty when it is about something else."""
    if status is None or status in (401, 403, 404, 408, 429) or not _NOT_SUPPORTED.search(words):
        return frozenset()
    return frozenset(ours for theirs, ours in _PARAMETERS.items() if re.search(rf"\b{theirs}\b", words))


def essence(message: str) -> str:
    """A message without litellm's prefixes, stack traces and JSON wrapping."""
    message = re.sub(r" ssl:<[^>]*>|\.? *Handle with `[^`]*`", "", message)
    text = _PREFIX.sub("", message.partition("Traceback (most recent call last)")[0].strip()).strip()
    start = text.find("{")
    if start >= 0:
        try:
            body = json.loads(text[start:])
        except (ValueError, RecursionError):
            return text
        match body:
            case {"error": {"message": str(inner)}} | {"error": str(inner)} | {"message": str(inner)} | {"detail": str(inner)}:
                return inner
            case _:
                return text
    return text
