"""The MLflow Prompt Registry: a database file in this process, a real server, and servers that fail."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import topout
from topout.app.registering import register
from topout.contracts import Offer
from topout.domain import Component, Demo, Prompt
from topout.errors import UserError
from topout.exporters.mlflow_registry import connect
from topout.testing.exporting import check_registry, made_up_offer
from topout.testing.loopback import Between, Loopback, failing
from topout.testing.runs import PretendedRun, write_run
from topout.text.rendering import placeholders, render

mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: make test-registries runs these")
pytestmark = pytest.mark.registries

Inputs = tuple[Mapping[str, str], ...]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[str]:
    """A real tracking server on loopback."""
    place = tmp_path_factory.mktemp("server")
    line = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(free_port)]
    line += ["--backend-store-uri", f"sqlite:///{place}/mlflow.db", "--default-artifact-root", str(place)]
    quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (place / "log").open("w") as log, subprocess.Popen(line, cwd=place, env=quiet, stdout=log, stderr=log) as process:
        try:
            wait_for(f"http://127.0.0.1:{free_port}/health", process, place / "log")
            yield f"http://127.0.0.1:{free_port}"
        finally:
            process.terminate()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import requests

    for _ in range(240):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(url, timeout=1).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.25)
    raise AssertionError(f"no answer in a minute: {log.read_text()}")


def loaded(uri: str, pointer: str) -> Any:
    """As a user of MLflow loads it."""
    mlflow.set_tracking_uri(uri)
    return mlflow.genai.load_prompt(f"prompts:/{pointer}", cache_ttl_seconds=0)


def rendered(prompt: Prompt, inputs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in render(prompt, inputs)]


def test_the_database_file_keeps_the_contract(database: str) -> None:
    check_registry(lambda: connect(database))


def test_a_server_keeps_the_contract(server: str) -> None:
    check_registry(lambda: connect(server))


def test_mlflow_fills_a_chat_as_topout_does(database: str, offer: Offer, inputs: Inputs) -> None:
    register(connect(database), replace(offer, name="chat", alias="production"), ())
    version = loaded(database, "chat@production")
    assert [m["role"] for m in version.template] == ["system", "user", "assistant", "user", "assistant", "user"]
    for one in inputs:
        assert version.format(**one) == rendered(offer.prompt, one)


def test_mlflow_fills_one_user_part_as_topout_does_and_it_stays_plain(server: str, offer: Offer, inputs: Inputs) -> None:
    text = 'Sort it. Answer {"label": ...}, {x}, }} and {{ .\nTicket: {{text}}\n'
    plain = replace(offer, name="plain", prompt=Prompt((Component("user", "user", text),)), fields=("text",))
    register(connect(server), plain, ())
    version = loaded(server, "plain/1")
    assert version.template == text
    for one in inputs:
        assert version.format(text=one["text"]) == rendered(plain.prompt, one)[0]["content"]


TEXTS = st.lists(
    st.sampled_from(["{", "}", "{{", "}}", "{%", "%}", "{#", "\r", "\n", " ", "a", "'", "\\", "{{text}}", "{{ a }}"]), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(TEXTS.map("".join), TEXTS.map("".join), TEXTS.map("".join))
def test_whatever_the_text_mlflow_fills_it_alike(system: str, demo: str, value: str) -> None:
    from mlflow.entities.model_registry import PromptVersion

    prompt = Prompt(
        (Component("system", "system", "S" + system), Component("user", "user", "T: {{text}}")),
        (Demo({"text": demo}, demo),),
    )
    fields = ("text", *(name for name in placeholders(system) if name != "text"))
    template, _ = connect("sqlite:///unused.db")._template(replace(made_up_offer(), prompt=prompt, fields=fields))
    inputs = dict.fromkeys(fields, value)
    assert PromptVersion("p", 1, template).format(**inputs) == rendered(prompt, inputs)


def test_what_travels_beside_the_prompt(server: str, offer: Offer) -> None:
    asked = replace(offer, name="tags", temperature=0.0, max_output_tokens=64, output_schema={"type": "object"})
    register(connect(server), asked, ())
    version = loaded(server, "tags/1")
    assert sorted(version.tags) == ["topout.prompt", "topout.provenance", "topout.rows"]
    assert version.model_config == {"provider": "openai", "model_name": "m", "temperature": 0.0, "max_tokens": 64}
    assert version.response_format == {"type": "object"}
    assert version.commit_message == (
        "topout 0.1.0, run 20260301T1-t, candidate 00c0ffee: held-out score 70.0 % [63.0, 76.0], n = 200 (openai/m)"
    )
    assert not any(tag.startswith("topout") for tag in mlflow.MlflowClient().get_prompt("tags").tags)
    assert not any("row-0" in value or "train-1" in value for value in version.tags.values())


def test_names_of_parts_frozen_marks_and_demos_come_back(database: str, offer: Offer) -> None:
    registry = connect(database)
    register(registry, replace(offer, name="whole"), ())
    found = registry.find("whole", "1")
    assert found is not None and found.prompt is not None
    assert found.prompt.components == offer.prompt.components
    assert [(d.inputs, d.output, d.example_id) for d in found.prompt.demos] == [
        (d.inputs, d.output, "") for d in offer.prompt.demos
    ]


def test_versions_of_other_people_are_read_or_said_to_be_unreadable(database: str) -> None:
    registry = connect(database)
    client = mlflow.MlflowClient(tracking_uri=database, registry_uri=database)
    for template in (
        "Sort: {{ text }}\n",
        [{"role": "system", "content": "S"}, {"role": "user", "content": "{{text}}"}],
        "{% if x %}{{ text }}{% endif %}",
        [{"role": "tool", "content": "{{text}}"}],
    ):
        client.register_prompt("others", template)
    client.set_prompt_version_tag("others", "1", "topout.prompt", '{"components": [], "demos": 3}')
    client.set_prompt_version_tag("others", "1", "topout.provenance", "not JSON")
    found = registry.versions("others", 9)
    assert [one.prompt for one in found[2:]] == [
        Prompt((Component("system", "system", "S"), Component("user", "user", "{{text}}"))),
        Prompt((Component("user", "user", "Sort: {{ text }}\n"),)),
    ]
    assert [(one.prompt, one.record, one.unread) for one in found[:2]] == [
        (None, {}, "a message of it is no plain text of system, user or assistant"),
        (None, {}, "it is a Jinja2 template ({% ... %}) that topout did not write"),
    ]


def test_a_template_that_somebody_changed_is_not_hidden_by_our_tag(database: str, offer: Offer) -> None:
    client = mlflow.MlflowClient(tracking_uri=database, registry_uri=database)
    register(connect(database), replace(offer, name="copied"), ())
    tags = client.get_prompt_version("copied", "1").tags
    client.register_prompt("copied", "Something else: {{text}}", tags=tags)
    found = connect(database).find("copied", "2")
    assert found is not None and found.prompt == Prompt((Component("user", "user", "Something else: {{text}}"),))


def test_a_model_of_that_name_is_told(database: str) -> None:
    mlflow.MlflowClient(tracking_uri=database, registry_uri=database).create_registered_model("classifier")
    with pytest.raises(UserError, match=r"a model has that name already.*--name"):
        register(connect(database), made_up_offer("classifier"), ())


@pytest.mark.parametrize("alias", ["v1", "latest", "a.b"])
def test_an_alias_that_mlflow_keeps_for_itself_is_refused(alias: str) -> None:
    with pytest.raises(UserError, match="MLflow takes letters"):
        connect("sqlite:///unused.db").carries(replace(made_up_offer(), alias=alias))


def test_what_is_too_long_for_a_tag_is_refused_or_told(offer: Offer) -> None:
    registry = connect("sqlite:///unused.db")
    long = replace(offer, prompt=offer.prompt.with_text("rules", "x" * 100_000))
    with pytest.raises(UserError, match=r"100,000 characters at most, and this one has 10\d,\d{3}"):
        registry.carries(long)
    many = replace(offer, scores={f"row-{i}": 1.0 for i in range(5_000)})
    assert "The held-out scores by row do not fit into a tag of MLflow" in registry.carries(many).warnings[-1]


def test_field_names_that_mean_something_to_mlflow_are_refused(offer: Offer) -> None:
    prompt = Prompt((Component("user", "user", "{{self}}"),))
    with pytest.raises(UserError, match="MLflow cannot take an input named 'self'"):
        connect("sqlite:///unused.db").carries(replace(offer, prompt=prompt, fields=("self",)))


def test_nothing_is_left_in_the_environment(database: str) -> None:
    before = dict(os.environ)
    connect(database).find("nobody", "1")
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("localhost:5000", "not the address of an MLflow server. Write it as http://localhost:5000"),
        ("ftp://host", "not the address of an MLflow server"),
        ("http://me:hunter2@[::bad", "--uri: not an address (Invalid IPv6 URL)"),
        (
            "sqlite:///garbage.db",
            "sqlite:///garbage.db: (sqlite3.DatabaseError) file is not a database. Check the address (--uri).",
        ),
        ("https://me:hunter2@127.0.0.1:1", "https://127.0.0.1:1: nobody answers there"),
        ("databricks", "databricks: this registry of Databricks has no prompts"),
    ],
)
def test_what_is_no_registry_is_told(uri: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "garbage.db").write_text("no database" * 100)
    with pytest.raises(UserError) as error:
        connect(uri).find("tickets", "1")
    assert said in str(error.value) and "hunter2" not in str(error.value) and "\n" not in str(error.value)


def test_a_dry_run_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    done = register(connect(""), replace(made_up_offer(), alias="production"), (), dry_run=True)
    assert done.changes == (
        "a new version",
        "alias production -> a new version: prompts:/tickets@production at sqlite:///mlflow.db",
    )
    assert list(tmp_path.iterdir()) == []


REFUSALS = [
    (401, b"", "HTTP 401: not signed in. Set MLFLOW_TRACKING_TOKEN"),
    (403, b'{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}', "HTTP 403: signed in and not allowed"),
    (404, b"<html>nginx</html>", "HTTP 404: no such thing there. Check the address"),
    (409, b"conflict", "HTTP 409: somebody else changed the same prompt just now"),
    (413, b"too large", "HTTP 413: the prompt is too large for this server"),
    (429, b"slow down", "HTTP 429: too many requests. Wait a minute"),
    (500, b"Traceback", "HTTP 500: the server is broken or overloaded"),
    (503, b"", "HTTP 503: the server is broken or overloaded"),
]


@pytest.mark.parametrize(("status", "body", "said"), REFUSALS)
def test_what_a_server_refuses_is_told_with_what_to_do(status: int, body: bytes, said: str) -> None:
    offer = replace(made_up_offer(), alias="production")
    with Loopback(failing(status, body, {"Retry-After": "3600"})) as server:
        with_password = server.url.replace("//", "//me:hunter2@")
        for registered in (lambda: register(connect(with_password), offer, ()), lambda: connect(with_password).publish(offer, {})):
            begun = time.monotonic()
            with pytest.raises(UserError) as error:
                registered()
            assert str(error.value).startswith(f"{server.url}: {said}")
            assert time.monotonic() - begun < 15
            assert "hunter2" not in str(error.value) and "\n" not in str(error.value)


def test_a_token_that_the_server_repeats_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "planted-token")
    body = b'{"error_code": "PERMISSION_DENIED", "message": "planted-token may not"}'
    with Loopback(failing(403, body)) as server, pytest.raises(UserError, match=r"HTTP 403: .* \*\*\* may not") as error:
        connect(server.url).find("tickets", "1")
    assert "planted" not in str(error.value)


def test_a_server_that_is_not_there_or_hangs_is_told_in_time() -> None:
    offer = made_up_offer()
    with Loopback(failing(200)) as gone:
        pass
    with Loopback(failing(200, wait_s=40)) as hangs:
        for uri, said in ((gone.url, "nobody answers there. Start the server"), (hangs.url, "no answer within 5 s")):
            for registered in (lambda uri=uri: connect(uri).find("tickets", "1"), lambda uri=uri: connect(uri).publish(offer, {})):
                begun = time.monotonic()
                with pytest.raises(UserError, match=said):
                    registered()
                assert time.monotonic() - begun < 15


def test_a_page_that_is_no_mlflow_is_told() -> None:
    with Loopback(failing(200, b"<html>hello</html>")) as server:
        for pointer in ("1", "production"):
            with pytest.raises(UserError) as error:
                connect(server.url).find("tickets", pointer)
            assert str(error.value) == f"{server.url}: its answer is no JSON. Is this the address of the server itself (--uri)?"


@pytest.mark.parametrize("lost", ["model-versions/create", "registered-models/alias"])
def test_a_server_that_dies_in_mid_export_leaves_nothing_that_the_same_command_does_not_complete(server: str, lost: str) -> None:
    between = Between(server)
    name = lost.replace("/", "-")
    offer = replace(made_up_offer(name), alias="production")
    with Loopback(between) as proxy:
        registry = connect(proxy.url)
        register(registry, offer, ())
        better = replace(made_up_offer(name, better=True), alias="production")
        between.lose = lost
        with pytest.raises(UserError, match="nobody answers there"):
            registry.publish(better, {}) if "create" in lost else registry.point(name, "production", "1")
        between.lose = ""
        done = register(registry, better, ())
    assert (done.version, [one.version for one in connect(server).versions(name, 9)]) == ("2", ["2", "1"])
    found = connect(server).find(name, "production")
    assert found is not None and found.version == "2"


def test_no_key_and_no_address_travels(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_SECRET"):
        monkeypatch.setenv(name, "sk-hunter2-planted")
    base = "http://user:hunter2-planted@10.0.0.7:8000/v1"
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0, settings={"api_base": base, "critic_api_base": base}))
    between = Between(server)
    with Loopback(between) as proxy:
        done = topout.export("one", to="mlflow", uri=proxy.url, name="clean", alias="production", runs_dir=tmp_path / "runs")
    sent = b"\n".join(between.sent)
    assert done.version == "1" and len(between.sent) > 3
    assert b"topout.provenance" in sent and b"support-tickets" in sent
    assert b"planted" not in sent and b"10.0.0.7" not in sent
    assert str(tmp_path).encode() not in sent
