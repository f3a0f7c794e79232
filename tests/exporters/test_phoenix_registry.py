"""Arize Phoenix: a real server on loopback, and its own client that loads what was written."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from topout.app.registering import register
from topout.contracts import Offer
from topout.domain import Component, Prompt
from topout.errors import UserError
from topout.exporters.phoenix_registry import connect
from topout.testing.exporting import check_registry, made_up_offer
from topout.text.rendering import render

phoenix = pytest.importorskip("phoenix.client", reason="Phoenix is not installed: make test-registries runs these")
pytest.importorskip("phoenix.server", reason="the Phoenix server is not installed: make test-registries runs these")
pytestmark = pytest.mark.registries

Inputs = tuple[Mapping[str, str], ...]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[str]:
    """A real Phoenix with an empty database."""
    place = tmp_path_factory.mktemp("phoenix")
    settings = {
        "PHOENIX_WORKING_DIR": str(place),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(free_port),
        "PHOENIX_GRPC_PORT": "0",
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    line = [sys.executable, "-m", "phoenix.server.main", "serve"]
    log = place / "log"
    with log.open("w") as out, subprocess.Popen(line, cwd=place, env={**os.environ, **settings}, stdout=out, stderr=out) as process:
        try:
            wait_for(f"http://127.0.0.1:{free_port}/healthz", process, log)
            yield f"http://127.0.0.1:{free_port}"
        finally:
            process.terminate()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(480):
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.25)
    raise AssertionError(f"no answer in two minutes: {log.read_text()}")


def loaded(server: str, **by: str) -> Any:
    """As a user of Phoenix loads it."""
    return phoenix.Client(base_url=server).prompts.get(**by)


def rendered(prompt: Prompt, inputs: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in render(prompt, inputs)]


def test_the_contract_holds(server: str) -> None:
    check_registry(lambda: connect(server))


def test_its_client_fills_a_chat_as_topout_does(server: str, offer: Offer, inputs: Inputs) -> None:
    register(connect(server), replace(offer, name="chat", alias="production"), ())
    version = loaded(server, prompt_identifier="chat", tag="production")
    assert version._template_format == "F_STRING"
    for one in inputs:
        filled = version.format(variables=one).messages
        assert [(m["role"], m["content"]) for m in filled] == rendered(offer.prompt, one)


def test_one_field_without_look_alikes_stays_mustache(server: str, offer: Offer, inputs: Inputs) -> None:
    prompt = Prompt((Component("system", "system", 'Answer {"label": 1} }} {{'), Component("user", "user", "Ticket: {{text}}\n")))
    register(connect(server), replace(offer, name="plain", prompt=prompt, fields=("text",)), ())
    found = connect(server).versions("plain", 1)[0]
    version = loaded(server, prompt_version_id=found.version)
    assert version._template_format == "MUSTACHE"
    for one in inputs:
        filled = version.format(variables={"text": one["text"]}).messages
        assert [(m["role"], m["content"]) for m in filled] == rendered(prompt, one)


def test_parts_demos_and_settings_come_back(server: str, offer: Offer) -> None:
    asked = replace(offer, name="whole", temperature=0.0, max_output_tokens=64, output_schema={"type": "object"})
    register(connect(server), asked, ())
    found = connect(server).versions("whole", 1)[0]
    assert found.prompt is not None
    assert found.prompt.components == offer.prompt.components
    assert [(d.inputs, d.output, d.example_id) for d in found.prompt.demos] == [
        (d.inputs, d.output, "") for d in offer.prompt.demos
    ]
    version = loaded(server, prompt_version_id=found.version)
    assert (version._model_name, version._model_provider) == ("m", "OPENAI")
    assert version._invocation_parameters["openai"] == {"temperature": 0.0, "max_tokens": 64}
    assert version._response_format["json_schema"]["schema"] == {"type": "object"}
    assert version._description.startswith("topout 0.1.0, run 20260301T1-t, candidate 00c0ffee: held-out score 70.0 %")
    assert "row-0" not in version._description and "train-1" not in version._description


def test_versions_of_other_people_are_read_or_said_to_be_unreadable(server: str) -> None:
    client = phoenix.Client(base_url=server)
    made = sys.modules["phoenix.client.types.prompts"].PromptVersion
    for messages, kind in (
        ([{"role": "user", "content": "Sort: {text} {{x}}"}], "F_STRING"),
        ([{"role": "system", "content": "S"}, {"role": "user", "content": "{{text}}"}], "MUSTACHE"),
        ([{"role": "user", "content": "{{{{x}}}} {text}"}], "F_STRING"),
        ([{"role": "user", "content": "{text!r}"}], "F_STRING"),
    ):
        client.prompts.create(name="others", version=made(messages, model_name="m", template_format=kind))
    found = connect(server).versions("others", 9)
    assert [one.unread for one in found] == ["it formats a field ({text...})", "it holds {{field}} as plain text", "", ""]
    assert found[2].prompt == Prompt((Component("system", "system", "S"), Component("user", "user", "{{text}}")))
    assert found[3].prompt == Prompt((Component("user", "user", "Sort: {{text}} {x}"),))
    assert [one.record for one in found] == [{}, {}, {}, {}]


@pytest.mark.parametrize(("option", "name", "alias"), [("--name", "Ticket.Label", ""), ("--alias", "tickets", "Prod!")])
def test_names_that_phoenix_does_not_take_are_refused_with_one_that_it_does(option: str, name: str, alias: str) -> None:
    with pytest.raises(UserError, match=rf"{option} .*Phoenix takes lower-case letters.*For example {option} "):
        connect("").carries(replace(made_up_offer(name), alias=alias))
