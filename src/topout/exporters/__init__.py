"""The winning prompt as files of other people's formats, and in a registry that is a directory.

Exporters plan: they look at what is there and return the files that should be. Who called them does the writing, all or none.
"""

from __future__ import annotations

from collections.abc import Mapping

from topout.contracts import Exporter
from topout.errors import UserError, did_you_mean
from topout.exporters.dotprompt import dotprompt
from topout.exporters.dspy_state import dspy_state
from topout.exporters.langchain import langchain
from topout.exporters.messages import messages
from topout.exporters.prompty import prompty
from topout.exporters.python_module import python_module
from topout.exporters.registry import registry
from topout.exporters.text_file import text_file

__all__ = ["TARGETS", "exporter"]

TARGETS: Mapping[str, Exporter] = {
    "text": text_file,
    "messages": messages,
    "dspy": dspy_state,
    "python": python_module,
    "langchain": langchain,
    "prompty": prompty,
    "dotprompt": dotprompt,
    "registry": registry,
}


def exporter(target: str) -> Exporter:
    """The exporter of that name. Raises UserError with the nearest name and all of them."""
    try:
        return TARGETS[target]
    except KeyError:
        near = did_you_mean(target, TARGETS)
        near = near if near.startswith(" Did") else ""
        raise UserError(f"--to {target}: no such target.{near} Targets: {', '.join(TARGETS)}.") from None
