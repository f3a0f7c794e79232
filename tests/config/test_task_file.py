from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from topout.config.schema import SCHEMA_FILE, schema_text
from topout.config.task_file import DeploymentFacts, TaskFile, task_schema
from topout.domain import Deployment

SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def test_the_published_schema_is_fresh() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run python -m topout.config.schema"


def test_the_schema_is_valid_and_describes_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    tables: list[Any] = [SCHEMA, *SCHEMA["$defs"].values()]
    bare = [
        (t["title"], name) for t in tables for name, field in t["properties"].items() if not {"description", "$ref"} & field.keys()
    ]
    assert bare == []


MINIMAL: dict[str, Any] = {"name": "t", "fields": ["text"], "scorer": {"name": "label"}}


@pytest.mark.parametrize(
    "scorer", [{"name": "label", "strict": False}, {"file": "scorer.py"}, {"name": "json", "schema": "s.json"}]
)
def test_schema_and_reader_accept_the_same_scorers(scorer: dict[str, Any]) -> None:
    document = {**MINIMAL, "scorer": scorer}
    jsonschema.validate(document, SCHEMA)
    TaskFile.model_validate(document)


@pytest.mark.parametrize("scorer", [{"name": "lable"}, {}, {"name": "label", "tolerance": 1}, {"file": ""}])
def test_schema_and_reader_refuse_the_same_scorers(scorer: dict[str, Any]) -> None:
    document = {**MINIMAL, "scorer": scorer}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(ValueError, match="scorer"):
        TaskFile.model_validate(document)


def test_every_built_in_scorer_can_be_named() -> None:
    mapping: Any = task_schema()["properties"]
    assert set(mapping["scorer"]["discriminator"]["mapping"]) == {
        "label",
        "exact",
        "contains",
        "regex",
        "numeric",
        "token_f1",
        "json",
        "code",
        "judge",
        "python",
    }


def test_the_defaults_are_as_documented() -> None:
    task = TaskFile.model_validate(MINIMAL)
    assert (task.expected, task.id, task.group, task.labels) == ("expected", None, None, "from:train")
    assert (task.splits.ratios.train, task.splits.ratios.dev, task.splits.ratios.holdout) == (0.3, 0.2, 0.5)
    assert (task.model.temperature, task.model.max_output_tokens, task.splits.max_row_bytes) == (0.0, 512, 1_000_000)


def test_a_deployment_fact_is_the_same_for_the_file_and_for_the_advice() -> None:
    assert list(DeploymentFacts.model_fields) == [one.name for one in fields(Deployment)]


def test_infinite_facts_are_refused_as_they_travel_in_json() -> None:
    with pytest.raises(ValueError, match="finite number"):
        DeploymentFacts(calls_per_day=float("inf"))


def test_every_fact_of_use_stands_on_the_page_about_the_advice() -> None:
    page = (Path(__file__).parents[2] / "docs" / "advice.md").read_text()
    assert [name for name in DeploymentFacts.model_fields if f"`{name}`" not in page] == []
