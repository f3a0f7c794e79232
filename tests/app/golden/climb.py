"""Hill climbing, an optimizer of one's own in a page: change the champion a little, keep what scores better on the dev rows.

Run it with `topout optimize TASK --recipe optimizers/hillclimb.py`. Choose it as a file to start from: `evolve` gets further with the same calls.
`topout.testing.conformance.check_optimizer` examines what you make of it.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace

from topout.contracts import History, Lab, Move, Optimizer, Stop
from topout.domain import Attempt, Demo, Scored


def optimizer(settings: Mapping[str, bool | int | float | str]) -> Optimizer:
    """What topout calls. `settings` come from a recipe with `optimizer = "hillclimb.py"`; there are none when this file is the recipe."""
    return HillClimb(patience=int(settings.get("patience", 40)))


@dataclass(frozen=True)
class HillClimb:
    patience: int  # attempts without a better prompt, after which it gives up
    lanes: int = 4  # attempts in flight

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """What to try next, from the arguments alone: so any run can be repeated and resumed. Even numbers ask the critic, odd ones add a demo."""
        if len(history.attempts) >= self.patience and all(a.outcome != "kept" for a in history.attempts[-self.patience :]):
            return Stop(f"nothing better in {self.patience} attempts")
        champion, train, dev = history.pool[history.champion], history.task.rows("train"), history.task.rows("dev")
        prompt, row = champion.candidate.prompt, rng.choice(train)
        texts = [c.name for c in prompt.components if c.role == "system" and not c.frozen]
        if texts and number % 2 == 0:
            read = tuple(rng.sample(train, min(20, len(train))))
            return Move("rewrite", (champion,), read, component=rng.choice(texts), calls=1 + len(dev))
        answer = row.expected if isinstance(row.expected, str) else json.dumps(row.expected)
        longer = prompt.with_demos((*prompt.demos, Demo(row.inputs, answer, row.id)))
        return Move("demos", (champion,), prompt=longer, rationale=f"show {row.id}", calls=len(dev))

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Carry the move out. The lab asks the models, keeps to the budget (None: it has ended) and writes all of it down."""
        parent = move.parents[0]
        done = Attempt(number, move.operator, (parent.candidate.id,), "cut", "the budget ended")
        prompt, rationale = move.prompt, move.rationale
        if prompt is None:
            seen = await lab.measure(parent.candidate, move.read)
            wrong = [r for r in seen or () if isinstance(r.score, Scored) and r.score.value < 1]
            critique = await lab.critique(move, wrong, ()) if seen else None
            if critique is None or critique.prompt is None:
                return replace(done, outcome="rejected", reason=critique.rejected) if critique else done
            prompt, rationale = critique.prompt, critique.rationale
        candidate = lab.candidate(prompt, move, rationale)
        done = replace(done, candidate=candidate)
        rollouts = await lab.measure(candidate, lab.task.rows("dev"))
        known = [(r.score.value, s) for r, s in zip(rollouts or (), parent.scores, strict=False) if isinstance(r.score, Scored)]
        gains = [value - s for value, s in known if s == s]  # s is nan where the parent has no score
        if not gains:
            return done if rollouts is None else replace(done, outcome="failed", reason="no dev row was answered")
        gain = sum(gains) / len(gains)
        return replace(done, outcome="kept" if gain > 0 else "dropped", reason=f"{gain:+.3f}", gain=gain, rows=len(gains))
