"""`topout models ping`, and each quick start of docs/models.md as far as it goes without the vendor: the right path, headers and body on loopback, a reply in
the vendor's own shape read back, and the variable named that is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from topout.models.prices import Prices
from topout.testing.loopback import Answer, Loopback
from topout.testing.server import OpenAIServer, Response, chat, error

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

READY = '{"word": "ready"}'


def from_openai() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(chat(READY, usage=(40, 6)).body)
    return body


def from_ollama() -> dict[str, Any]:
    message = {"role": "assistant", "content": READY}
    return {
        "model": "x", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True, "done_reason": "stop",
        "prompt_eval_count": 40, "eval_count": 6,
    }  # fmt: skip


def from_anthropic() -> dict[str, Any]:
    return {
        "id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [{"type": "text", "text": READY}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 40, "output_tokens": 6},
    }  # fmt: skip


def from_gemini() -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": READY}]}
    usage = {"promptTokenCount": 40, "candidatesTokenCount": 6, "totalTokenCount": 46}
    return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage, "modelVersion": "g"}


def from_bedrock() -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": [{"toolUse": {"toolUseId": "t", "name": "json_tool_call", "input": {"word": "ready"}}}],
    }
    usage = {"inputTokens": 40, "outputTokens": 6, "totalTokens": 46}
    return {"output": {"message": message}, "stopReason": "tool_use", "usage": usage, "metrics": {"latencyMs": 10}}


@dataclass(frozen=True)
class QuickStart:
    """A line of the table in docs/models.md: model, what follows the server's address, keys, and what the vendor's server has to see."""

    model: str
    base: str
    path: str
    reply: Callable[[], dict[str, Any]]
    keys: Mapping[str, str] = field(default_factory=dict)
    header: str = ""
    """Where the key goes, as `name: value` with KEY for it."""


QUICK_STARTS = [
    QuickStart("openai/gpt-4.1-mini", "/v1", "/v1/chat/completions", from_openai, {"OPENAI_API_KEY": "KEY"}, "authorization: Bearer KEY"),
    QuickStart("openai/my-own", "/v1", "/v1/chat/completions", from_openai),
    QuickStart("anthropic/claude-sonnet-4-5", "", "/v1/messages", from_anthropic, {"ANTHROPIC_API_KEY": "KEY"}, "x-api-key: KEY"),
    QuickStart(
        "gemini/gemini-2.5-flash", "", "/models/gemini-2.5-flash:generateContent", from_gemini, {"GEMINI_API_KEY": "KEY"}, "x-goog-api-key: KEY"
    ),
    QuickStart(
        "azure/my-deployment", "", "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21", from_openai,
        {"AZURE_API_KEY": "KEY", "AZURE_API_VERSION": "2024-10-21"}, "api-key: KEY",
    ),
    QuickStart(
        "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "", "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse", from_bedrock,
        {"AWS_ACCESS_KEY_ID": "KEY", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION_NAME": "us-east-1"}, "authorization: AWS4-HMAC-SHA256 Credential=KEY/",
    ),
    QuickStart("ollama_chat/llama3.2", "", "/api/chat", from_ollama),
    QuickStart("hosted_vllm/my-model", "/v1", "/v1/chat/completions", from_openai),
    QuickStart("lm_studio/my-model", "/v1", "/v1/chat/completions", from_openai),
    QuickStart("llamafile/my-model", "/v1", "/v1/chat/completions", from_openai),
]  # fmt: skip


@pytest.mark.parametrize("quick", QUICK_STARTS, ids=lambda quick: quick.model.partition("/")[0])
def test_a_quick_start_speaks_the_vendor_s_protocol(quick: QuickStart, topout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in quick.keys.items():
        monkeypatch.setenv(name, value)
    seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    def ask(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        seen.append((path, {name.lower(): value for name, value in headers.items()}, json.loads(body or b"{}")))
        return 200, {"Content-Type": "application/json"}, json.dumps(quick.reply()).encode()

    with Loopback(ask) as server:
        said = topout("models", "ping", quick.model, "--api-base", server.url + quick.base, "--json")
    assert said.code == 0, said.err
    path, headers, body = seen[0]
    assert path == quick.path
    assert "Reply with one JSON object" in json.dumps(body)
    if quick.header:
        name, _, value = quick.header.partition(": ")
        assert headers[name].startswith(value)
    found = json.loads(said.out)["found"]
    assert json.loads(found["reply"]) == {"word": "ready"}
    assert (found["prompt_tokens"], found["output_tokens"], found["structured_output"], found["calls"]) == (40, 6, "yes", 1)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai/gpt-4.1-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
        ("azure/my-deployment", "AZURE_API_KEY"),
        ("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ("llamafile/my-model", "no server answers at the address of this provider"),
        ("antropic/claude-sonnet-4-5", "Did you mean 'anthropic'?"),
        ("hosted_vllm/my-model", "--api-base http://localhost:8000/v1, or set HOSTED_VLLM_API_BASE"),
        ("lm_studio/my-model", "--api-base http://localhost:1234/v1, or set LM_STUDIO_API_BASE"),
    ],
)
def test_what_is_missing_is_named_in_the_line(model: str, said: str, topout: Any) -> None:
    found = topout("models", "ping", model)
    assert found.code == 2
    price, problem = found.err.rstrip("\n").split("\n")
    assert price.startswith(f"{model}: at most 2 short calls")
    assert said in problem


HOSTED = ("openai", "anthropic", "gemini", "bedrock")


@pytest.mark.parametrize(
    "quick",
    [one for one in QUICK_STARTS if one.model.startswith(HOSTED) and one.keys],
    ids=lambda quick: quick.model.partition("/")[0],
)
def test_the_hosted_models_that_the_documentation_names_have_a_price_and_stand_there(quick: QuickStart) -> None:
    assert Prices().of(quick.model) is not None
    assert f"`{quick.model}`" in (Path(__file__).parents[2] / "docs" / "models.md").read_text()


def ready(body: Mapping[str, Any]) -> Response:
    return chat(READY, usage=(40, 6))


def test_the_price_is_told_before_the_first_call_and_a_limit_stops_it(topout: Any) -> None:
    with OpenAIServer(ready) as server:
        words = ["models", "ping", "openai/x", "--api-base", server.url, "--price", "openai/x=100,200"]
        dry = topout(*words, "--dry-run")
        assert (dry.code, server.served) == (0, 0)
        assert dry.err.startswith("openai/x: at most 2 short calls, at most $0.")
        assert topout(*words, "--max-cost", "0.0001").line.startswith("--max-cost 0.0001: 2 calls could cost $0.")
        assert server.served == 0
        done = json.loads(topout(*words, "--json").out)
    assert done["found"]["cost_usd"] == pytest.approx(40 * 100e-6 + 6 * 200e-6)
    assert done["found"]["cost_usd"] < done["most_usd"]


def test_a_model_that_takes_no_schema_is_asked_once_more_without_it(topout: Any) -> None:
    def picky(body: Mapping[str, Any]) -> Response:
        return error(500, "json_schema is not implemented") if "response_format" in body else chat("ready", usage=None)

    with OpenAIServer(picky) as server:
        found = json.loads(topout("models", "ping", "openai/x", "--api-base", server.url, "--json").out)["found"]
        assert server.served == 2
    assert (found["structured_output"], found["seed"], found["logprobs"]) == ("no", "no", "no")
    assert found["prompt_tokens"] is None
    assert found["note"].startswith("refused with a schema, a seed and log probabilities")


def test_calls_at_once_grow_to_the_limit_and_end_at_the_first_429(topout: Any) -> None:
    with OpenAIServer(ready) as server:
        found = json.loads(topout("models", "ping", "openai/x", "--api-base", server.url, "--concurrency", 6, "--json").out)[
            "found"
        ]
        assert server.served == 13
    assert [(one["at_once"], one["answered"]) for one in found["concurrency"]] == [(2, 2), (4, 4), (6, 6)]

    answered = 0

    def narrow(body: Mapping[str, Any]) -> Response:
        nonlocal answered
        answered += 1
        return ready(body) if answered <= 5 else error(429, "slow down")

    with OpenAIServer(narrow) as server:
        said = topout("models", "ping", "openai/x", "--api-base", server.url, "--concurrency", 16)
        assert server.served == 7
    assert "4 at once: 2 answered; 2 of them throttled (429)" in " ".join(said.out.split())


def test_a_provider_that_is_down_and_a_wrong_key_have_their_exit_codes(topout: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with OpenAIServer(lambda body: error(503, "down")) as server:
        assert topout("models", "ping", "openai/x", "--api-base", server.url).code == 3
    with OpenAIServer(lambda body: error(401, "Incorrect API key provided: sk-very-secret")) as server:
        said = topout("models", "ping", "openai/x", "--api-base", server.url)
    assert said.code == 2
    assert "very-secret" not in said.out + said.err


def test_the_embedded_reader_answers_and_says_what_it_is(topout: Any) -> None:
    said = topout("models", "ping", "embedded/reader", "--concurrency", 3)
    assert said.code == 0
    assert "says nothing about LLMs" in " ".join(said.out.split())
    assert said.err == "embedded/reader: at most 7 short calls, free\n"
