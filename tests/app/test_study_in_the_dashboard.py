"""What optuna-dashboard itself makes of a run that is mirrored, over its HTTP interface."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import topout as public
from topout.app.mirroring import Shelf
from topout.report.study import Trial
from topout.testing.postgres import free_port

pytestmark = pytest.mark.registries

URL = "sqlite:///study.db"


@contextmanager
def dashboard() -> Iterator[str]:
    """A dashboard that looks at the storage, in a process of its own."""
    pytest.importorskip("optuna_dashboard")
    port = free_port()
    words = ["--port", str(port), "--host", "127.0.0.1", URL]
    call = "import sys; from optuna_dashboard._cli import main; sys.exit(main())"
    server = subprocess.Popen([sys.executable, "-c", call, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def asked(url: str) -> Any:
    """What it answers, once it is up."""
    until = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.2)


def test_the_dashboard_lists_the_run_with_its_trials(tiny_task: Path) -> None:
    view = public.optimize(tiny_task, recipe="fewshot", max_calls=250, study=URL)
    with dashboard() as url:
        (listed,) = asked(f"{url}/api/studies")["study_summaries"]
        study = asked(f"{url}/api/studies/{listed['study_id']}")
    assert listed["study_name"] == view.folder.name
    assert len(study["trials"]) == len(view.findings.attempts)
    first = study["trials"][0]
    assert first["state"] == "Complete" and first["values"] == [pytest.approx(view.findings.dev.baseline.mean)]
    assert {one["name"]: one["param_external_value"] for one in first["params"]} == {"demos": "0", "instructions": "0"}


def test_the_dashboard_shows_an_attempt_that_is_under_way() -> None:
    shelf = Shelf(URL, "run-1", {})
    shelf.bring([], [-1])
    with dashboard() as url:
        assert [one["state"] for one in asked(f"{url}/api/studies/1")["trials"]] == ["Running"]
        shelf.bring([Trial(-1, {"demos": 0, "instructions": 0}, 0.5, "kept", "", 10, "c")], [0])
        states: list[str] = []
        until = time.monotonic() + 300
        while states != ["Complete", "Running"]:
            assert time.monotonic() < until, states
            states = [one["state"] for one in asked(f"{url}/api/studies/1")["trials"]]
