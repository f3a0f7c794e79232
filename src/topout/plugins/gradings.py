"""A task folder's scorer in a form that travels."""

from __future__ import annotations

from topout.config.task_file import PythonScorer, TaskFile
from topout.config.toml_files import check_toml, read_text
from topout.contracts import Grading
from topout.plugins.tasks import TaskFolder, read_schema

__all__ = ["read_grading"]


def read_grading(loaded: TaskFolder) -> Grading:
    """Name, settings, labels and schema of a built-in scorer; file name and text of the user's own. Raises UserError as `load_task` does."""
    toml = loaded.folder / "task.toml"
    settings = check_toml(read_text(toml), toml, TaskFile)
    if isinstance(settings.scorer, PythonScorer):
        return Grading(settings.scorer.file, code=read_text(loaded.folder / settings.scorer.file))
    chosen = settings.scorer.model_dump(mode="json", exclude={"name", "schema_file"})
    return Grading(settings.scorer.name, chosen, loaded.task.labels, read_schema(loaded.folder, settings))
