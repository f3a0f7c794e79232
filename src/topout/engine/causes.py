"""Why the winner still fails: after the search, the critic reads its failing dev rows and groups them by cause.

Dev rows, never holdout ones: the critic sees no row that anything is measured on. Dev has done its work by then (the selection), and nothing is
tried after this, so what the critic makes of these rows changes no prompt and no figure. It is an opinion about rows, not an estimate: the search has
fitted the prompt to dev, so failures on new rows may have other causes in other shares.
"""

from __future__ import annotations

from collections.abc import Sequence

from topout.contracts import Journal
from topout.domain import ANALYSIS, Analysed, Candidate, Critiqued, Failure, Reply, Request, Rollout, Scored, Task
from topout.engine.causes_message import BadReply, causes_messages, chosen_rows, read_causes
from topout.engine.critic import journaled, no_answer
from topout.engine.halt import Halt, halting
from topout.engine.harness import Seat
from topout.engine.replay import Replay
from topout.search.place import seed_for

__all__ = ["Analyst", "failing_rows"]


def failing_rows(seed: int, rollouts: Sequence[Rollout]) -> list[Rollout]:
    """The rows that were not answered fully right, worst first; among equals in an order drawn by the seed, so that the first of them are no part of
    the file but a sample."""
    scored = [(r.score.value, seed_for(seed, ANALYSIS, r.example), r) for r in rollouts if isinstance(r.score, Scored)]
    return [r for value, _, r in sorted(scored, key=lambda one: one[:2]) if value < 1]


class Analyst:
    """Asks `seat` at most `calls` times in a run, over all its sessions. `temperature` and `max_output_tokens` are the critic's own."""

    def __init__(
        self,
        task: Task,
        seat: Seat,
        journal: Journal,
        replay: Replay,
        halt: Halt,
        temperature: float,
        max_output_tokens: int,
        seed: int,
        calls: int,
    ) -> None:
        self._task = task
        self._seat = seat
        self._journal = journal
        self._replay = replay
        self._halt = halt
        self._temperature = temperature
        self._max_output_tokens = max_output_tokens
        self._seed = seed
        self._left = max(0, calls - replay.analysis_calls)
        self._dev = {example.id: example for example in task.rows("dev")}

    async def analyse(self, winner: Candidate, rollouts: Sequence[Rollout], final: bool) -> None:
        """Journal what the critic makes of the winner's failing dev rows, unless an earlier session has. A reply that breaks the rules is asked for once
        more when the run is over for good (`final`); one that may go on keeps that call for its last winner. Nothing here ends a run but what would
        end it anywhere: a stop, and a provider that is gone."""
        rows = chosen_rows(failing_rows(self._seed, rollouts), self._dev)
        if winner.id in self._replay.analysed or not rows:
            return
        ids = [r.example for r in rows]
        reason = ""
        for turn in (1, 2) if final else (1,):
            said = await self._said(turn, winner, rows)
            if said is None:
                break
            if said.failure is not None:
                reason = f"the critic gave no answer ({said.text})"
                continue
            try:
                clusters = read_causes(said.text, said.finish_reason, ids)
            except BadReply as bad:
                reason = str(bad)
                continue
            self._journal.append(Analysed(winner.id, tuple(ids), clusters))
            return
        if reason and self._halt.ending not in ("stopped", "outage"):
            self._journal.append(Analysed(winner.id, tuple(ids), (), reason))

    async def _said(self, turn: int, winner: Candidate, rows: Sequence[Rollout]) -> Critiqued | None:
        """The reply of this turn, from the journal or from the critic; None when there is no call left for it, or no money or time."""
        done = self._replay.critique(ANALYSIS, turn)
        if done is not None or not self._left or self._halt.ending in ("stopped", "outage"):
            return done
        request = Request(
            self._seat.name,
            causes_messages(self._task, winner.prompt, rows, self._dev),
            role="critic",
            temperature=self._temperature,
            max_output_tokens=self._max_output_tokens,
            seed=seed_for(self._seed, ANALYSIS, f"causes/{turn}") % 2**31,
        )
        match await self._seat.model.complete(request):
            case Failure() as failure:
                ending = halting(failure)
                if ending in ("stopped", "outage"):
                    self._halt.set(ending, failure.message)
                if ending is not None:
                    return None
                done = no_answer(ANALYSIS, failure, turn)
            case Reply() as reply:
                done = journaled(ANALYSIS, reply, turn)
        self._left -= 1
        self._journal.append(done)
        return done
