from pathlib import Path

import pytest

import topout.app
from topout.app.options import LadderOptions, RunOptions
from topout.config.settings import RunSettings
from topout.errors import UserError


def test_every_setting_of_a_run_is_an_option_or_set_by_topout_itself() -> None:
    assert set(RunSettings.model_fields) - set(RunOptions.__annotations__) == {"task", "paid_only", "timeout"}
    assert set(RunOptions.__annotations__) - set(RunSettings.model_fields) == set()


def test_an_unknown_option_is_a_type_error_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"unknown option .max_call.\. Did you mean .max_calls.\?"):
        topout.optimize("tasks/support-tickets", runs_dir=tmp_path, max_call=100)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"unknown option .shot.\. Did you mean .shots.\?"):
        topout.plan_ladder("tasks/support-tickets", models=("a", "b"), shot=3)  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == []
    assert "shots" in LadderOptions.__annotations__


def test_a_value_out_of_range_names_its_option() -> None:
    with pytest.raises(UserError, match=r"--delta = 2: .*less than 1.* It is a fraction"):
        topout.app.estimate("tasks/support-tickets", delta=2)
