"""The winning prompt as files of other people's formats, and in prompt registries.

Exporters plan: they look at what is there and return the files that should be. Who called them does the writing, all or none. Registries hold
versions and aliases; what is published and which alias moves is decided by their caller, for all of them alike.
"""

from __future__ import annotations

from collections.abc import Mapping

from topout.contracts import Exporter
from topout.exporters.dotprompt import dotprompt
from topout.exporters.dspy_state import dspy_state
from topout.exporters.langchain import langchain
from topout.exporters.messages import messages
from topout.exporters.prompty import prompty
from topout.exporters.python_module import python_module
from topout.exporters.text_file import text_file

__all__ = ["TARGETS"]

TARGETS: Mapping[str, Exporter] = {
    "text": text_file,
    "messages": messages,
    "dspy": dspy_state,
    "python": python_module,
    "langchain": langchain,
    "prompty": prompty,
    "dotprompt": dotprompt,
}
