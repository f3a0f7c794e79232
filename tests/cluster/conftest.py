"""The command line in processes of its own, and a place for Ray's files with a short path (it makes sockets there)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def ray_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Where Ray keeps its logs in this test. The working folder is an empty one, and the environment has no key but a made-up one."""
    folder = Path(tempfile.mkdtemp(prefix="topout-ray-"))
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL", "_TOKEN"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-" + "planted" * 6)
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.chdir(tmp_path)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
