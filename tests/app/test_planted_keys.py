"""Keys are planted wherever a user may have them; then every file that topout wrote and every word that it printed is looked through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from topout.testing.provider import Provider
from topout.testing.server import Response, error

Topout = Callable[..., Any]
ENVIRONMENT = "sk-planted-environment-0123456789"
DOTENV = "planted-dotenv-0123456789"
PASSWORD = "planted-password-0123456789"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("debug", [False, True])
def test_keys_of_environment_dotenv_and_address_are_in_no_file_and_no_output(
    tiny_task: Path,
    providers: Callable[..., Provider],
    topout: Topout,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    debug: bool,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", ENVIRONMENT)
    (tmp_path / ".env").write_text(f"LANGFUSE_SECRET_KEY={DOTENV}\nLANGFUSE_PUBLIC_KEY={DOTENV}\n", encoding="utf-8")
    if debug:
        monkeypatch.setenv("TOPOUT_DEBUG", "1")

    def fault(body: Mapping[str, Any], number: int) -> Response | None:
        if number % 17 == 0:
            return error(400, f"bad request: Authorization: Bearer {ENVIRONMENT}, secret {DOTENV}, at http://me:{PASSWORD}@host")
        return error(401, f"Incorrect API key provided: {ENVIRONMENT}") if number > 130 else None

    with providers(fault=fault) as failing:
        words, address = failing.words, f"http://me:{PASSWORD}@127.0.0.1:9/v1"
        said = [
            topout("optimize", tiny_task, *words, "--max-calls", 140),
            topout("resume", "latest"),
            topout("show", "latest"),
            topout("report", "latest"),
            topout("export", "latest", "--to", "messages"),
            topout("evaluate", tiny_task, "--model", "openai/reader", "--api-base", failing.server.url, "--split", "dev"),
            topout("evaluate", tiny_task, "--model", "openai/other", "--api-base", address, "--split", "dev", "--json"),
            topout("optimize", tiny_task, "--model", "openai/a", "--critic", "openai/b", "--api-base", address, "--max-calls", 140),
            topout("models", "ping", "openai/a", "--api-base", address),
            topout("export", "latest", "--to", "langfuse", "--name", "x", "--uri", address),
            topout("import", tiny_task, "--from", "langfuse:x@production", "--uri", address),
            topout("runs"),
            topout("cache", "stats"),
        ]
        assert all("a password in the address" in one.err for one in said[6:9])
        assert failing.arrived > 100
        assert [one.code for one in said[2:5]] == [0, 0, 0]
    for one in said:
        assert "planted" not in one.out + one.err
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".env"]
    assert {"cache.db", "journal.jsonl", "report.html", "run.toml", "manifest.json"} <= {path.name for path in files}
    for path in files:
        assert b"planted" not in path.read_bytes(), path
