"""What docs/exports.md shows is run."""

import re
from pathlib import Path

import pytest

import topout
from topout.testing.exporting import check_exporter
from topout.testing.runs import PretendedRun, write_run

DOCS = Path(__file__).parents[2] / "docs" / "exports.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)


def run(example: str) -> dict[str, object]:
    found: dict[str, object] = {}
    exec(compile(example, str(DOCS), "exec"), found)
    return found


def test_the_exporter_of_ones_own_sits_the_exam(tmp_path: Path) -> None:
    (example,) = [one for one in EXAMPLES if "def shouting" in one]
    exporter = run(example)["shouting"]
    assert callable(exporter)
    check_exporter(exporter, tmp_path)


@pytest.mark.registries
def test_what_was_exported_is_loaded_with_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: make test-registries runs this")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_run(tmp_path / "runs" / "one", PretendedRun(shift=0))
    done = topout.export("one", to="mlflow", name="tickets", alias="production")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    (example,) = [one for one in EXAMPLES if "load_prompt" in one]
    messages = run(example)["messages"]
    assert isinstance(messages, list)
    assert messages[0] == {"role": "system", "content": done.offer.prompt.component("system").text}
    assert messages[-1] == {"role": "user", "content": "Ticket: My parcel is late"}
