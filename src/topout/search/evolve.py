"""`evolve`, the default optimizer: reflective edits and few-shot sets, raced against their parents.

After GEPA (Agrawal et al. 2025, arXiv 2507.19457): a critic reads failing train rows and rewrites one component, parents come from the
per-example Pareto frontier on dev, frontier members are merged. What is different: candidates carry a few-shot set, a challenger
is raced on dev rows in growing blocks instead of on the rows that the critic has just read, against what is expected of its parent on each of them (`bar`), and
the gate is soft (to join the pool it has to look better than its own parent, not than the champion, which is tracked apart), and every decision is a function of
its place.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from topout.contracts import History, Lab, Member, Move, Stop
from topout.domain import Attempt, Operator
from topout.search.bar import bar_of
from topout.search.demos import edit_demos
from topout.search.grafting import crossed
from topout.search.parents import draw_parent, draw_partner, newcomer
from topout.search.program_moves import program_move
from topout.search.racing import first_rows
from topout.search.switch import Genes, switch_move
from topout.search.trial import Terms, carry_out, fruitless, instructs, race_calls, rewrite_move

__all__ = ["Evolve", "EvolveSettings"]

TRIES_A_ROW = 20
"""Where dev has fewer rows than a first heat, a race costs next to nothing and the critic all there is to spend: so many proposals for each row without a better one
are the end."""


@dataclass(frozen=True, slots=True)
class EvolveSettings(Terms):
    """Settings of `evolve`; what each means stands beside it in optimizers/evolve.toml. Raises ValueError when out of range."""

    lanes: int = 4
    read_rows: int = 32
    enough_failures: int = 24
    edits: int = 5
    first_block: int = 10
    shorten_z: float = -0.3
    champion_share: float = 0.8
    rewrite: float = 0.6
    demos: float = 0.15
    merge: float = 0.05
    shorten: float = 0.2
    cross: bool = True
    switch: float = 0.0
    think: int = 0
    json: int = 0
    max_votes: int = 0
    max_retrieved: int = 0
    max_demos: int = 48
    demo_word_cap: int = 1500
    least_rows: int = 30
    rows_per_call: float = 0.06
    pooled: float = 0.7
    trust: float = 0.7
    patience: int = 12
    kept_back: float = 1.0
    give_up_after: int = 400
    blame: float = 0.7
    proof_rows: int = 8
    proven_z: float = -0.3

    def __post_init__(self) -> None:
        Terms.__post_init__(self)
        for name, value in (("lanes", self.lanes), ("give_up_after", self.give_up_after), ("least_rows", self.least_rows)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.patience < 0:
            raise ValueError("patience must not be negative")
        for name, share in (
            ("champion_share", self.champion_share),
            ("blame", self.blame),
            ("pooled", self.pooled),
            ("trust", self.trust),
            ("kept_back", self.kept_back),
        ):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must lie in [0, 1]")
        shares = (self.rewrite, self.demos, self.merge, self.shorten, self.switch)
        if min(shares) < 0 or sum(shares) <= 0:
            raise ValueError("the shares rewrite, demos, merge, shorten and switch must not be negative, and not all 0")


class Evolve:
    """The optimizer. Holds settings only: all that it knows of a run is handed to it."""

    def __init__(self, settings: EvolveSettings) -> None:
        self.settings = settings

    @property
    def lanes(self) -> int:
        return self.settings.lanes

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """Draw a parent and an operator. An operator that has nothing to do here gives way to the next."""
        move = self.choose(number, history, rng)
        if isinstance(move, Stop):
            return move
        s, parent = self.settings, move.parents[0]
        dev = len(parent.scores)
        lacking = sum(parent.scores[i] != parent.scores[i] for i in first_rows(dev, move.rows or dev))
        patience = (
            0 if move.operator == "shorten" else s.patience
        )  # it would take the champion's place: no reason to believe less of that
        bar = bar_of(parent, history, move.rows, s.pooled, s.trust, patience)
        return replace(move, bar=bar, more=int(s.kept_back * (move.more + parent.calls * lacking)))

    def choose(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """The move, without the bar that its challenger is held against."""
        s = self.settings
        if fruitless(history) >= s.give_up_after:
            return Stop(f"the last {s.give_up_after} proposals did not pass the checks or repeated an earlier one")
        dev = len(history.task.rows("dev"))
        if dev < s.first_block and without_gain(history) >= TRIES_A_ROW * dev:
            return Stop(
                f"the last {TRIES_A_ROW * dev} proposals were no better on {dev} dev {'row' if dev == 1 else 'rows'}, which tell no more"
            )
        join = self.crossover(history) if s.cross and follows(number, history, s.lanes) else None
        if join is not None:
            return join
        opening = self.switch(history.pool[0], history, rng, number) if s.switch else None
        if opening is not None:  # each gene once, early: there are few, and each may be worth more than any text
            return opening
        parent = draw_parent(history, rng, s.champion_share)
        for operator in operator_order(s, rng):
            move = self.move(operator, parent, history, rng)
            if move is not None:
                return move
        return Stop("no operator of the recipe has anything to do: no component can be edited and no demo can be added")

    def switch(self, parent: Member, history: History, rng: random.Random, kind: int | None = None) -> Move | None:
        """A gene of the parent switched: any, or the `kind`-th of those that the recipe allows."""
        s = self.settings
        genes = Genes(bool(s.think), bool(s.json), s.max_votes, s.max_retrieved)
        return switch_move(history.task, parent, genes, s, rng, kind, self.rows(history))

    def move(self, operator: Operator, parent: Member, history: History, rng: random.Random) -> Move | None:
        """The move of one operator on this parent, None when it does not apply."""
        s = self.settings
        rows = self.rows(history)
        if history.task.program:
            return program_move(operator, parent, history, rng, s, s, rows)
        first, rest = race_calls(rows, s, parent.calls)
        if operator == "demos":
            known = history.train_scores.get(parent.candidate.id, {})
            edit = edit_demos(parent.candidate.prompt, history.task.rows("train"), known, s.max_demos, s.demo_word_cap, rng)
            return edit and Move("demos", (parent,), prompt=edit[0], rationale=edit[1], calls=first, more=rest, rows=rows)
        if operator == "switch":
            return self.switch(parent, history, rng)
        editable = [c for c in parent.candidate.prompt.components if instructs(c)]
        if not editable:
            return None
        component = rng.choice(editable)
        if operator == "merge":
            partner = draw_partner(history, rng, parent) if len(history.pool) > 2 else None
            if partner is None or texts_equal(parent, partner, component.name):
                return None
            pair = (parent, partner) if parent.mean >= partner.mean else (partner, parent)
            return Move("merge", pair, component=component.name, word_cap=s.word_cap, calls=1 + first, more=rest, rows=rows)
        if operator == "shorten":
            words = len(component.text.split())
            if words < 60:
                return None
            cap = max(40, int(words * 0.7))
            return Move("shorten", (parent,), component=component.name, word_cap=cap, calls=1 + first, more=rest, rows=rows)
        return rewrite_move(parent, component, history, replace(s, proof_rows=0), rng, rows)

    def rows(self, history: History) -> int:
        """How many dev rows a race is over: few while few calls have been made, since a full pass over many would be most of what there is to spend."""
        wanted = max(self.settings.least_rows, int(history.calls * self.settings.rows_per_call))
        return min(len(history.task.rows("dev")), wanted)

    def crossover(self, history: History) -> Move | None:
        """The change of a member that was kept beside the champion, made to the champion: right when it is committed, and without the critic.

        Attempts in flight are built on what was the champion when they were planned; so what they find is not lost when another one is
        committed first.
        """
        partner = None if history.task.program else newcomer(history)
        if partner is None:
            return None
        champion = history.pool[history.champion]
        before = next((m for m in history.pool if m.candidate.id == partner.candidate.parents[0]), None)
        if before is None:
            return None
        prompt = crossed(before.candidate.prompt, partner.candidate.prompt, champion.candidate.prompt, self.settings.max_demos)
        if prompt is None:
            return None
        rows = self.rows(history)
        first, rest = race_calls(rows, self.settings, champion.calls)
        why = f"the change of {partner.candidate.id[:8]} as well: {partner.candidate.rationale}"
        return Move("merge", (champion, partner), prompt=prompt, rationale=why, calls=first, more=rest, rows=rows)

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Get the proposal, then race it against its parent over the dev rows."""
        s = self.settings
        if move.operator == "shorten":
            s = replace(s, stay_z=s.shorten_z)
        elif move.operator == "rewrite" and lab.task.program:
            return await carry_out(number, move, lab, replace(s, stay_z=s.proven_z))
        return await carry_out(number, move, lab, replace(s, proof_rows=0))


def follows(number: int, history: History, lanes: int) -> bool:
    """Whether attempt `number` is the one that is planned because the latest one was committed. A probe, which plans many from one history, has none."""
    return bool(history.attempts) and number == history.attempts[-1].number + lanes


def without_gain(history: History) -> int:
    """How many attempts there were since one was kept."""
    return next((n for n, attempt in enumerate(reversed(history.attempts)) if attempt.outcome == "kept"), len(history.attempts))


def operator_order(s: EvolveSettings, rng: random.Random) -> list[Operator]:
    """The operators in a random order, each first with a probability in proportion to its share; those with share 0 never."""
    shares: dict[Operator, float] = {
        "rewrite": s.rewrite,
        "demos": s.demos,
        "merge": s.merge,
        "shorten": s.shorten,
        "switch": s.switch,
    }
    live = [(name, share) for name, share in shares.items() if share > 0]
    return [name for name, share in sorted(live, key=lambda one: -(rng.random() ** (1 / one[1])))]


def texts_equal(one: Member, other: Member, component: str) -> bool:
    """Whether two members carry the same text there."""
    return one.candidate.prompt.component(component).text == other.candidate.prompt.component(component).text
