"""`python -m topout.config.schema` writes the published JSON Schema of task.toml, for editors and other programs."""

from __future__ import annotations

import json
from pathlib import Path

from topout.config.task_file import task_schema

__all__ = ["SCHEMA_FILE", "schema_text"]

SCHEMA_FILE = Path(__file__).with_name("task.schema.json")


def schema_text() -> str:
    """The schema file's content."""
    return json.dumps(task_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
