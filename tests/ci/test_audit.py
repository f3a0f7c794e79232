"""The audit of the locks: it fails for what it is there for, and when it audited nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HASH = f"--hash=sha256:{'0' * 64}"


def audit(*locks: Path | str, **environ: str) -> subprocess.CompletedProcess[str]:
    """pip-audit is put out of the way: what the database says is not for a test."""
    shadow = {"PYTHONSAFEPATH": "", "PATH": os.environ["PATH"], **environ}
    code = "import sys, runpy; sys.modules['pip_audit'] = None; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", code, str(ROOT / ".ci/audit.py"), *map(str, locks)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=shadow)


def lock(folder: Path, text: str) -> Path:
    (folder / "x.lock").write_text(text, encoding="utf-8")
    return folder / "x.lock"


def test_the_locks_of_this_project_pass() -> None:
    done = audit("requirements.lock", "requirements-dev.lock", "requirements-registries.lock")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" 0 faults") == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no package in it: nothing was audited"),
        ("# only a comment\n", "no package in it: nothing was audited"),
        ("httpx==0.28.1\n", "httpx==0.28.1 has no sha256 hash"),
        (f"httpx>=0.28 {HASH}\n", "'httpx>=0.28"),
        (f"litellm==1.82.8 \\\n    {HASH}\n", "litellm==1.82.8 is a malicious release (PYSEC-2026-2)"),
        (f"LiteLLM[proxy]==1.82.7 {HASH}\n", "litellm==1.82.7 is a malicious release"),
        (f"--extra-index-url https://evil.example/simple\nhttpx==0.28.1 {HASH}\n", "'--extra-index-url"),
        (f"httpx @ https://evil.example/httpx.whl {HASH}\n", "'httpx @"),
        (f"-e .\nhttpx==0.28.1 {HASH}\n", "'-e .'"),
    ],
)
def test_what_is_wrong_with_a_lock_fails(tmp_path: Path, text: str, said: str) -> None:
    done = audit(lock(tmp_path, text))
    assert done.returncode == 1
    assert said in done.stderr


def test_no_lock_at_all_fails() -> None:
    assert audit().returncode == 1


def test_advisories_that_were_not_checked_are_told_and_fail_where_they_are_required(tmp_path: Path) -> None:
    good = lock(tmp_path, f"httpx==0.28.1 {HASH}\n")
    done = audit(good)
    assert (done.returncode, "advisories: NOT CHECKED" in done.stdout) == (0, True)
    assert audit(good, AUDIT_ADVISORIES="required").returncode == 1
