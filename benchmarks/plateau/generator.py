"""Runs of an optimizer whose future is known.

A run is a drawn task (rows, right/wrong or graded scores, difficulty, label noise), a drawn engine (the race of `evolve` with settings drawn from
around the shipped ones, or GEPA's minibatch gate of 3 to 8 rows) and a drawn growth family, which says how good the next proposal really is. Each call is simulated as
a score on a row: score = f(skill + row's difficulty + noise of this prompt on this row), so that champions are chosen with the same luck
as real ones. The truth at a checkpoint is the mean, over independent continuations to twice the calls, of the champion's true gain.

All runs of a batch are stepped together, a proposal a step; a state is a handful of arrays with one row a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from topout.plateau.probing import SIZES, ProbePlan, Rung

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

Draw = Literal["home", "shifted", "minibatch", "constant"]

VERSION = 6
FAMILIES = (
    "saturating",
    "staircase",
    "linear",
    "logarithmic",
    "flat",
    "power-law hazard",
    "best of N, normal",
    "best of N, exponential",
    "best of N, bounded",
    "late unlock",
    "overfit",
    "label-noise ceiling",
    "fast, then rare jumps",
    "island optima",
)
COMPARED = (  # two designs with longer first rungs: dearer, and no better (docs/statistics.md)
    ProbePlan((Rung(50, 50), Rung(20, 200), Rung(5, 400))),
    ProbePlan((Rung(100, 25), Rung(40, 100), Rung(10, 400))),
)
CHECKPOINTS = 7  # factor sqrt(2) apart; the 5 latest have a champion at half of their calls and are judged
JUDGED = 5
SLOTS = 12  # the pool that parents are drawn from: the best on dev, and the champion
ISLANDS = 4
_P = np.concatenate([[1e-6], np.linspace(0.0005, 0.9995, 3999), [1 - 1e-6]])
_Z = np.array([NormalDist().inv_cdf(float(p)) for p in _P])


@dataclass(slots=True)
class Tasks:
    """Parameters, one row a run. Quality is in score units, 0 to 1."""

    family: Ints
    n: Ints
    n_holdout: Ints
    graded: NDArray[np.bool_]
    width: Floats
    icc: Floats
    noise: Floats
    q0: Floats
    proposals: Floats  # nominal number of proposals that the budget buys
    budget: Floats
    minibatch: Ints  # 0: race
    stay_z: Floats  # as in the recipe: a challenger stays while it is ahead by so many standard errors
    first_block: Ints
    least_rows: Ints  # a race is over so many of the dev rows at least,
    rows_per_call: Floats  # and over so many more for each call made before
    block_growth: Floats
    opening: Ints  # the baseline is measured on so many dev rows
    pooled: Floats  # weight of the pool's view of a row in the bar; 0: the parent's own scores
    trust: Floats  # share of the parent's lead over its own parent that the bar believes
    patience: (
        Ints  # after so many dropped challengers half of its lead over the baseline, while rows of it are lacking (0: always all)
    )
    champion_share: Floats
    read: Ints
    p: Floats
    alpha: Floats
    n_zero: Floats
    size: Floats
    beta: Floats
    ceilings: Floats  # [runs, ISLANDS]
    unlock: Floats
    rare_p: Floats
    rare_size: Floats
    overfit: Floats
    tail: Floats
    neutral: Floats
    neutral_sd: Floats
    bad: Floats

    def take(self, rows: NDArray) -> Tasks:
        return Tasks(*(getattr(self, f.name)[rows] for f in fields(self)))


def draw_tasks(rng: np.random.Generator, count: int, draw: Draw = "home") -> Tasks:
    """`count` tasks, all families equally often. "shifted" draws from other ranges, for a test of the calibration away from home; "minibatch" are
    engines with a minibatch gate alone; in "constant" ones no prompt is better or worse than another, and in half of them each row's score never changes."""
    u, shifted, constant = rng.uniform, draw == "shifted", draw == "constant"
    family = np.full(count, FAMILIES.index("flat")) if constant else np.arange(count) % len(FAMILIES)
    name = np.array(FAMILIES)[family]

    def logu(low: float, high: float) -> Floats:
        return np.exp(u(math.log(low), math.log(high), count))

    def of(*names: str) -> NDArray[np.bool_]:
        return np.isin(name, names)

    k = 1.5 if shifted else 1.0
    n = np.round(logu(20, 400)).astype(int)
    noise = np.where(u(size=count) < 0.5, 0.0, u(0, 0.1, count))
    noise = np.where(of("label-noise ceiling"), u(0.04, 0.15, count), noise)
    q0 = u(0.2, 0.85, count) * (1 - noise)
    top = (1 - noise) * 0.985
    room = top - q0
    proposals = logu(40, 300)
    race = u(size=count) < {"home": 0.7, "shifted": 0.5, "minibatch": 0.0, "constant": 0.7}[draw]
    minibatch = np.where(race, 0, rng.integers(3, 9, count))
    read = rng.integers(3, 40, count)
    first_block = rng.integers(6, 49, count) if shifted else rng.integers(8, 25, count)
    block_growth = u(1.3, 4.0, count) if shifted else u(1.5, 3.0, count)
    stay_z = u(-1.2, 1.2, count) if shifted else u(-0.3, 0.7, count)
    least_rows = np.where(race, rng.integers(20, 200, count) if shifted else rng.integers(20, 80, count), 10**6)
    opening = np.where(race, np.where(u(size=count) < 0.75, least_rows, 10**6), 10**6)
    pooled = np.where(race, u(0.0, 1.0, count) if shifted else u(0.5, 0.9, count), 0.0)
    trust = np.where(race, u(0.3, 1.0, count) if shifted else u(0.5, 0.9, count), 1.0)
    patience = np.where(race & (u(size=count) < 0.8), rng.integers(1, 41, count) if shifted else rng.integers(6, 25, count), 0)
    rows_per_call = u(0.0, 0.15, count) if shifted else u(0.03, 0.08, count)
    longer = np.maximum(np.minimum(n, least_rows) - first_block, 0) * np.clip(0.3 - 0.25 * stay_z, 0.1, 0.6)
    nominal = np.where(race, read + np.minimum(first_block, n) + longer, read + 2 * minibatch + 0.3 * n)

    p, alpha, n_zero = u(0.08, 0.5, count) / k, np.zeros(count), np.ones(count)
    size, beta = u(0.02, 0.08, count) * k, np.ones(count)
    reach = np.minimum(room, np.where(u(size=count) < 0.5, u(0.02, 0.12, count), u(0.1, 0.4, count)))
    ceilings = np.repeat((q0 + reach)[:, None], ISLANDS, 1)
    unlock, rare_p, rare_size = np.zeros(count), np.zeros(count), np.zeros(count)
    overfit, tail = np.zeros(count), u(0.015, 0.05, count) * k

    stairs = of("staircase")
    p = np.where(stairs, logu(0.004, 0.05), p)
    size, beta = np.where(stairs, u(0.02, 0.12, count), size), np.where(stairs, 0.0, beta)
    line = of("linear")
    p = np.where(line, u(0.1, 0.5, count), p)
    size, beta = np.where(line, logu(0.001, 0.02), size), np.where(line, 0.0, beta)
    log = of("logarithmic", "power-law hazard")
    alpha = np.where(of("logarithmic"), 1.0, np.where(of("power-law hazard"), u(0.4, 1.6, count), alpha))
    n_zero = np.where(log, logu(2, 20), n_zero)
    p = np.where(log, u(0.2, 0.8, count), p)
    size, beta = np.where(log, u(0.01, 0.06, count), size), np.where(log, 0.0, beta)
    p = np.where(of("flat", "overfit"), 0.0, p)
    unlock = np.where(of("late unlock"), proposals * logu(0.15, 2.0), unlock)
    overfit = np.where(of("overfit"), u(0.03, 0.15, count) * k, overfit)
    ceilings = np.where(of("label-noise ceiling")[:, None], top[:, None], ceilings)
    fast = of("fast, then rare jumps")
    p = np.where(fast, u(0.25, 0.6, count), p)
    rare_p, rare_size = np.where(fast, logu(0.002, 0.03), 0.0), np.where(fast, u(0.02, 0.1, count), 0.0)
    spread = np.minimum(room[:, None], u(0.01, 0.35, (count, ISLANDS)))
    ceilings = np.where(of("island optima")[:, None], q0[:, None] + spread, ceilings)
    free = line | log | stairs
    ceilings = np.where(free[:, None], np.where(stairs & (u(size=count) < 0.5), q0 + reach, top)[:, None], ceilings)
    neutral_sd = np.where(of("flat", "overfit"), u(0, 0.004, count), u(0, 0.01, count)) * (not constant)
    return Tasks(
        family=family,
        n=n,
        n_holdout=np.round(logu(50, 1000)).astype(int),
        graded=u(size=count) < 0.3,
        width=u(0.4, 1.5, count),
        icc=np.where(constant & (u(size=count) < 0.5), 1.0, u(0.4, 0.8, count) if shifted else u(0.55, 0.97, count)),
        noise=noise,
        q0=q0,
        proposals=proposals,
        budget=proposals * nominal + np.minimum(n, opening),
        minibatch=minibatch,
        stay_z=stay_z,
        first_block=first_block,
        least_rows=least_rows,
        rows_per_call=rows_per_call,
        block_growth=block_growth,
        opening=np.minimum(n, opening),
        pooled=pooled,
        trust=trust,
        patience=patience,
        champion_share=u(0.4, 0.95, count),
        read=read,
        p=p,
        alpha=alpha,
        n_zero=n_zero,
        size=size,
        beta=beta,
        ceilings=ceilings,
        unlock=unlock,
        rare_p=rare_p,
        rare_size=rare_size,
        overfit=overfit,
        tail=tail,
        neutral=np.where(constant, 1.0, u(0.2, 0.7, count)),
        neutral_sd=neutral_sd,
        bad=u(0.03, 0.15, count) * k,
    )


@dataclass(slots=True)
class State:
    """Where runs stand: the pool's slots (empty ones have a level of -inf), who the champion is, and what has been spent."""

    q: Floats  # [runs, SLOTS] true quality by the growth process
    offset: Floats  # overfit on dev, latent units
    island: Ints
    level: Floats  # mean score less the rows' ease (`Member.level`)
    above: Floats  # the level of its own parent; nan for the baseline
    floor: Floats  # the baseline's level
    drops: Ints  # challengers dropped since the last one that was kept
    measured: Ints  # on the first so many dev rows
    serial: Ints
    scores: Floats  # [runs, SLOTS, n]
    ease: Floats  # [runs, n], as `Population.ease`
    known: Floats  # [runs, n]: how many members were measured there
    champion: Ints  # a slot
    calls: Floats
    tried: Ints

    def take(self, rows: NDArray) -> State:
        return State(*(getattr(self, f.name)[rows] for f in fields(self)))

    def put(self, rows: NDArray, other: State) -> None:
        for f in fields(self):
            getattr(self, f.name)[rows] = getattr(other, f.name)


@dataclass(slots=True)
class Rows:
    """The dev rows: difficulty, and 1 where the row exists and its label is right."""

    difficulty: Floats
    valid: Floats
    exists: Floats

    def take(self, rows: NDArray) -> Rows:
        return Rows(self.difficulty[rows], self.valid[rows], self.exists[rows])


def latent(q: Floats, tasks: Tasks) -> Floats:
    """The skill whose mean score is about q (exactly so for right/wrong scores)."""
    z = np.interp(np.clip(q / (1 - tasks.noise), 0.001, 0.9995), _P, _Z)
    return z * np.where(tasks.graded, np.sqrt(1 + tasks.width**2 / 3), 1.0)


def true_quality(skill: Floats, tasks: Tasks) -> Floats:
    """The mean score on new rows of a prompt with that skill."""

    def primitive(x: Floats) -> Floats:
        return x * np.interp(x, _Z, _P) + np.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    sharp = np.interp(skill, _Z, _P)
    soft = (primitive(skill + tasks.width) - primitive(skill - tasks.width)) / (2 * tasks.width)
    return (1 - tasks.noise) * np.where(tasks.graded, soft, sharp)


def draw_rows(rng: np.random.Generator, tasks: Tasks, n: Ints) -> Rows:
    shape = (len(n), int(n.max()))
    exists = (np.arange(shape[1]) < n[:, None]).astype(np.float32)
    difficulty = rng.standard_normal(shape, dtype=np.float32) * np.sqrt(tasks.icc)[:, None].astype(np.float32)
    right = rng.random(shape, dtype=np.float32) >= tasks.noise[:, None]
    return Rows(difficulty, exists * right, exists)


def measure(rng: np.random.Generator, tasks: Tasks, rows: Rows, skill: Floats) -> Floats:
    """A score on every row."""
    x = rng.standard_normal(rows.difficulty.shape, dtype=np.float32)
    x *= np.sqrt(1 - tasks.icc)[:, None].astype(np.float32)
    x += rows.difficulty
    x += skill[:, None].astype(np.float32)
    g = np.flatnonzero(tasks.graded)
    out = (x > 0).astype(np.float32)
    if len(g):
        out[g] = np.clip(0.5 + x[g] / (2 * tasks.width[g, None].astype(np.float32)), 0, 1)
    out *= rows.valid
    return out


def propose(
    rng: np.random.Generator, t: Tasks, q: Floats, offset: Floats, island: Ints, tried: Ints
) -> tuple[Floats, Floats, Ints]:
    """True quality, dev offset and island of a proposal made from each run's parent."""
    count = len(q)
    u = rng.random
    names = np.array(FAMILIES)
    fresh = (names[t.family] == "island optima") & ((q <= t.q0 + 1e-9) | (u(count) < 0.03))
    island = np.where(fresh, rng.integers(0, ISLANDS, count), island)
    ceiling = t.ceilings[np.arange(count), island]
    start = np.where(fresh & (q > t.q0 + 1e-9), t.q0, q)
    room = np.maximum(ceiling - start, 0.0)
    p = t.p * (1 + tried / t.n_zero) ** -t.alpha * (tried >= t.unlock)
    gain = t.size * rng.exponential(size=count) * np.where(t.beta > 0, room / np.maximum(ceiling - t.q0, 1e-9), 1.0)
    good = u(count) < p
    slip = np.where(u(count) < t.neutral, t.neutral_sd * rng.standard_normal(count), -t.bad * rng.exponential(size=count))
    child = start + np.where(good, np.minimum(gain, room), slip)
    rare = u(count) < t.rare_p
    child = np.where(rare, q + t.rare_size * rng.exponential(size=count), child)
    normal = t.q0 - 0.6 * t.tail + t.tail * rng.standard_normal(count)
    exponential = t.q0 - t.tail + 0.7 * t.tail * rng.exponential(size=count)
    bounded = t.q0 - 2 * t.tail + 4 * t.tail * (1 - u(count) ** (1 / 4))
    child = np.where(t.family == FAMILIES.index("best of N, normal"), normal, child)
    child = np.where(t.family == FAMILIES.index("best of N, exponential"), exponential, child)
    child = np.where(t.family == FAMILIES.index("best of N, bounded"), bounded, child)
    grows = (t.overfit > 0) & (u(count) < 0.25)
    offset = offset + np.where(grows, t.overfit * rng.exponential(size=count) * np.exp(-offset / 0.4), 0.0)
    return np.clip(child, 0.02, 0.985 * (1 - t.noise)), offset, island


def block_ends(n: int, first: int, growth: float) -> list[int]:
    """Where the blocks of a race end (as `topout.search.racing.blocks`)."""
    ends, start, size = [], 0, float(first)
    while start < n:
        end = min(n, start + max(1, int(size)))
        if n - end < size / 2:
            end = n
        ends.append(end)
        start, size = end, size * growth
    return ends


def all_ends(t: Tasks) -> Ints:
    """Ends by run, padded with n; a minibatch gate is one block of its own, then everything."""
    lists = [
        [min(int(b), int(n)), int(n)] if b else block_ends(int(n), int(f), float(g))
        for n, f, g, b in zip(t.n, t.first_block, t.block_growth, t.minibatch, strict=True)
    ]
    longest = max(map(len, lists))
    return np.array([ends + [ends[-1]] * (longest - len(ends)) for ends in lists])


@dataclass(slots=True)
class Record:
    """What a step decided, one row a run."""

    gain: Floats
    se: Floats
    rows: Ints
    kept: NDArray[np.bool_]


def parents(rng: np.random.Generator, t: Tasks, s: State) -> Ints:
    """A slot for each run: the champion, or the better of two drawn from the pool."""
    count, here = len(s.calls), np.arange(len(s.calls))
    filled = np.isfinite(s.level).sum(1)
    one, two = (rng.random((2, count)) * filled).astype(int)
    other = np.where(s.level[here, one] >= s.level[here, two], one, two)
    return np.where(rng.random(count) < t.champion_share, s.champion, other)


def race_rows(t: Tasks, s: State) -> Ints:
    """How many dev rows a race is over (as `Evolve.rows`): the same first ones for all, more of them the more calls were made. A minibatch gate is
    followed by all."""
    rows: Ints = np.minimum(t.n, np.maximum(t.least_rows, (s.calls * t.rows_per_call).astype(int)))
    return rows


def first_mean(scores: Floats, rows: Ints) -> Floats:
    """The mean over the first so many rows."""
    out: Floats = np.where(first(scores.shape[1], rows), scores, 0.0).sum(1) / rows
    return out


def first(width: int, rows: Ints) -> NDArray[np.bool_]:
    """A mask of the first so many rows, one line a run."""
    out: NDArray[np.bool_] = np.arange(width)[None, :] < rows[:, None]
    return out


def bar(t: Tasks, s: State, parent: Ints) -> Floats:
    """What a challenger is held against on each row (as `topout.search.bar.bar_of`)."""
    here = np.arange(len(parent))
    own, above, level = s.scores[here, parent], s.above[here, parent], s.level[here, parent]
    believed = np.where(np.isfinite(above), above + t.trust * (level - above), level)
    doubted = (t.patience > 0) & (s.measured[here, parent] < race_rows(t, s))
    halvings = s.drops[here, parent] // np.maximum(t.patience, 1)
    believed = np.where(doubted, s.floor + (believed - s.floor) * 0.5**halvings, believed)
    expected = s.ease + believed[:, None].astype(np.float32)
    pooled = np.where(first(own.shape[1], s.measured[here, parent]), t.pooled[:, None].astype(np.float32), 1.0)
    out: Floats = pooled * expected + (1 - pooled) * own
    return out.astype(np.float32)


def take_in(s: State, where: Ints, slot: Ints, scores: Floats, rows: Ints) -> None:
    """What the pool learns from members that are measured on their first rows now: their level, and the ease of rows that are new to them (as
    `Population.add` and `extend`)."""
    met = first(scores.shape[1], rows) & ~first(scores.shape[1], s.measured[where, slot])
    level = first_mean(scores - s.ease[where], rows)
    s.level[where, slot], s.measured[where, slot], s.scores[where, slot] = level, rows, scores
    s.known[where] += met
    s.ease[where] += np.where(met, (scores - level[:, None] - s.ease[where]) / (s.known[where] + 1), 0).astype(np.float32)


def step(rng: np.random.Generator, t: Tasks, rows: Rows, ends: Ints, s: State) -> Record:
    """One proposal in every run: draw a parent, propose, race, keep or drop. Changes `s` in place."""
    count, here = len(s.calls), np.arange(len(s.calls))
    filled = np.isfinite(s.level).sum(1)
    parent = parents(rng, t, s)
    q, offset, island = propose(rng, t, s.q[here, parent], s.offset[here, parent], s.island[here, parent], s.tried)
    scores = measure(rng, t, rows, latent(q, t) + offset)
    length = race_rows(t, s)
    begin = (rng.random(count) * length).astype(int)
    ahead = Sums(scores - bar(t, s, parent), begin, length)
    both = first(scores.shape[1], s.measured[here, parent])
    told = Sums(np.where(both, scores - s.scores[here, parent], 0), begin, length)
    common = Sums(both.astype(np.float32), begin, length)

    alive = np.ones(count, dtype=bool)
    gain, se, used, met = np.zeros(count), np.ones(count), np.zeros(count, dtype=int), np.zeros(count, dtype=int)
    gate = t.minibatch > 0
    for k in range(ends.shape[1]):
        m = np.minimum(ends[:, k], length)
        mean, error = ahead.standing(m, m)
        shared = common.over(m)[0]
        theirs, their_error = told.standing(m, np.maximum(shared, 1))
        gain, se, met = np.where(alive, theirs, gain), np.where(alive, their_error, se), np.where(alive, shared, met).astype(int)
        used = np.where(alive, m, used)
        lost = np.where(gate, (k == 0) & (mean <= 0), mean < t.stay_z * error)
        alive &= ~lost
    s.drops[here, parent] = np.where(alive, 0, s.drops[here, parent] + 1)
    s.calls += used + t.read + np.where(t.minibatch > 0, t.minibatch, 0)
    s.tried += 1
    lacking = np.where(alive, np.maximum(length - s.measured[here, parent], 0), 0)
    s.calls += lacking
    i = np.flatnonzero(lacking)  # a parent whose challenger is kept meets it on all rows of the race
    take_in(s, i, parent[i], s.scores[i, parent[i]], length[i])
    whole = np.where(first(scores.shape[1], length), scores - s.scores[here, parent], 0)
    full, full_error = Sums(whole, begin, length).standing(length, length)
    gain, se, met = np.where(alive, full, gain), np.where(alive, full_error, se), np.where(alive, length, met)
    i = np.flatnonzero(alive)
    others = s.level[i].copy()
    others[np.arange(len(i)), s.champion[i]] = np.inf
    w = np.where(filled[i] < SLOTS, filled[i], others.argmin(1)) % SLOTS
    shared_rows = np.minimum(s.measured[i, s.champion[i]], length[i])
    leads = first_mean(scores[i] - s.scores[i, s.champion[i]], shared_rows) > 0
    s.q[i, w], s.offset[i, w], s.island[i, w], s.serial[i, w] = q[i], offset[i], island[i], s.tried[i]
    s.above[i, w] = s.level[i, parent[i]]
    s.measured[i, w], s.drops[i, w] = 0, 0
    take_in(s, i, w, scores[i], length[i])
    s.champion[i] = np.where(leads, w, s.champion[i])
    return Record(gain, se, met, alive)


class Sums:
    """Running sums of differences, so that any stretch of rows (round the end of the race) is one subtraction."""

    def __init__(self, differences: Floats, begin: Ints, length: Ints) -> None:
        count, width = differences.shape
        self.sums, self.squares = np.zeros((2, count, width + 1), dtype=np.float32)
        np.cumsum(differences, axis=1, out=self.sums[:, 1:])
        np.cumsum(differences * differences, axis=1, out=self.squares[:, 1:])
        self.begin, self.length = begin, length

    def over(self, m: Ints) -> tuple[Floats, Floats]:
        """Sum and sum of squares over the first `m` rows of each race."""
        here, end = np.arange(len(m)), self.begin + m
        wrapped = end > self.length
        ends, again = np.where(wrapped, self.length, end), np.where(wrapped, end - self.length, 0)
        total, squares = (
            c[here, ends] - c[here, self.begin] + np.where(wrapped, c[here, again], 0.0) for c in (self.sums, self.squares)
        )
        return total, squares

    def standing(self, m: Ints, n: Ints) -> tuple[Floats, Floats]:
        """Mean and standard error of the `n` rows that count among the first `m` (as `topout.search.racing.standing`)."""
        total, squares = self.over(m)
        mean = total / n
        return mean, np.sqrt((np.maximum(squares - n * mean * mean, 0) + 0.5) / (n + 1) / n)


def begin(rng: np.random.Generator, t: Tasks, rows: Rows) -> State:
    """The baseline measured on dev, alone in the pool."""
    count, width = rows.difficulty.shape
    first_scores = measure(rng, t, rows, latent(t.q0, t))
    s = State(
        q=np.repeat(t.q0[:, None], SLOTS, 1),
        offset=np.zeros((count, SLOTS)),
        island=np.zeros((count, SLOTS), dtype=int),
        level=np.full((count, SLOTS), -np.inf),
        above=np.full((count, SLOTS), np.nan),
        floor=np.zeros(count),
        drops=np.zeros((count, SLOTS), dtype=int),
        measured=np.zeros((count, SLOTS), dtype=int),
        serial=np.zeros((count, SLOTS), dtype=int),
        scores=np.zeros((count, SLOTS, width), dtype=np.float32),
        ease=np.zeros((count, width), dtype=np.float32),
        known=np.zeros((count, width), dtype=np.float32),
        champion=np.zeros(count, dtype=int),
        calls=t.opening.astype(float),
        tried=np.zeros(count, dtype=int),
    )
    take_in(s, np.arange(count), np.zeros(count, dtype=int), first_scores, t.opening)
    s.floor = s.level[:, 0].copy()
    return s


def champion_quality(s: State, t: Tasks) -> Floats:
    here = np.arange(len(s.calls))
    return true_quality(latent(s.q[here, s.champion], t), t)


def continued(rng: np.random.Generator, t: Tasks, rows: Rows, s: State, copies: int) -> Floats:
    """The mean true gain of the champion when each run goes on to twice its calls, over `copies` independent continuations."""
    which = np.repeat(np.arange(len(s.calls)), copies)
    until, before = 2 * s.calls[which], champion_quality(s, t)
    after = np.zeros(len(which))
    live = np.arange(len(which))
    now_t, now_rows, now_s, now_ends = t.take(which), rows.take(which), s.take(which), all_ends(t)[which]
    while len(live):
        for _ in range(6):
            going = now_s.calls < until[live]
            if going.all():
                step(rng, now_t, now_rows, now_ends, now_s)
                continue
            done = ~going
            after[live[done]] = champion_quality(now_s.take(done), now_t.take(done))
            live = live[going]
            now_t, now_rows, now_s, now_ends = now_t.take(going), now_rows.take(going), now_s.take(going), now_ends[going]
            if not len(live):
                break
    return after.reshape(len(s.calls), copies).mean(1) - before


@dataclass(slots=True)
class Probed:
    """What a probe of one design found: [runs, proposals] each. `true` is the true difference to the champion."""

    mean: Floats
    se: Floats
    rows: Ints
    true: Floats

    def take(self, rows: NDArray) -> Probed:
        return Probed(*(getattr(self, f.name)[rows] for f in fields(self)))


def probed(rng: np.random.Generator, t: Tasks, s: State, held: Rows, exam: Floats, plan: ProbePlan) -> Probed:
    """Fresh proposals from a frozen state meet its champion on the first holdout rows, where `exam` holds the champion's scores. As many rows
    as the plan says, or as there are."""
    count, m = len(s.calls), plan.proposals
    here, which = np.arange(count)[:, None], np.repeat(np.arange(count), m)
    drawn = np.stack([parents(rng, t, s) for _ in range(m)], 1)
    parent = (which, drawn.ravel())
    flat = t.take(which)
    q, _, _ = propose(rng, flat, s.q[parent], s.offset[parent], s.island[parent], s.tried[which])
    skill = latent(q, flat)
    true = (true_quality(skill, flat) - champion_quality(s, t)[which]).reshape(count, m)
    skill = skill.reshape(count, m)
    sums, squares = np.zeros((2, count, m))
    met = np.zeros((count, m), dtype=int)
    alive, start = np.tile(np.arange(m), (count, 1)), 0
    for rung in plan.rungs:
        if start:
            best = np.argsort(-sums[here, alive] / met[here, alive], axis=1, kind="stable")[:, : rung.contenders]
            alive = np.sort(alive[here, best], axis=1)
        end = min(rung.rows, held.exists.shape[1])
        if end > start:
            again = np.repeat(np.arange(count), rung.contenders)
            part = Rows(*(getattr(held, f.name)[:, start:end][again] for f in fields(Rows)))
            scores = measure(rng, t.take(again), part, skill[here, alive].ravel())
            d = ((scores - exam[:, start:end][again]) * part.exists).reshape(count, rung.contenders, end - start)
            sums[here, alive] += d.sum(2)
            squares[here, alive] += (d * d).sum(2)
            met[here, alive] = np.minimum(end, t.n_holdout)[:, None]
        start = end
    mean = sums / met
    se = np.sqrt((np.maximum(squares - met * mean * mean, 0) + 0.5) / (met + 1) / met)
    return Probed(mean, se, met, true)


@dataclass(slots=True)
class Judged:
    """Runs at a checkpoint: what could be seen, and the truth. Challengers are padded with rows = 0. Moments are of holdout rows."""

    family: Ints
    truth: Floats
    n_dev: Ints
    n_holdout: Ints
    calls: Floats
    changed: Floats
    changes: Ints
    late_changes: Ints
    tried: Ints
    gain: Floats
    se: Floats
    rows: Ints
    kept: NDArray[np.bool_]
    spent: Floats  # calls after each challenger
    dev_now: Floats
    dev_last: Floats  # gains on dev, paired on the rows that both were measured on
    dev_gain: Floats
    now_sum: Floats
    now_squares: Floats
    last: Floats  # [runs, 5]: sum, squares, changed rows, better, worse of the paired differences now - half
    total: Floats  # the same since baseline
    last_truth: Floats
    total_truth: Floats
    graded: NDArray[np.bool_]
    minibatch: Ints
    stay_z: Floats
    since_best: Ints  # full dev evaluations since the last new champion
    since_champion: Ints  # proposals since the last new champion
    since_kept: Ints  # proposals since the last kept one
    stage: Ints
    curve: Floats  # dev means at the checkpoints up to now, nan-padded at the front
    exam_sums: Floats  # [runs, CHECKPOINTS] of all checkpoints, for the band
    exam_squares: Floats
    exam_serials: Ints
    exam_truths: Floats
    probes: list[Probed]  # one a design of SIZES, then of COMPARED


def moments(difference: Floats, exists: Floats) -> Floats:
    d = difference * exists
    moved = np.abs(d) > 1e-9
    return np.stack([d.sum(1), (d * d).sum(1), moved.sum(1), (d > 0).sum(1), (d < 0).sum(1)], 1)


def simulate(seed: int, chunk: int, tasks: Tasks, copies: int) -> list[Judged]:
    """One batch, judged at its 5 latest checkpoints."""
    rng = np.random.default_rng([seed, chunk, 7])
    t, count = tasks, len(tasks.n)
    rows = draw_rows(rng, t, t.n)
    ends = all_ends(t)
    s = begin(rng, t, rows)
    baseline_dev, here = s.scores[:, 0].copy(), np.arange(count)
    marks = t.budget[:, None] * 2 ** (-np.arange(CHECKPOINTS)[::-1] / 2)  # ascending
    passed = np.zeros((count, CHECKPOINTS), dtype=bool)
    snaps: list[State] = [replace(s.take(np.arange(count))) for _ in range(CHECKPOINTS)]
    log: list[tuple[Record, Floats, Ints, NDArray]] = []
    changed, serial = np.zeros(count), np.zeros(count, dtype=int)
    snap_changed = np.zeros((count, CHECKPOINTS))
    for _ in range(4000):
        live = np.flatnonzero(s.calls < t.budget)
        if not len(live):
            break
        part = s.take(live)
        done = step(rng, t.take(live), rows.take(live), ends[live], part)
        s.put(live, part)
        full = Record(np.zeros(count), np.ones(count), np.zeros(count, dtype=int), np.zeros(count, dtype=bool))
        full.gain[live], full.se[live], full.rows[live], full.kept[live] = done.gain, done.se, done.rows, done.kept
        best = s.serial[here, s.champion]
        new = best != serial
        changed = np.where(new, s.calls, changed)
        serial = best
        log.append((full, s.calls.copy(), s.tried.copy(), new))
        for k in range(CHECKPOINTS):
            cross = np.flatnonzero((s.calls >= marks[:, k]) & ~passed[:, k])
            if len(cross):
                snaps[k].put(cross, s.take(cross))
                snap_changed[cross, k] = changed[cross]
                passed[cross, k] = True
    gain = np.stack([one.gain for one, *_ in log], 1)
    se = np.stack([one.se for one, *_ in log], 1)
    used = np.stack([one.rows for one, *_ in log], 1)
    kept = np.stack([one.kept for one, *_ in log], 1)
    spent = np.stack([calls for _, calls, *_ in log], 1)
    new = np.stack([n for *_, n in log], 1)

    held = draw_rows(rng, t, t.n_holdout)
    baseline = measure(rng, t, held, latent(t.q0, t))
    champions, exams, truths = [], [], []
    before, before_serial = baseline, np.zeros(count, dtype=int)
    for k in range(CHECKPOINTS):
        slot = snaps[k].champion
        now_serial = snaps[k].serial[here, slot]
        fresh = measure(rng, t, held, latent(snaps[k].q[here, slot], t))
        before = np.where((now_serial == before_serial)[:, None], before, fresh)
        before_serial = now_serial
        champions.append(now_serial)
        exams.append(before)
        truths.append(true_quality(latent(snaps[k].q[here, slot], t), t))
    out = []
    start_truth = true_quality(latent(t.q0, t), t)
    dev = [snap.scores[here, snap.champion] for snap in snaps]
    measured = [snap.measured[here, snap.champion] for snap in snaps]
    dev_curve = np.stack([first_mean(scores, met) for scores, met in zip(dev, measured, strict=True)], 1)
    for k in range(CHECKPOINTS - JUDGED, CHECKPOINTS):
        snap = snaps[k]
        tried = snap.tried
        upto = np.arange(gain.shape[1]) < tried[:, None]
        truth = continued(rng, t, rows, snap, copies)
        index = np.arange(gain.shape[1])
        last_new = np.where(new & upto, index, -1).max(1)
        last_kept = np.where(kept & upto, index, -1).max(1)
        curve = np.full((count, CHECKPOINTS), np.nan)
        curve[:, CHECKPOINTS - 1 - k :] = dev_curve[:, : k + 1]
        out.append(
            Judged(
                family=t.family,
                truth=truth,
                n_dev=t.n,
                n_holdout=t.n_holdout,
                calls=snap.calls,
                changed=snap_changed[:, k],
                changes=(new & upto).sum(1),
                late_changes=(new & upto & (2 * spent > snap.calls[:, None])).sum(1),
                tried=tried,
                gain=np.where(upto, gain, 0),
                se=np.where(upto, se, 1),
                rows=np.where(upto, used, 0),
                kept=kept & upto,
                spent=spent,
                dev_now=dev_curve[:, k],
                dev_last=first_mean(dev[k] - dev[k - 2], np.minimum(measured[k], measured[k - 2])),
                dev_gain=first_mean(dev[k] - baseline_dev, np.minimum(measured[k], t.opening)),
                now_sum=exams[k].sum(1),
                now_squares=(exams[k] ** 2).sum(1),
                last=moments(exams[k] - exams[k - 2], held.exists),
                total=moments(exams[k] - baseline, held.exists),
                last_truth=truths[k] - truths[k - 2],
                total_truth=truths[k] - start_truth,
                graded=t.graded,
                minibatch=t.minibatch,
                stay_z=t.stay_z,
                since_best=(kept & upto & (index > last_new[:, None])).sum(1),
                since_champion=(upto & (index > last_new[:, None])).sum(1),
                since_kept=(upto & (index > last_kept[:, None])).sum(1),
                stage=np.full(count, k),
                curve=curve,
                exam_sums=np.stack([exam.sum(1) for exam in exams], 1),
                exam_squares=np.stack([(exam**2).sum(1) for exam in exams], 1),
                exam_serials=np.stack(champions, 1),
                exam_truths=np.stack(truths, 1),
                probes=[probed(rng, t, snap, held, exams[k], plan) for plan in (*SIZES, *COMPARED)],
            )
        )
    return out
