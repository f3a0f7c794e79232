"""`.env`: what is taken from it, what is not, and that no value of it is shown or kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from topout.config.dotenv import read_dotenv
from topout.errors import UserError


def read(folder: Path, text: str, **environ: str) -> tuple[dict[str, str], str]:
    (folder / ".env").write_text(text)
    there = dict(environ)
    found = read_dotenv(folder, there)
    return {name: value for name, value in there.items() if name not in environ}, found.line if found else ""


def test_keys_and_their_addresses_are_read_and_counted(tmp_path: Path) -> None:
    text = (
        "# mine\nexport OPENAI_API_KEY='sk-1'\nOPENAI_BASE_URL=http://localhost:1/v1\nEMPTY_API_KEY=\nAWS_REGION_NAME=eu-west-1\n"
    )
    found, line = read(tmp_path, text)
    assert found == {"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "http://localhost:1/v1", "AWS_REGION_NAME": "eu-west-1"}
    assert line == ".env: 3 keys read"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, "OPENAI_API_KEY=theirs\n", OPENAI_API_KEY="mine") == ({}, "")


def test_what_would_change_how_programs_run_is_not_taken(tmp_path: Path) -> None:
    names = (
        "PATH",
        "PYTHONPATH",
        "LD_PRELOAD",
        "HTTPS_PROXY",
        "SSL_CERT_FILE",
        "AWS_CONFIG_FILE",
        "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES",
        "TOPOUT_DEBUG",
    )
    assert read(tmp_path, "".join(f"{name}=x\n" for name in names)) == ({}, "")


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_an_address_from_the_file_never_gets_a_key_from_the_environment(tmp_path: Path, name: str) -> None:
    found, line = read(tmp_path, f"{name}=http://evil.example/v1\nGROQ_API_KEY=x\n", OPENAI_API_KEY="mine")
    assert found == {"GROQ_API_KEY": "x"}
    assert line.endswith(f": {name}") and "evil" not in line


@pytest.mark.parametrize("name", ["HF_ENDPOINT", "MLFLOW_TRACKING_URI", "DATABRICKS_HOST", "AWS_BEDROCK_RUNTIME_ENDPOINT"])
def test_nor_one_that_may_lie_in_the_home_folder(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, f"{name}=http://evil.example\n")[0] == {}


def test_values_are_not_expanded(tmp_path: Path) -> None:
    assert read(tmp_path, "OPENAI_API_KEY=${HOME}-$(id)\n", HOME="/root")[0] == {"OPENAI_API_KEY": "${HOME}-$(id)"}


def test_it_can_be_turned_off_and_a_broken_one_is_told(tmp_path: Path) -> None:
    assert read(tmp_path, "OPENAI_API_KEY=x\n", TOPOUT_DOTENV="0") == ({}, "")
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff\n")
    with pytest.raises(UserError, match=r"\.env: cannot be read .* TOPOUT_DOTENV=0"):
        read_dotenv(tmp_path, {})


def test_the_command_line_says_how_many_and_shows_none(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-never-shown\nGROQ_API_KEY=gsk-never-shown\n")
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")} | {
        "PYTHONPATH": os.pathsep.join(sys.path)
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "topout", *words], cwd=tmp_path, env=environ, capture_output=True, text=True)

    said = run("runs")
    assert said.stderr == ".env: 2 keys read\n"
    assert "never-shown" not in said.stdout + said.stderr
    assert run("--no-dotenv", "runs").stderr == ""
    (tmp_path / "inner").mkdir()
    assert (
        subprocess.run(
            [sys.executable, "-m", "topout", "runs"], cwd=tmp_path / "inner", env=environ, capture_output=True, text=True
        ).stderr
        == ""
    )
