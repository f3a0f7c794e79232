"""The conditions of the advice, by name: whether each holds, the figure that it rests on, and the facts that it lacks.

A condition holds, does not hold, or cannot be known (None) until somebody tells a fact. What is not known is never taken for true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from topout.domain import Cause, Estimate, Reason
from topout.plateau import wording
from topout.plateau.break_even import ask, price_change
from topout.plateau.situation import Situation
from topout.plateau.verdict import MIN_DEV, MIN_HOLDOUT

__all__ = ["FORGETTING", "GOOD_ROWS", "LEAST_ROWS", "MAJOR_SHARE", "NARROW", "PATIENCE_MONTHS", "SHIFT_LOSS", "Condition"]

GOOD_ROWS, LEAST_ROWS = 500, 200
"""Checked examples from which fine-tuning is advised, and below which never."""
MAJOR_SHARE, MAJOR_ROWS = 0.2, 5
"""A cause is worth acting on when even the lower end of its share of the failing rows is at least a fifth, and it has five of them."""
NARROW = 0.05
"""Half an interval that is narrow enough to call a target within it reached: with fewer rows everything would be within it."""
EVEN = 0.5
"""While the verdict is open, the failures decide only where the next doubling more likely gains nothing worth having."""
MIN_SHIFT = 30
"""Rows that a shift split needs to watch anything."""
PATIENCE_MONTHS = 24.0
"""Training that repays later than this is not advised for its price."""
SHIFT_LOSS = "fine-tuning: about +2 % inside, -7 % outside its distribution (arXiv 2202.10054)"
FORGETTING = "arXiv 2504.01241"
ANALYSIS = "why it fails: no critic has read the failing rows yet"

Figure = Callable[[Situation], str]


def nothing(_: Situation) -> tuple[str, ...]:
    """No fact is missing."""
    return ()


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds` is None while it cannot be known; `text` says it in a sentence, `figure` with which figure; `lacks` asks for missing facts by name."""

    name: str
    holds: Callable[[Situation], bool | None]
    text: str
    figure: Figure
    lacks: Callable[[Situation], tuple[str, ...]] = nothing

    def reason(self, s: Situation) -> Reason:
        """The condition as a reason, with its figure in this situation."""
        return Reason(self.text, self.figure(s))


def told(name: str) -> Callable[[Situation], tuple[str, ...]]:
    """Asks for a deployment fact that is not there."""
    return lambda s: () if value(s, name) is not None else (ask(name),)


def value(s: Situation, name: str) -> object:
    """A deployment fact by its name."""
    return FACTS[name](s)


FACTS: dict[str, Callable[[Situation], object]] = {
    "target_score": lambda s: s.deployment.target_score,
    "label_agreement": lambda s: s.deployment.label_agreement,
    "stronger_model": lambda s: s.deployment.stronger_model,
    "stronger_price_per_1000_usd": lambda s: s.deployment.stronger_price_per_1000_usd,
    "calls_per_day": lambda s: s.deployment.calls_per_day,
    "latency_limit_s": lambda s: s.deployment.latency_limit_s,
    "demonstrable": lambda s: s.deployment.demonstrable,
    "output_narrow": lambda s: s.deployment.output_narrow,
    "output_stability": lambda s: s.deployment.output_stability,
    "good_rows": lambda s: s.deployment.good_rows,
    "keep_other_abilities": lambda s: s.deployment.keep_other_abilities,
    "base_model_stable": lambda s: s.deployment.base_model_stable,
    "out_of_distribution_cost": lambda s: s.deployment.out_of_distribution_cost,
    "verifiable": lambda s: s.deployment.verifiable,
    "tuned_base": lambda s: s.deployment.tuned_base,
}


def fact(name: str, wanted: object, text: str, label: str = "") -> Condition:
    """The condition that a deployment fact has a value."""
    return Condition(
        label or f"{name} = {wanted}",
        lambda s: None if value(s, name) is None else value(s, name) == wanted,
        text,
        lambda s: f"deployment.{name} = {shown(value(s, name))}",
        told(name),
    )


def shown(fact_value: object) -> str:
    """A fact as task.toml writes it."""
    if isinstance(fact_value, bool):
        return "true" if fact_value else "false"
    return "not told" if fact_value is None else str(fact_value)


def share(x: float) -> str:
    """`85 %`, `84.5 %`."""
    return f"{wording.points(x)} %" if math.isfinite(x) else "unknown"


# Figures


def odds(s: Situation) -> str:
    """The chance that the next doubling gains anything worth having, and on how many held-out rows the run was judged."""
    v, rows = s.verdict, f"n = {wording.calls(s.quality.n)} holdout rows"
    if v.probability is None or not math.isfinite(v.probability):
        return f"no chance estimated: {v.needs[0]}; {rows}" if v.needs else f"no chance estimated, {rows}"
    known = v.details.get("calls")
    more = f"{wording.calls(int(known))} more calls" if isinstance(known, int | float) and math.isfinite(known) else "as many calls"
    return f"chance {wording.chance(v.probability)} that {more} gain {wording.points(v.delta)} points or more, {rows}"


def sizes(s: Situation) -> str:
    return f"{wording.calls(s.holdout_rows)} holdout rows of at least {MIN_HOLDOUT}, {wording.calls(s.dev_rows)} dev rows of at least {MIN_DEV}"


def against_target(s: Situation) -> str:
    target = s.deployment.target_score
    aim = "target not told" if target is None else f"target {share(target)}"
    return f"{aim}, held-out score {wording.quality(s.quality)}"


def against_agreement(s: Situation) -> str:
    agreed = s.deployment.label_agreement
    return f"agreement {'not told' if agreed is None else share(agreed)}, held-out score {wording.quality(s.quality)}"


def proof(s: Situation) -> str:
    """What has to be shown beside what today's rows can show."""
    n = f"n = {wording.calls(s.quality.n)}"
    can = f"{wording.points(s.detectable)} points" if math.isfinite(s.detectable) else "nothing"
    if s.gap is None or s.gap <= 0:
        return f"today's holdout rows show {can} or more, {n}; what is needed is not known"
    rows = s.rows_to_prove(s.gap)
    more = f"; {wording.calls(rows)} rows would show it" if rows is not None and rows > s.quality.n else ""
    return f"needed {wording.points(s.gap)} points, today's holdout rows show {can} or more, {n}{more}"


def turns(s: Situation) -> str:
    """What was tried how often."""
    tried = [
        f"{one.lever}: {wording.calls(one.tried)} proposals tried, {wording.calls(one.kept)} kept"
        for one in s.levers
        if one.in_scope
    ]
    return "; ".join(tried) or f"levers not tried: {wording.listed(s.untried) or 'none'} (0 proposals)"


def of_failing(found: Estimate | None, s: Situation) -> str:
    if found is None or s.failures is None:
        return "no failing row was read, n = 0"
    return (
        f"{100 * found.mean:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}] of the failing rows read, n = {wording.calls(found.n)}"
        f" of {wording.calls(s.failures.failing)} on {s.failures.split}"
    )


def suspected(s: Situation) -> str:
    if s.failures is None:
        return "no row was looked at, n = 0"
    count = len(s.failures.suspects)
    rows = f"{wording.calls(count)} such {'row' if count == 1 else 'rows'}"
    return f"{rows}, n = {wording.calls(s.failures.failing)} failing rows on {s.failures.split}"


def rows_known(s: Situation) -> str:
    return f"{'unknown' if s.rows_to_train is None else wording.calls(s.rows_to_train)} good rows of at least {GOOD_ROWS}, never under {LEAST_ROWS}"


def watched(s: Situation) -> str:
    cost = shown(s.deployment.out_of_distribution_cost)
    return f"deployment.out_of_distribution_cost = {cost}, {wording.calls(s.shift_rows)} shift rows (at least {MIN_SHIFT}); {SHIFT_LOSS}"


# Conditions on the run


def within(estimate: Estimate, mark: float, delta: float) -> bool:
    """Whether a mark above the estimate is no further than its interval, which has to be narrow (or the distance not worth having)."""
    distance = mark - estimate.mean
    narrow = estimate.high - estimate.mean <= NARROW or distance <= delta
    return distance > 0 and mark <= estimate.high and narrow


def is_reached(s: Situation) -> bool | None:
    if s.quality.n < MIN_HOLDOUT:
        return False
    return None if s.gap is None else s.gap <= 1e-9


def is_near(s: Situation) -> bool | None:
    if s.quality.n < MIN_HOLDOUT:
        return False
    target = s.deployment.target_score
    return None if target is None or not s.measured else within(s.quality, target, s.verdict.delta)


def at_ceiling(s: Situation) -> bool | None:
    if s.quality.n < MIN_HOLDOUT or not s.measured:
        return False
    agreed = s.deployment.label_agreement
    return None if agreed is None else agreed <= s.quality.mean or within(s.quality, agreed, s.verdict.delta)


def unprovable(s: Situation) -> bool | None:
    return None if s.gap is None else s.gap > 1e-9 and s.detectable > s.gap


def provable(s: Situation) -> bool | None:
    return None if s.gap is None else s.gap > 1e-9 and s.detectable <= s.gap


EVAL_TOO_SMALL = Condition(
    "eval too small",
    lambda s: s.holdout_rows < MIN_HOLDOUT or s.dev_rows < MIN_DEV,
    "There are too few rows to measure anything by.",
    sizes,
)
TARGET_REACHED = Condition(
    "target reached", is_reached, "The target is reached on rows that nobody selected on.", against_target, told("target_score")
)
NEAR_TARGET = Condition(
    "gap within the interval",
    is_near,
    "The gap to the target is no larger than the uncertainty of the score.",
    against_target,
    told("target_score"),
)
CLIMBING = Condition("still climbing", lambda s: s.verdict.ruling == "still climbing", "The run is still climbing.", odds)
NOT_CLIMBING = Condition(
    "not climbing", lambda s: s.verdict.ruling != "still climbing", "More of the same is not known to help.", odds
)
STALLED = Condition(
    "more likely not",
    lambda s: (
        s.verdict.ruling == "topped out"
        or (s.verdict.ruling == "can't tell yet" and s.verdict.probability is not None and s.verdict.probability < EVEN)
    ),
    "More of the same is less likely than not to help.",
    odds,
)
TOPPED_OUT = Condition(
    "topped out", lambda s: s.verdict.ruling == "topped out", "Prompting has topped out for what the recipe may change.", odds
)
CANT_TELL = Condition(
    "can't tell yet", lambda s: s.verdict.ruling == "can't tell yet", "Whether prompting has topped out is not known yet.", odds
)
WOULD_DECIDE = Condition(
    "would decide",
    lambda s: bool(s.verdict.needs),
    "This would help to know.",
    lambda s: s.verdict.needs[0].removeprefix("First: ") if s.verdict.needs else "nothing named",
)
LEVERS_UNTRIED = Condition(
    "levers untried", lambda s: bool(s.untried), "A kind of change that the recipe allows has not had its turn.", turns
)
LEVERS_TRIED = Condition(
    "levers tried", lambda s: not s.untried, "Every kind of change that the recipe allows has had its turn.", turns
)
AT_CEILING = Condition(
    "ceiling of agreement",
    at_ceiling,
    "The score is as high as two careful people agree: nothing above it can be measured with these labels.",
    against_agreement,
    told("label_agreement"),
)
UNPROVABLE = Condition(
    "gain not provable",
    unprovable,
    "These holdout rows could not prove the gain that is missing, whatever brings it.",
    proof,
    told("target_score"),
)
PROVABLE = Condition("gain provable", provable, "The holdout rows can prove the gain that is missing.", proof, told("target_score"))
SUSPECTS = Condition(
    "suspects",
    lambda s: s.failures is not None and bool(s.failures.suspects),
    "Rows that no good candidate ever solved deserve a look at their label; how many of these are wrong is not known.",
    suspected,
)


def major(cause: Cause, text: str) -> Condition:
    """The condition that a cause is behind a good part of the failures."""

    def holds(s: Situation) -> bool | None:
        if s.failures is None:
            return None
        found = s.share(cause)
        return found is not None and found.low >= MAJOR_SHARE and round(found.mean * found.n) >= MAJOR_ROWS

    return Condition(
        f"major cause: {cause}",
        holds,
        text,
        lambda s: of_failing(s.share(cause), s),
        lambda s: (ANALYSIS,) if s.failures is None else (),
    )


LABELS_WRONG = major("ambiguous or wrong label", "The critic lays many failures to ambiguous or wrong labels.")
NO_KNOWLEDGE = major("missing knowledge", "The critic lays many failures to knowledge that neither model nor prompt has.")
NO_CAPABILITY = major("missing capability", "The critic lays many failures to something that the model cannot do by itself.")
FORMAT_DRIFTS = major("format drift", "The critic lays many failures to form: they are right in substance.")
STYLE = major("style", "The critic lays many failures to style.")
REASONING = major("reasoning", "The critic lays many failures to reasoning.")


def unpulled(lever: str, text: str) -> Condition:
    """The condition that a lever had no turn, whether the recipe allows it or not."""

    def figure(s: Situation) -> str:
        return f"{lever}: {sum(one.tried for one in s.levers if one.lever == lever)} proposals tried"

    return Condition(f"untried: {lever}", lambda s: any(one.lever == lever and one.tried == 0 for one in s.levers), text, figure)


NO_REASONING_LEVER = unpulled("reasoning", "Letting the model reason before it answers has not been tried.")
NO_FORMAT_LEVER = unpulled("format", "Another answer format has not been tried.")

# Conditions on the facts of use

STRONGER_OPEN = Condition(
    "stronger model open",
    lambda s: s.deployment.stronger_model in (None, "open"),
    "A stronger model has not been ruled out; trying one is a run, not a project.",
    lambda s: f"deployment.stronger_model = {shown(s.deployment.stronger_model)}",
    told("stronger_model"),
)
STRONGER_DONE = Condition(
    "stronger model done",
    lambda s: None if s.deployment.stronger_model is None else s.deployment.stronger_model in ("tried", "ruled out"),
    "A stronger model was tried or is ruled out.",
    lambda s: f"deployment.stronger_model = {shown(s.deployment.stronger_model)}",
    told("stronger_model"),
)


def change(s: Situation) -> str:
    d = s.deployment
    return price_change(s.cost_usd_per_call, s.priced_calls, d.stronger_price_per_1000_usd, d.calls_per_day)


STRONGER_PRICE = Condition(
    "price of a stronger model",
    lambda s: bool(change(s)) or None,
    "A stronger model has this price.",
    change,
    lambda s: (*told("stronger_price_per_1000_usd")(s), *told("calls_per_day")(s)),
)
LATENCY = Condition(
    "time left",
    lambda s: None if s.deployment.latency_limit_s is None or s.latency_s is None else True,
    "A stronger model is slower as a rule.",
    lambda s: (
        f"median {s.latency_s or 0:.2g} s a call now (n = {wording.calls(s.priced_calls)}), limit {s.deployment.latency_limit_s or 0:g} s"
    ),
)
DEMONSTRABLE = fact("demonstrable", True, "Right answers can be written down for a model to copy.")
NOT_DEMONSTRABLE = fact("demonstrable", False, "Right answers cannot be written down for a model to copy.")
VERIFIABLE = fact("verifiable", True, "A program can tell right from wrong from outside.")
NOT_VERIFIABLE = fact("verifiable", False, "No program can tell right from wrong from outside.")
TUNED_BASE = fact("tuned_base", True, "A fine-tuned model is there to start from, which RL needs.")
NO_TUNED_BASE = fact("tuned_base", False, "RL needs a fine-tuned model to start from, and there is none.")
STABLE = fact("output_stability", "stable", "Right answers stay what they are.")
DRIFTING = fact("output_stability", "drifting", "Requirements move: a prompt follows them in a minute, a trained model does not.")
BASE_STABLE = fact("base_model_stable", True, "The base model stays.")
BASE_CHANGING = fact("base_model_stable", False, "The base model is about to change: training would be paid for again.")
KEEP_OTHERS = fact(
    "keep_other_abilities", True, f"Training makes a model forget, some more, some less ({FORGETTING}): train an adapter (LoRA)."
)
OUTPUT_NARROW = Condition(
    "output narrow",
    lambda s: True if s.deployment.label_count is not None else s.deployment.output_narrow,
    "Answers take one of few forms.",
    lambda s: (
        f"deployment.label_count = {s.deployment.label_count}"
        if s.deployment.label_count is not None
        else f"deployment.output_narrow = {shown(s.deployment.output_narrow)}"
    ),
    lambda s: () if s.deployment.label_count is not None else told("output_narrow")(s),
)


def rows_between(name: str, low: int, high: float, text: str) -> Condition:
    """The condition that there are so many rows to train on: `low` or more, fewer than `high`."""
    return Condition(
        name,
        lambda s: None if s.rows_to_train is None else low <= s.rows_to_train < high,
        text,
        rows_known,
        lambda s: (ask("good_rows"),) if s.rows_to_train is None else (),
    )


ENOUGH_ROWS = rows_between("enough rows", GOOD_ROWS, math.inf, "There are enough checked examples to train on.")
SOME_ROWS = rows_between("some rows", LEAST_ROWS, GOOD_ROWS, "There are examples for a pilot, fewer than training should have.")
FEW_ROWS = rows_between("too few rows", 0, GOOD_ROWS, "There are too few checked examples to train on.")
RL_ROWS = rows_between("rows to practise on", LEAST_ROWS, math.inf, "There are inputs to practise on.")


def is_watched(s: Situation) -> bool | None:
    cost = s.deployment.out_of_distribution_cost
    return None if cost is None else cost != "high" or s.shift_rows >= MIN_SHIFT


def is_unwatched(s: Situation) -> bool | None:
    seen = is_watched(s)
    return None if seen is None else not seen


SHIFT_WATCHED = Condition(
    "shift watched",
    is_watched,
    "Failure on unusual inputs is not costly, or can be watched.",
    watched,
    told("out_of_distribution_cost"),
)
SHIFT_UNWATCHED = Condition(
    "shift not watched",
    is_unwatched,
    "Failure on unusual inputs is costly, and no shift split would show it.",
    watched,
    told("out_of_distribution_cost"),
)
SHIFT_RISK = Condition(
    "shift risk",
    lambda s: s.deployment.out_of_distribution_cost != "low",
    "Training gains where it trained and can lose elsewhere.",
    watched,
)
WOULD_TRAIN = Condition(
    "training open",
    lambda s: (
        True
        if True in (s.deployment.demonstrable, s.deployment.verifiable)
        else None
        if None in (s.deployment.demonstrable, s.deployment.verifiable)
        else False
    ),
    "The task could be trained: its answers can be shown, or checked from outside.",
    lambda s: (
        f"deployment.demonstrable = {shown(s.deployment.demonstrable)}, deployment.verifiable = {shown(s.deployment.verifiable)}"
    ),
    lambda s: (*told("demonstrable")(s), *told("verifiable")(s)),
)


def repays_late(s: Situation) -> bool | None:
    """Cheaper calls, and still not repaid in time: then it is the volume. Calls that are not cheaper are no matter of volume."""
    r = s.repayment
    if r.now_usd_per_call is not None and r.then_usd_per_call is not None and r.then_usd_per_call >= r.now_usd_per_call:
        return False
    return None if r.months is None else r.months > PATIENCE_MONTHS


def repays(s: Situation) -> bool | None:
    return None if s.repayment.months is None else math.isfinite(s.repayment.months)


VOLUME_TOO_SMALL = Condition(
    "volume too small",
    repays_late,
    f"At this volume, training is not repaid within {PATIENCE_MONTHS:.0f} months.",
    lambda s: s.repayment.sentence.removesuffix("."),
    lambda s: s.repayment.asks,
)
NEVER_REPAID = Condition(
    "never repaid",
    lambda s: None if repays(s) is None else not repays(s),
    "Cheaper calls never repay training: better answers alone would have to be worth it.",
    lambda s: s.repayment.sentence.removesuffix("."),
    lambda s: s.repayment.asks,
)
REPAID = Condition(
    "repaid",
    repays,
    "Cheaper calls repay training.",
    lambda s: s.repayment.sentence.removesuffix("."),
    lambda s: s.repayment.asks,
)
NO_AIM = Condition(
    "no target",
    lambda s: s.gap is None,
    "No eval would prove that training was worth it: what it would have to bring is not known.",
    proof,
    told("target_score"),
)
