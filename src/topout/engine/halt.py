"""Why a run has to end before its calls are used up."""

from __future__ import annotations

from dataclasses import dataclass

from topout.domain import Ending, Failure, Split

__all__ = ["Halt", "halting"]


@dataclass(slots=True)
class Halt:
    """Set by the first reply that tells that no further call will be answered. `exam_cut` is set apart, when what was kept for the exam did
    not suffice: that ends no search."""

    ending: Ending | None = None
    reason: str = ""
    exam_cut: tuple[Ending, str] | None = None

    def set(self, ending: Ending, reason: str) -> None:
        """The first reason stands; but a stop or an outage, after which nothing at all is asked, goes ahead of money and time."""
        if self.ending is None or (self.ending in ("money", "time") and ending in ("stopped", "outage")):
            self.ending, self.reason = ending, reason

    def bars(self, split: Split) -> bool:
        """Whether nothing more is to be asked on this split. Once the search's money or time is spent, the exam has its own share left;
        after a stop or an outage nobody asks any more."""
        match self.ending:
            case None:
                return False
            case "money" | "time":
                return split in ("train", "dev")
            case _:
                return True


def halting(failure: Failure) -> Ending | None:
    """The ending that a failure means for the whole run, None when it concerns one call only."""
    match failure.kind:
        case "stopped":
            return "stopped"
        case "circuit":
            return "outage"
        case "budget":
            return "time" if failure.message.startswith("time") else "money"
        case _:
            return None
