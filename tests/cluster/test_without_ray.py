from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from topout.app import optimize
from topout.errors import UserError
from topout.testing.provider import make_task


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_a_missing_package_is_told_in_a_line(tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", {"train": 4, "dev": 6, "holdout": 8})
    with pytest.raises(UserError, match=r"--executor ray: the package is missing\. pip install 'topout\[ray\]'"):
        optimize(task, executor="ray", runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache", max_calls=60)
    assert not list((tmp_path / "runs").glob("*/journal.jsonl"))


def test_another_executor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--executor = 'dask'"):
        optimize(tmp_path, executor="dask")
