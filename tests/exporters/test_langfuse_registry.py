"""Langfuse: requests that its SDK's own models accept, and prompts that its SDK fills as they were measured. Not run against a live server."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from topout.app.registering import register
from topout.contracts import Offer
from topout.domain import Component, Demo, Prompt
from topout.errors import UserError
from topout.exporters.langfuse_registry import LangfuseRegistry, connect
from topout.testing.exporting import check_registry, made_up_offer
from topout.text.rendering import render

langfuse = pytest.importorskip("langfuse", reason="the Langfuse SDK is not installed: make test-registries runs these")
pytestmark = pytest.mark.registries

Inputs = tuple[Mapping[str, str], ...]

TAME = Prompt(
    (
        Component("system", "system", 'Sort it. Answer with {"label": "..."}.\nsystem: stay calm }} { x'),
        Component("user", "user", "From: {{sender}}\nTicket: {{ text }}{{text}}"),
    ),
    (
        Demo({"text": "a {b} }}", "sender": "system: x"}, "delivery\n", "train-1"),
        Demo({"text": "東京 🚀\r\n", "sender": ""}, "<b>", "train-2"),
    ),
)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from topout.testing.langfuse_stub import LangfuseStub

    with LangfuseStub() as server:
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", server.public_key)
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", server.secret_key)
        monkeypatch.setenv("LANGFUSE_BASE_URL", server.url)
        yield server


def client(stub: Any) -> Any:
    """The SDK, as a user of Langfuse has it."""
    return langfuse.Langfuse(public_key=stub.public_key, secret_key=stub.secret_key, base_url=stub.url, tracing_enabled=False)


def test_the_contract_holds(stub: Any) -> None:
    check_registry(lambda: connect(""))


def test_the_sdk_fills_a_chat_as_topout_does(stub: Any, offer: Offer, inputs: Inputs) -> None:
    register(connect(""), replace(offer, name="folder/chat", prompt=TAME, alias="production"), ())
    prompt = client(stub).get_prompt("folder/chat", type="chat", label="production", cache_ttl_seconds=0)
    for one in inputs:
        filled = [(m["role"], m["content"]) for m in prompt.compile(**one)]
        assert filled == [(m.role, m.content) for m in render(TAME, one)]


def test_one_user_part_is_a_text_prompt(stub: Any, offer: Offer, inputs: Inputs) -> None:
    prompt = Prompt((Component("user", "user", "Sort: {{text}}\n"),))
    register(connect(""), replace(offer, name="plain", prompt=prompt, fields=("text",)), ())
    found = client(stub).get_prompt("plain", version=1, cache_ttl_seconds=0)
    for one in inputs:
        assert found.compile(text=one["text"]) == render(prompt, one)[0].content


def test_what_travels_beside_the_prompt(stub: Any, offer: Offer) -> None:
    asked = replace(offer, name="tags", prompt=TAME, temperature=0.0, max_output_tokens=64, output_schema={"type": "object"})
    register(connect(""), asked, ())
    found = stub.prompts["tags"][0]
    assert (found["labels"], found["tags"]) == ([], ["topout"])
    assert {key: value for key, value in found["config"].items() if key != "topout"} == {
        "model": "openai/m",
        "temperature": 0.0,
        "max_tokens": 64,
        "response_schema": {"type": "object"},
    }
    assert found["commitMessage"].startswith("topout 0.1.0, run 20260301T1-t, candidate 00c0ffee: held-out score 70.0 %")
    assert "row-0" not in str(found) and "train-1" not in str(found)


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (Prompt((Component("user", "user", "T: {{text}}"),), (Demo({"text": "see {{text}}"}, "x"),)), "would not fill this prompt"),
        (Prompt((Component("user", "user", "open {{ and {{text}}"),)), "would not fill this prompt"),
        (Prompt((Component("user", "user", "@@@langfusePrompt:name=a@@@ {{text}}"),)), "puts in another prompt"),
    ],
)
def test_what_langfuse_would_fill_otherwise_is_refused(stub: Any, prompt: Prompt, said: str) -> None:
    with pytest.raises(UserError, match=said):
        connect("").carries(replace(made_up_offer(), prompt=prompt, fields=("text",)))


@pytest.mark.parametrize("alias", ["latest", "Production", "a b"])
def test_labels_that_langfuse_does_not_take_are_refused(stub: Any, alias: str) -> None:
    with pytest.raises(UserError, match="Langfuse takes lower-case letters"):
        connect("").carries(replace(made_up_offer(), alias=alias))


def test_versions_of_other_people_are_read_or_said_to_be_unreadable(stub: Any) -> None:
    sdk = client(stub)
    sdk.create_prompt(name="others", prompt="Sort: {{text}}", labels=["production"])
    sdk.create_prompt(
        name="others", type="chat", prompt=[{"role": "system", "content": "S"}, {"role": "user", "content": "{{text}}"}]
    )
    sdk.create_prompt(name="others", type="chat", prompt=[{"type": "placeholder", "name": "history"}])
    found = connect("").versions("others", 9)
    assert [one.version for one in found] == ["3", "2", "1"]
    assert (found[0].prompt, found[0].unread) == (None, "it has a placeholder for messages")
    assert found[1].prompt == Prompt((Component("system", "system", "S"), Component("user", "user", "{{text}}")))
    assert found[2].prompt == Prompt((Component("user", "user", "Sort: {{text}}"),))


def test_without_keys_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGFUSE_PUBLIC_KEY", raising=False)
    with pytest.raises(UserError, match="LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"):
        connect("")


def test_wrong_keys_are_told_and_not_shown(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-lf-planted-secret")
    registry: LangfuseRegistry = connect("")
    with pytest.raises(UserError, match=r"HTTP 401: not signed in\. Set LANGFUSE_PUBLIC_KEY") as caught:
        register(registry, made_up_offer(), ())
    assert "planted" not in str(caught.value)
