"""Real HTTP through the real litellm against a server on loopback: what each fault of a provider becomes.

litellm takes seconds to import, so that all tests that need it are in this file.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from topout.domain import Failure, Message, Reply, Request, Usage
from topout.models.addresses import Addresses
from topout.models.gateway import Gateway
from topout.models.ledger import Budget, Ledger
from topout.models.litellm_transport import LitellmTransport
from topout.models.prices import Prices
from topout.models.retries import Retries
from topout.models.transport import Delivered, Refused, Sent
from topout.testing.loopback import Loopback
from topout.testing.server import OpenAIServer, Response, chat, drop, error

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL"))]:
        monkeypatch.delenv(name)


def ask(model: str = "openai/x", **more: Any) -> Request:
    return Request(model, (Message("system", "be brief"), Message("user", "hello")), **more)


def send(
    answer: Callable[[Mapping[str, Any]], Response], request: Request | None = None, timeout_s: float = 5.0
) -> tuple[Sent, OpenAIServer]:
    """What one call through the transport becomes, and the server that saw it."""

    async def main(url: str) -> Sent:
        transport = LitellmTransport(Addresses(url), timeout_s)
        sent = await transport.send(request or ask())
        await transport.aclose()
        return sent

    with OpenAIServer(answer) as server:
        return asyncio.run(main(server.url)), server


def refused(sent: Sent) -> Refused:
    assert isinstance(sent, Refused)
    assert len(sent.message.splitlines()) == 1
    assert len(sent.message) <= 300
    return sent


def scripted(*responses: Response) -> Callable[[Mapping[str, Any]], Response]:
    rest: Iterator[Response] = iter(responses)
    return lambda body: next(rest)


def complete(answer: Callable[[Mapping[str, Any]], Response], *requests: Request) -> tuple[list[Reply | Failure], int, float]:
    """Outcomes through the whole gateway with short back-offs, how often the server was asked, and the seconds slept."""
    slept = [0.0]

    async def sleep(seconds: float) -> None:
        slept[0] += seconds
        await asyncio.sleep(0)

    async def main(url: str) -> list[Reply | Failure]:
        addresses = Addresses(url)
        transport = LitellmTransport(addresses, 5.0)
        now = lambda: slept[0]  # noqa: E731
        gateway = Gateway(
            transport, None, Ledger(Budget()), Prices({}, addresses), addresses, run="r", retries=Retries(), clock=now, sleep=sleep
        )
        outcomes = [await gateway.complete(request) for request in requests or (ask(),)]
        await gateway.aclose()
        return outcomes

    with OpenAIServer(answer) as server:
        return asyncio.run(main(server.url)), server.served, slept[0]


def test_an_answer_arrives_with_its_tokens() -> None:
    sent, server = send(lambda body: chat("four", usage=(12, 3)))
    assert isinstance(sent, Delivered)
    assert (sent.text, sent.finish_reason, sent.usage) == ("four", "stop", Usage(12, 3))
    assert 0 < sent.latency_s < 60
    assert server.served == 1


def test_parameters_arrive_as_they_were_asked_for() -> None:
    schema = '{"type": "object", "properties": {"a": {"type": "string"}}}'
    request = ask(temperature=0.7, max_output_tokens=33, seed=5, stop=("END",), json_schema=schema)
    _, server = send(lambda body: chat("x"), request)
    body = server.bodies[0]
    assert (body["model"], body["temperature"], body["max_tokens"], body["seed"], body["stop"]) == ("x", 0.7, 33, 5, ["END"])
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert body["response_format"]["json_schema"]["schema"] == json.loads(schema)


def test_a_cut_answer_is_an_answer() -> None:
    sent, _ = send(lambda body: chat("four hun", finish_reason="length"))
    assert isinstance(sent, Delivered) and (sent.text, sent.finish_reason) == ("four hun", "length")


def test_a_missing_usage_is_unknown_and_not_zero() -> None:
    sent, _ = send(lambda body: chat("four", usage=None))
    assert isinstance(sent, Delivered) and sent.usage == Usage(None, None)


def test_an_empty_list_of_choices_is_no_answer_and_still_billed() -> None:
    sent, _ = send(lambda body: chat(None, choices=False))
    assert refused(sent) == Refused("empty", "openai/x: the reply has no choices", status=200, usage=Usage(10, 5))


def test_a_filtered_answer_is_told_from_an_empty_one() -> None:
    filtered, _ = send(lambda body: chat(None, finish_reason="content_filter"))
    empty, _ = send(lambda body: chat(None))
    assert (refused(filtered).kind, refused(empty).kind) == ("filtered", "empty")


@pytest.mark.parametrize(
    ("response", "kind", "again", "words"),
    [
        (error(500, "boom"), "outage", True, "openai/x (HTTP 500): boom"),
        (error(503, "busy"), "outage", True, "openai/x (HTTP 503): busy"),
        (Response(502, "<html>bad gateway</html>"), "outage", True, "HTTP 502"),
        (Response(200, "hello, I am not JSON"), "outage", True, "replies with something else than JSON"),
        (Response(200, "[1]"), "outage", True, "invalid response"),
        (drop(), "outage", True, "Connection error"),
        (
            error(401, "Incorrect API key provided: sk-abcdef123", code="invalid_api_key"),
            "auth",
            False,
            "provided: ***. Set OPENAI_API_KEY",
        ),
        (error(403, "forbidden"), "auth", False, "forbidden"),
        (error(404, "The model `x` does not exist", code="model_not_found"), "not_found", False, "Check the name of the model"),
        (error(402, "insufficient balance"), "quota", False, "insufficient balance"),
        (error(429, "You exceeded your quota", code="insufficient_quota"), "quota", False, "exceeded"),
        (error(400, "maximum context length is 8192 tokens", code="context_length_exceeded"), "context", False, "8192"),
        (error(400, "Requested tokens (900) exceed context window of 512"), "context", False, "512"),
        (error(400, "rejected by our safety system", code="content_policy_violation"), "filtered", False, "safety"),
        (error(400, "bad thing"), "rejected", False, "openai/x (HTTP 400): bad thing"),
        (error(422, "bad thing"), "rejected", False, "bad thing"),
    ],
)
def test_a_fault_becomes_the_failure_that_it_is(response: Response, kind: str, again: bool, words: str) -> None:
    sent, server = send(lambda body: response)
    one = refused(sent)
    assert (one.kind, one.retryable) == (kind, again)
    assert words in one.message
    assert server.served == 1


def test_a_call_that_takes_too_long_is_an_outage() -> None:
    sent, _ = send(lambda body: chat("late", delay_s=5.0), timeout_s=0.2)
    assert (refused(sent).kind, refused(sent).retryable) == ("outage", True)


def test_the_seconds_of_retry_after_are_handed_on() -> None:
    sent, _ = send(lambda body: error(429, "slow down", headers={"retry-after": "7"}))
    assert (refused(sent).status, refused(sent).retry_after_s) == (429, 7.0)


def test_a_retry_after_may_be_a_date_or_nonsense() -> None:
    past, _ = send(lambda body: error(429, "slow down", headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}))
    nonsense, _ = send(lambda body: error(429, "slow down", headers={"retry-after": "soon"}))
    assert (refused(past).retry_after_s, refused(nonsense).retry_after_s) == (0.0, None)


@pytest.mark.parametrize("model", ["openai/x", "hosted_vllm/x", "ollama_chat/x", "lm_studio/x"])
def test_nobody_listening_is_unreachable_and_names_the_address(model: str) -> None:
    transport = LitellmTransport(Addresses("http://127.0.0.1:9/v1"), 5.0)
    one = refused(asyncio.run(transport.send(ask(model))))
    assert (one.kind, one.retryable) == ("unreachable", True)
    assert "no server answers at http://127.0.0.1:9/v1" in one.message


def test_an_address_that_is_none_is_told_at_once() -> None:
    one = refused(asyncio.run(LitellmTransport(Addresses("localhost:8000/v1")).send(ask())))
    assert (one.kind, one.retryable) == ("unreachable", False)
    assert one.message == "openai/x: 'localhost:8000/v1' is no address of a server. Write it like http://localhost:8000/v1."


def test_a_provider_alone_is_told_to_lack_its_model() -> None:
    one = refused(asyncio.run(LitellmTransport().send(ask("openai"))))
    assert one.kind == "not_found"
    assert one.message.startswith("openai: a provider, and no model of it. A model is named PROVIDER/NAME")


def answered_with(status: int, kind: str, body: str) -> tuple[Refused, str]:
    """What becomes of a call to a server that always answers so, and the server's address."""
    with Loopback(lambda method, path, headers, asked: (status, {"Content-Type": kind}, body.encode())) as server:
        return refused(asyncio.run(LitellmTransport(Addresses(server.url)).send(ask()))), server.url


def test_a_server_without_the_model_is_named_and_no_other_provider_proposed() -> None:
    one, url = answered_with(404, "application/json", json.dumps({"error": {"message": "The model `x` does not exist"}}))
    assert one.kind == "not_found"
    assert one.message.endswith(f"Check the name of the model: the server at {url} has none of that name.")


@pytest.mark.parametrize("model", ["nonsense", "nosuchprovider/model", "opnai/gpt-4.1"])
def test_an_unknown_provider_is_not_found_and_shows_how_models_are_named(model: str) -> None:
    one = refused(asyncio.run(LitellmTransport().send(ask(model))))
    assert (one.kind, one.retryable) == ("not_found", False)
    assert one.message.startswith(f"{model}: no such provider.")
    assert "A model is named PROVIDER/NAME, for example openai/gpt-4.1-mini" in one.message
    assert ("Did you mean 'openai'?" in one.message) == model.startswith("opnai")


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai/gpt-4.1", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
    ],
)
def test_a_missing_key_names_the_variable_to_set(model: str, variable: str) -> None:
    one = refused(asyncio.run(LitellmTransport().send(ask(model))))
    assert (one.kind, one.retryable) == ("auth", False)
    assert variable in one.message


def test_a_key_of_the_environment_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "topsecretvalue")
    sent, server = send(lambda body: error(401, "we got topsecretvalue and do not like it"))
    assert server.headers[0]["authorization"] == "Bearer topsecretvalue"
    assert "we got *** and do not like it" in refused(sent).message


def test_parameters_that_a_model_does_not_take_are_left_out_and_remembered() -> None:
    async def main(url: str) -> tuple[list[Sent], dict[str, set[str]]]:
        transport = LitellmTransport(Addresses(url), 5.0)
        sent = [
            await transport.send(ask("openai/o3", seed=1)),
            await transport.send(ask("openai/picky")),
            await transport.send(ask("openai/picky")),
        ]
        return sent, transport.dropped

    def answer(body: Mapping[str, Any]) -> Response:
        if body["model"] == "picky" and "temperature" in body:
            return error(400, "Unsupported value: 'temperature' does not support 0 with this model.", code="unsupported_value")
        return chat("fine")

    with OpenAIServer(answer) as server:
        sent, dropped = asyncio.run(main(server.url))
    assert all(isinstance(one, Delivered) for one in sent)
    assert dropped == {"openai/o3": {"temperature"}, "openai/picky": {"temperature"}}
    assert server.bodies[0]["seed"] == 1
    assert server.served == 4


def test_a_429_with_retry_after_is_waited_for_and_asked_again() -> None:
    slow_down = error(429, "slow down", headers={"retry-after": "7"})
    outcomes, served, slept = complete(scripted(slow_down, chat("four")))
    assert isinstance(outcomes[0], Reply) and outcomes[0].text == "four"
    assert served == 2
    assert 7.0 <= slept <= 7.5


def test_a_burst_of_500s_is_outlasted_and_no_call_is_repeated_behind_our_back() -> None:
    outcomes, served, _ = complete(scripted(error(500, "a"), drop(), Response(200, "b"), error(503, "c"), chat("four")))
    assert isinstance(outcomes[0], Reply)
    assert served == 5


def test_a_wrong_key_is_not_repeated() -> None:
    outcomes, served, slept = complete(lambda body: error(401, "wrong"))
    assert isinstance(outcomes[0], Failure) and outcomes[0].kind == "auth"
    assert (served, slept) == (1, 0.0)


def test_a_dead_provider_gets_six_tries_a_call() -> None:
    outcomes, served, slept = complete(lambda body: error(500, "down"))
    assert outcomes == [Failure("outage", "openai/x (HTTP 500): down")]
    assert served == 6
    assert 0 < slept <= 31


def test_a_local_server_under_a_famous_name_has_an_unknown_price() -> None:
    outcomes, _, _ = complete(lambda body: chat("four"), ask("openai/gpt-4.1-mini"))
    assert isinstance(outcomes[0], Reply) and outcomes[0].cost_usd is None


def test_the_embedded_model_answers_through_the_same_door_for_nothing() -> None:
    async def main() -> Reply | Failure:
        gateway = Gateway(LitellmTransport(), None, Ledger(Budget(max_cost_usd=0.0)), Prices(), Addresses(), run="r")
        reply = await gateway.complete(ask("embedded/reader", json_schema='{"type": "object"}', seed=3, stop=("END",)))
        await gateway.aclose()
        return reply

    reply = asyncio.run(main())
    assert isinstance(reply, Reply)
    assert reply.cost_usd == 0.0
    assert reply.usage.prompt_tokens is not None and reply.usage.prompt_tokens > 0


def test_a_prompt_beyond_the_embedded_models_window_is_a_context_failure() -> None:
    request = Request("embedded/reader", (Message("user", "many words " * 40_000),))
    one = refused(asyncio.run(LitellmTransport().send(request)))
    assert (one.kind, one.retryable) == ("context", False)


def test_an_unknown_embedded_model_is_not_found() -> None:
    one = refused(asyncio.run(LitellmTransport().send(ask("embedded/redaer"))))
    assert (one.kind, one.retryable) == ("not_found", False)
    assert "embedded/reader" in one.message
