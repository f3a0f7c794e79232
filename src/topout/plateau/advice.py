"""The next rung, from a table of rules: read from the top, the first rule whose conditions all hold is the advice (docs/advice.md says why so).

What each condition means, and which figure it rests on: topout.plateau.conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

from topout.domain import Advice, Reason, Rung
from topout.plateau import conditions as c
from topout.plateau.conditions import Condition
from topout.plateau.situation import Situation

__all__ = ["AGAINST_TRAINING", "CAVEAT", "RULES", "Rule", "advise"]

CAVEAT = "The task model is a program in this process: its figures say nothing about LLMs, and neither does this advice."


@dataclass(frozen=True, slots=True)
class Rule:
    """`lead` is the advice in words; all of `when` have to hold, the first of them gives the figure that the advice is told with. `notes` are said too
    where they hold, and decide nothing. A `last` rule stands for want of a better one and is never a second choice."""

    rung: Rung
    lead: str
    when: tuple[Condition, ...]
    notes: tuple[Condition, ...] = ()
    last: bool = False


TRAINING_IS_UP = (c.TOPPED_OUT, c.LEVERS_TRIED, c.STRONGER_DONE)
"""Nothing cheaper is left: no advice to train, and none about training, without these."""

SFT = (*TRAINING_IS_UP, c.DEMONSTRABLE, c.OUTPUT_NARROW, c.STABLE, c.PROVABLE, c.BASE_STABLE, c.SHIFT_WATCHED)

RULES: tuple[Rule, ...] = (
    Rule("mend the data", "Add rows before anything else", (c.EVAL_TOO_SMALL,)),
    Rule("stop", "Stop here: the target is reached", (c.TARGET_REACHED,)),
    Rule("keep prompting", "Go on prompting", (c.CLIMBING,)),
    Rule("keep prompting", "Go on prompting: try the levers that had no turn", (c.LEVERS_UNTRIED, c.NOT_CLIMBING)),
    Rule("stop", "Stop here, it is good enough", (c.NEAR_TARGET, c.TOPPED_OUT)),
    Rule("mend the data", "Mend the labels: the score is at the ceiling of agreement", (c.AT_CEILING, c.NOT_CLIMBING)),
    Rule("mend the data", "Mend the labels that the failures point at", (c.LABELS_WRONG, c.NOT_CLIMBING), (c.SUSPECTS,)),
    Rule("retrieval", "Give the model what it does not know: retrieval", (c.NO_KNOWLEDGE, c.STALLED)),
    Rule("tools", "Give the model what it cannot do: tools", (c.NO_CAPABILITY, c.STALLED)),
    Rule(
        "keep prompting",
        "Go on prompting, by hand: let the model reason before it answers",
        (c.REASONING, c.NO_REASONING_LEVER, c.NOT_CLIMBING),
    ),
    Rule("keep prompting", "Go on prompting, by hand: another answer format", (c.FORMAT_DRIFTS, c.NO_FORMAT_LEVER, c.NOT_CLIMBING)),
    Rule("keep prompting", "Go on prompting, by hand: another answer format", (c.STYLE, c.NO_FORMAT_LEVER, c.NOT_CLIMBING)),
    Rule("can't tell yet", "Can't tell yet what comes after prompting", (c.CANT_TELL,), (c.WOULD_DECIDE,), last=True),
    Rule("retrieval", "Give the model what it does not know: retrieval", (c.NO_KNOWLEDGE, c.CANT_TELL)),
    Rule("tools", "Give the model what it cannot do: tools", (c.NO_CAPABILITY, c.CANT_TELL)),
    Rule("mend the data", "Add holdout rows first", (c.UNPROVABLE, c.TOPPED_OUT)),
    Rule(
        "stronger model",
        "Try the next stronger model",
        (c.TOPPED_OUT, c.LEVERS_TRIED, c.STRONGER_OPEN),
        (c.STRONGER_PRICE, c.LATENCY, c.REASONING),
    ),
    Rule("stop", "Stop here: the volume is too small to repay training", (c.VOLUME_TOO_SMALL, *TRAINING_IS_UP)),
    Rule(
        "SFT",
        "Fine-tune with an adapter, so that other abilities survive (SFT, LoRA)",
        (*SFT, c.ENOUGH_ROWS, c.KEEP_OTHERS),
        (c.REPAID,),
    ),
    Rule("SFT", "Fine-tune on checked examples (SFT)", (*SFT, c.ENOUGH_ROWS), (c.REPAID,)),
    Rule(
        "RL",
        "Train by reward, from a fine-tuned model (RL)",
        (
            *TRAINING_IS_UP,
            c.VERIFIABLE,
            c.NOT_DEMONSTRABLE,
            c.TUNED_BASE,
            c.PROVABLE,
            c.BASE_STABLE,
            c.STABLE,
            c.SHIFT_WATCHED,
            c.RL_ROWS,
        ),
        (c.REPAID,),
    ),
    Rule("stop", "Keep this prompt until the base model has changed", (c.BASE_CHANGING, *TRAINING_IS_UP)),
    Rule("stop", "Keep this prompt and follow the requirements with it", (c.DRIFTING, *TRAINING_IS_UP)),
    Rule("stop", "Keep this prompt: nothing to train by", (c.NOT_VERIFIABLE, c.NOT_DEMONSTRABLE, *TRAINING_IS_UP)),
    Rule("stop", "Keep this prompt: nothing to start RL from", (c.NO_TUNED_BASE, c.NOT_DEMONSTRABLE, *TRAINING_IS_UP)),
    Rule("mend the data", "Add a shift split before any training", (c.SHIFT_UNWATCHED, c.WOULD_TRAIN, *TRAINING_IS_UP)),
    Rule("mend the data", "Collect checked examples before any training", (c.FEW_ROWS, *SFT)),
    Rule("SFT", "A pilot of fine-tuning with an adapter (SFT, LoRA)", (*SFT, c.SOME_ROWS)),
    Rule("mend the data", "Read the rows that nothing solves", (c.SUSPECTS, c.TOPPED_OUT)),
)
"""The table. Order is precedence: what is cheap and can be undone stands before what is not."""

LEFT_OPEN = Rule("can't tell yet", "Prompting has topped out; what comes next hangs on facts not told", (c.TOPPED_OUT,), last=True)
LEFT_OVER = Rule("stop", "Keep this prompt: nothing beyond it fits", (c.TOPPED_OUT,), last=True)
"""Where no rule of the table holds: with facts missing, and with none missing."""

AGAINST_TRAINING: tuple[Condition, ...] = (
    c.BASE_CHANGING,
    c.DRIFTING,
    c.SHIFT_UNWATCHED,
    c.SHIFT_RISK,
    c.KEEP_OTHERS,
    c.NO_AIM,
    c.UNPROVABLE,
    c.FEW_ROWS,
    c.NEVER_REPAID,
)
"""What speaks against training where it holds, blocking or not; asked once prompting has topped out."""


def advise(s: Situation) -> Advice:
    """The next rung, with its reasons. Never raises for poor input; facts that would decide otherwise are asked for by name, none is assumed."""
    open_rules = [rule for rule in RULES if all(one.holds(s) is not False for one in rule.when)]
    fitting = [rule for rule in open_rules if all(one.holds(s) for one in rule.when)]
    asks = questions(s, open_rules, fitting[0] if fitting else None)
    chosen = fitting[0] if fitting else LEFT_OPEN if asks else LEFT_OVER
    reasons = tuple(one.reason(s) for one in (*chosen.when, *chosen.notes) if one.holds(s))
    also: dict[Rung, Reason] = {}
    for rule in fitting[1:]:
        if rule.rung != chosen.rung and not rule.last:
            also.setdefault(rule.rung, Reason(f"{rule.lead}.", rule.when[0].figure(s)))
    topped_out = s.verdict.ruling == "topped out"
    against = [one for one in AGAINST_TRAINING if one.holds(s)] if topped_out else []
    if c.SHIFT_UNWATCHED in against:
        against.remove(c.SHIFT_RISK)
    priced = s.deployment.tuned_price_per_1000_usd is not None or s.deployment.training_cost_usd is not None
    return Advice(
        rung=chosen.rung,
        sentence=f"{chosen.lead} ({reasons[0].figure}).",
        reasons=reasons,
        against=tuple(one.reason(s) for one in against),
        also=tuple(also.items()),
        asks=asks,
        break_even=s.repayment if topped_out and (priced or chosen.rung in ("SFT", "RL")) else None,
        caveat=CAVEAT if s.embedded else "",
    )


def questions(s: Situation, open_rules: list[Rule], chosen: Rule | None) -> tuple[str, ...]:
    """What is missing to know whether a rule above the chosen one holds, and what the chosen one would like to tell."""
    asked: list[str] = []
    for rule in open_rules:
        asked += [fact for one in rule.when if one.holds(s) is None or rule is chosen for fact in one.lacks(s)]
        if rule is chosen:
            asked += [fact for one in rule.notes for fact in one.lacks(s)]
            break
    return tuple(dict.fromkeys(asked))
