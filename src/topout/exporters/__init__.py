"""The winning prompt as files of other people's formats, and in prompt registries.

Exporters plan: they look at what is there and return the files that should be. Who called them does the writing, all or none. Registries hold
versions and aliases; what is published and which alias moves is decided by their caller, for all of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from topout.contracts import Exporter, HandOffExporter, RegistryTarget
from topout.exporters import langfuse_registry, mlflow_registry, phoenix_registry
from topout.exporters.dotprompt import dotprompt
from topout.exporters.dspy_state import dspy_state
from topout.exporters.langchain import langchain
from topout.exporters.messages import messages
from topout.exporters.promptfoo import promptfoo
from topout.exporters.prompty import prompty
from topout.exporters.python_module import python_module
from topout.exporters.text_file import text_file
from topout.exporters.training import TRAINERS

__all__ = ["DIRECTORY", "HAND_OFFS", "SERVERS", "TARGETS", "TESTERS"]

TARGETS: Mapping[str, Exporter] = {
    "text": text_file,
    "messages": messages,
    "dspy": dspy_state,
    "python": python_module,
    "langchain": langchain,
    "prompty": prompty,
    "dotprompt": dotprompt,
}

DIRECTORY = "registry"
"""The registry that is a folder. Its caller brings the writing."""

SERVERS: Mapping[str, RegistryTarget] = {
    "mlflow": RegistryTarget(mlflow_registry.connect),
    "phoenix": RegistryTarget(phoenix_registry.connect),
    "langfuse": RegistryTarget(langfuse_registry.connect),
}

TESTERS = frozenset({"promptfoo"})
"""Hand-offs that test the prompt, on held-out rows; all others train a model, on train and dev rows."""

HAND_OFFS: Mapping[str, HandOffExporter] = {"promptfoo": promptfoo, **TRAINERS}
"""Targets that need rows of the task, and what the run's candidates answered to them."""
