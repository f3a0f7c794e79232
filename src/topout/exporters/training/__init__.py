"""The next rung: what a run and its task hold, as files for trainers. Train and dev rows only, never a held-out one."""

from __future__ import annotations

from collections.abc import Mapping

from topout.contracts import HandOffExporter
from topout.exporters.training.dpo import dpo
from topout.exporters.training.grpo import grpo
from topout.exporters.training.rft import rft
from topout.exporters.training.sft import sft
from topout.exporters.training.verifiers_env import verifiers_env

__all__ = ["TRAINERS"]

TRAINERS: Mapping[str, HandOffExporter] = {"sft": sft, "dpo": dpo, "grpo": grpo, "rft": rft, "verifiers": verifiers_env}
