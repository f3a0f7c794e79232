"""DSPy's questions to its prompt model, put so that the simulated and the embedded critic can answer them.

Both read failures in a report; MIPROv2 shows them none: ten questions about the data lead to a summary of two sentences, and a proposal sees that and three
worked examples. So that the critic is as useful to it as to the others, a proposal is shown 30 of the rows that the summary was made from, as if
they had failed: more than the real proposal knows. The other questions count as the calls that they are, and are answered with a stand-in.
"""

from __future__ import annotations

from collections.abc import Sequence

from topout.bridges.host import editable
from topout.contracts import Member, Move
from topout.domain import Candidate, Message, Rollout, Scored, Task
from topout.engine.critique_message import critique_messages
from topout.search.demos import answer_text
from topout.search.place import rng_for

__all__ = ["for_the_critic"]

SUMMARISED = 100
SHOWN = 30
WRONG = "miss-unknown"


def for_the_critic(messages: Sequence[Message], task: Task, number: int, seed: int) -> tuple[Message, ...] | None:
    """The critic's own kind of message for DSPy's `number`-th question, None for one that proposes nothing."""
    if "[[ ## proposed_instruction ## ]]" not in messages[-1].content:
        return None
    rows = list(task.rows("train")[:SUMMARISED])
    rng_for(seed, number, "rows of a proposal").shuffle(rows)
    shown = rows[:SHOWN]
    baseline = Candidate("baseline", task.baseline)
    move = Move("rewrite", (Member(baseline, (), 0.0, 0.0),), component=editable(task)[0].name)
    failing = [
        Rollout("baseline", row.id, "train", 0, WRONG, Scored(0.0, f"expected {answer_text(row.expected)!r}")) for row in shown
    ]
    return critique_messages(task, move, failing, (), {row.id: row for row in shown})
