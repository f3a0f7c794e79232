"""What a run will take, before its first call: calls, tokens and dollars of all models, each with a range. No model is asked.

One estimator for `topout check`, `--dry-run` and what a run remembers of itself. It knows the task's rows, the recipe's settings and the list
prices; it does not know the tokenizer (4 bytes a token, as in English prose), nor how far the search will let prompts grow: hence the ranges. How many
calls an attempt takes, and how much of the room for examples a search fills on average, were read off runs of the shipped recipes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from statistics import fmean

from topout.contracts import Judge
from topout.domain import Example, Json, Task
from topout.engine.exam import ExamPlan
from topout.models.prices import Prices
from topout.plugins.optimizers import LoadedRecipe
from topout.search.evolve import Evolve, EvolveSettings
from topout.text.rendering import renderer

__all__ = ["Part", "Range", "RunEstimate", "estimate_run"]

BYTES_PER_TOKEN = 4.0
TOKENS_PER_WORD = 1.35
HALFWAY = 1000
"""After so many calls a search is half as far as a very long one gets: prompts have grown half as much, races half as much longer."""

FILLED = 0.68
"""The share of the room for examples and longer instructions that an average call of a very long search uses; 0 to 1 is the range."""

READ_AGAIN = 0.3
"""The share of the train rows that a critique is about which nobody had asked before."""

EDIT_HEATS, DEMO_HEATS = (1.1, 2.6), 1.65
"""How many first heats long the race of an average edit is, parent and crossovers included, at first and by how much more in a very long search; and that
of an average few-shot set."""

PROVEN = 0.45
"""So much of such a race an average edit of a program takes: many end on the rows that they were written from."""

CRITIC_RANGE = (0.4, 3.0)
CRITIC_TOKENS = (0.5, 1.6)
CRITIC_OUTPUT = (0.05, 0.6)
"""Of what the critic may write at most, so much it writes when prompts are short, and so much more when they fill their room: it writes them anew."""

OVERHEAD_WORDS = 250
"""The critic's instructions."""

MARKUP = 1.2
"""So much longer a question to the critic is than its words: names of fields, marks and fences around them."""

VERDICT_TOKENS = 60.0
LOOKED_AT = 50
"""So many rows tell how long a question to the judge is."""

REASONING = 0.2
"""With reasoning among the levers, an average answer takes this share of what it may at most."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, `likely` between them."""

    low: float
    likely: float
    high: float

    def times(self, other: Range) -> Range:
        """The product, end by end."""
        return Range(self.low * other.low, self.likely * other.likely, self.high * other.high)

    def plus(self, other: Range) -> Range:
        """The sum, end by end: both ends together are less likely than either."""
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Part:
    """One model's share of a run. `cost_usd` is None when its price is unknown."""

    model: str
    calls: Range
    prompt_tokens: Range
    output_tokens: Range
    cost_usd: Range | None


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run will take. `max_calls` is never exceeded; `exam_calls` of it are set aside for the exam."""

    recipe: str
    max_calls: int
    exam_calls: int
    task: Part
    critic: Part
    judge: Part | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """Of each model."""
        return (self.task, self.critic, *([self.judge] if self.judge is not None else []))

    @property
    def prompt_tokens(self) -> Range:
        """Of all models."""
        return summed([one.prompt_tokens for one in self.parts])

    @property
    def output_tokens(self) -> Range:
        """Of all models."""
        return summed([one.output_tokens for one in self.parts])

    @property
    def cost_usd(self) -> Range | None:
        """Dollars of all models, None when the price of one is unknown."""
        known = [one.cost_usd for one in self.parts if one.cost_usd is not None]
        return summed(known) if len(known) == len(self.parts) else None

    def document(self) -> dict[str, Json]:
        """For a journal or a machine: numbers as [low, likely, high]; unknown dollars are null."""

        def numbers(one: Range | None) -> Json:
            return None if one is None else [round(one.low, 6), round(one.likely, 6), round(one.high, 6)]

        def part(one: Part) -> dict[str, Json]:
            return {
                "model": one.model,
                "calls": numbers(one.calls),
                "prompt_tokens": numbers(one.prompt_tokens),
                "output_tokens": numbers(one.output_tokens),
                "cost_usd": numbers(one.cost_usd),
            }

        return {
            "recipe": self.recipe,
            "max_calls": self.max_calls,
            "exam_calls": self.exam_calls,
            "task": part(self.task),
            "critic": part(self.critic),
            **({"judge": part(self.judge)} if self.judge is not None else {}),
            "cost_usd": numbers(self.cost_usd),
        }


def estimate_run(
    task: Task,
    loaded: LoadedRecipe,
    plan: ExamPlan,
    max_calls: int,
    model: str,
    critic: str,
    prices: Prices,
    judge: Judge | None = None,
    judge_name: str = "",
) -> RunEstimate:
    """The estimate for a run of these settings; an empty name of a model leaves its dollars unknown. Of the calls that an answer takes some are the
    `judge`'s, where the task has one."""
    terms = loaded.optimizer.settings if isinstance(loaded.optimizer, Evolve) else None
    far = plan.search / (plan.search + HALFWAY)
    filled = FILLED * far
    critic_calls = critiques(task, plan, terms, far)
    calls = Range(max(0.0, 0.7 * max_calls - critic_calls.likely), max_calls - critic_calls.likely, max_calls - critic_calls.low)
    judged = judge.calls / plan.weight if judge is not None else 0.0
    calls, verdicts = calls.times(Range(*[1 - judged] * 3)), calls.times(Range(*[judged] * 3))
    return RunEstimate(
        loaded.name,
        max_calls,
        max_calls - plan.search,
        part_of(model, calls, per_call(task, loaded, terms or EvolveSettings(), filled), answer(task, loaded), prices),
        part_of(
            critic, critic_calls, critique(task, loaded, terms or EvolveSettings(), filled), critique_out(loaded, filled), prices
        ),
        part_of(judge_name, verdicts, question(task, judge), verdict(judge), prices) if judge is not None else None,
    )


def part_of(model: str, calls: Range, tokens: Range, output: Range, prices: Prices) -> Part:
    """Calls times what a call takes."""
    prompt_tokens, output_tokens = calls.times(tokens), calls.times(output)
    price = prices.of(model) if model else None
    cost = None
    if price is not None:
        pairs = zip(
            (prompt_tokens.low, prompt_tokens.likely, prompt_tokens.high),
            (output_tokens.low, output_tokens.likely, output_tokens.high),
            strict=True,
        )
        cost = Range(*(price.cost(*pair) for pair in pairs))
    return Part(model, calls, prompt_tokens, output_tokens, cost)


def critiques(task: Task, plan: ExamPlan, terms: EvolveSettings | None, far: float) -> Range:
    """How often the critic is asked: once an edit of an attempt that needs its words, and for the analysis of failures. Of an optimizer of somebody else's it is
    only known that it shares the search's calls."""
    rest = max(0, plan.search - plan.weight * plan.opening)
    if terms is None:
        return Range(plan.critiques, 0.03 * rest + plan.critiques, 0.25 * rest + plan.critiques)
    edits, demos = terms.rewrite + terms.merge + terms.shorten, terms.demos
    share = edits / (edits + demos) if edits + demos else 0.0
    asked = (terms.rewrite * terms.edits + terms.merge + terms.shorten) / edits if edits else 0.0
    heats = (EDIT_HEATS[0] + EDIT_HEATS[1] * far) * (PROVEN if task.program else 1.0)
    edit = asked + plan.weight * (READ_AGAIN * min(terms.read_rows, len(task.rows("train"))) + heats * terms.first_block)
    average = share * edit + (1 - share) * plan.weight * DEMO_HEATS * terms.first_block
    likely = asked * share * rest / average
    low, high = CRITIC_RANGE
    return Range(low * likely + plan.critiques, likely + plan.critiques, min(high * likely, rest) + plan.critiques)


def per_call(task: Task, loaded: LoadedRecipe, terms: EvolveSettings, filled: float) -> Range:
    """Prompt tokens of an average task call: the baseline's, and what the levers may add to it, of which the share `filled` is likely."""
    baseline = fmean(prompt_bytes(task, [*task.rows("dev"), *task.rows("holdout")])) / BYTES_PER_TOKEN
    more = TOKENS_PER_WORD * room(task, loaded, terms)
    return Range(0.8 * baseline, baseline + filled * more, 1.2 * baseline + more)


def room(task: Task, loaded: LoadedRecipe, terms: EvolveSettings) -> float:
    """Words that the levers of the recipe may add to the prompt of a call at most; a program's prompts share them, for it is edited a step at a time."""
    words = 0.0
    if "demos" in loaded.recipe.levers:
        words += min(terms.max_demos * fmean(row_words(e) for e in task.rows("train")), terms.demo_word_cap)
    if "instructions" in loaded.recipe.levers:
        words += terms.word_cap
    return words / len(task.baseline.components) if task.program else words


def answer(task: Task, loaded: LoadedRecipe) -> Range:
    """Output tokens of an average task call: about the expected answer; a model that explains itself takes more, up to what it may at most."""
    rows = [*task.rows("dev"), *task.rows("holdout")]
    told = fmean(len(str(e.expected).encode("utf-8", "replace")) for e in rows) / BYTES_PER_TOKEN + 2
    most = float(task.max_output_tokens)
    likely = max(told, REASONING * most) if "reasoning" in loaded.recipe.levers else told
    return Range(min(0.6 * told, most), min(likely, most), most if likely > told else min(5 * told + 20, most))


def critique(task: Task, loaded: LoadedRecipe, terms: EvolveSettings, filled: float) -> Range:
    """Prompt tokens of an average critique: rows shown, rows for reference (of a program few: they are answers of its step), and the prompt that is to be edited."""
    train = task.rows("train")
    words = fmean(row_words(e) for e in train)
    read = min(terms.read_rows, len(train))
    shown = min(terms.shown_words, read * (words + 12))
    reference = 0.0 if task.program else min(terms.reference_words, max(0, len(train) - read) * (words + 4))
    text = fmean(len(c.text.split()) for c in task.baseline.components) + filled * room(task, loaded, terms)
    likely = MARKUP * TOKENS_PER_WORD * (shown + reference + text + OVERHEAD_WORDS)
    low, high = CRITIC_TOKENS
    return Range(low * likely, likely, high * likely)


def critique_out(loaded: LoadedRecipe, filled: float) -> Range:
    """Output tokens of an average critique."""
    most = loaded.recipe.critic_max_output_tokens
    short, more = CRITIC_OUTPUT
    return Range(0.05 * most, (short + more * filled) * most, float(most))


def question(task: Task, judge: Judge) -> Range:
    """Prompt tokens of an average question to the judge, asked about the expected answers."""
    rows = task.rows("dev")[:LOOKED_AT]
    asked = [question for e in rows for question in judge.ask(str(e.expected), e)]
    likely = fmean(sum(len(m.content.encode("utf-8", "replace")) for m in messages) for messages in asked) / BYTES_PER_TOKEN
    return Range(0.7 * likely, likely, 1.6 * likely + task.max_output_tokens)


def verdict(judge: Judge) -> Range:
    """Output tokens of an average verdict: a mark and a sentence or two."""
    most = float(judge.max_output_tokens)
    return Range(min(10.0, most), min(VERDICT_TOKENS, most), most)


def summed(ranges: Sequence[Range]) -> Range:
    """The sum, end by end."""
    return reduce(Range.plus, ranges)


def row_words(e: Example) -> float:
    """Words of a row with its answer."""
    return float(sum(len(value.split()) for value in e.inputs.values()) + len(str(e.expected).split()))


def prompt_bytes(task: Task, rows: Sequence[Example]) -> list[float]:
    """The size of the baseline's messages, a number a row; of a program, about that of one call: what its steps add to an input on the way is not known."""
    if task.program:
        texts = fmean(len(c.text.encode("utf-8", "replace")) for c in task.baseline.components)
        return [texts + sum(len(v.encode("utf-8", "replace")) for v in e.inputs.values()) for e in rows]
    render = renderer(task.baseline)
    return [float(sum(len(m.content.encode("utf-8", "replace")) for m in render(e.inputs))) for e in rows]
