"""From simulated runs to a table: what the verdict sees (its features), what is true, and what the rules in use today would say."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields

import numpy as np

from benchmarks.plateau.generator import FAMILIES, Draw, Floats, Ints, Judged, Probed, draw_tasks, simulate
from topout.domain import Estimate, Gain
from topout.plateau.calibration import features
from topout.plateau.effects import GRID, MOST, PSEUDO_ROWS, STEPS, Effects, effects, found
from topout.plateau.evidence import Challenger, Contender, Evidence
from topout.plateau.probing import SIZES, posterior
from topout.plateau.student import t_quantile

CHUNK = 56


@dataclass(slots=True)
class Suite:
    """One row a run and checkpoint. `inputs` are the features; `seen_*` feed the rules in use today; `run` groups the checkpoints of a run."""

    run: Ints
    family: Ints
    truth: Floats
    inputs: Floats
    tried: Ints
    n_dev: Ints
    n_holdout: Ints
    stage: Ints
    minibatch: Ints
    stay_z: Floats
    graded: Ints
    since_kept: Ints
    since_champion: Ints
    since_best: Ints
    dev_last: Floats
    upper_last: Floats
    upper_normal: Floats
    inside_last: Floats
    inside_total: Floats
    optimism: Floats
    band_inside: Floats  # nan except at a run's last checkpoint
    found: Floats  # [cases, designs of SIZES, 8]: emax, of ten, zmax, ztop, lower, best, rows, sd of `Found`
    finalist: Floats  # [cases, designs, 4]: of the best after correction, mean as measured, corrected, true, 1 where the 95 % interval holds it
    ideal: Floats  # [cases, designs, 3]: what a probe would find that measured its proposals without error

    def take(self, rows: np.ndarray) -> Suite:
        return Suite(*(getattr(self, f.name)[rows] for f in fields(self)))


def gain_of(moments: Floats, n: int, level: float = 0.95) -> Gain:
    """What `topout.plateau.paired_gain` says of differences with these sums (checked against it in `check`)."""
    total, squares, moved, better, worse = (float(x) for x in moments)
    size2 = 0.5 * (squares + 1) / (moved + 1)
    mean = total / (n + 2)
    se = math.sqrt(max((squares + 2 * size2 - (n + 2) * mean * mean) / (n + 1) / (n + 2), 1e-12))
    half, plain = t_quantile(0.5 + level / 2, n + 1) * se, total / n
    low, high = max(-1.0, min(mean - half, plain)), min(1.0, max(mean + half, plain))
    detectable = (t_quantile(0.95, n + 1) + t_quantile(0.8, n + 1)) * se
    return Gain(Estimate(plain, low, high, n, level), detectable, int(better), int(worse))


def mean_of(total: float, squares: float, n: int, level: float = 0.95) -> Estimate:
    """What `topout.plateau.mean_interval` says of scores with these sums."""
    mean = (total + 1) / (n + 2)
    half = t_quantile(0.5 + level / 2, n + 1) * math.sqrt(max((squares + 1 - (n + 2) * mean * mean) / (n + 1) / (n + 2), 1e-12))
    plain = total / n
    return Estimate(plain, max(0.0, min(mean - half, plain)), min(1.0, max(mean + half, plain)), n, level)


def batch_spread(mean: Floats, se: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Weights over GRID and the pooled errors for a batch of runs, proposals padded with rows = 0 (`spread` and `pooled_errors` of the package)."""
    met = rows > 0
    variance = se * se * rows
    pooled = np.maximum((variance * rows).sum(1) / np.maximum(rows.sum(1), 1), 1e-6)[:, None]
    error = np.sqrt((rows * variance + PSEUDO_ROWS * pooled) / (rows + PSEUDO_ROWS) / np.maximum(rows, 1))
    likelihood = likelihoods(mean, error) * met[:, :, None]
    weights = np.full((len(mean), len(GRID)), 1 / len(GRID))
    number = np.maximum(met.sum(1), 1)[:, None]
    for _ in range(STEPS):
        marginal = np.matmul(likelihood, weights[:, :, None])[:, :, 0]
        share = met / np.where(marginal > 0, marginal, 1)
        weights *= np.matmul(share[:, None, :], likelihood)[:, 0] / number
    return weights, error


def likelihoods(mean: Floats, error: Floats) -> Floats:
    """Of each proposal's mean at each grid point, up to a factor a proposal."""
    log = -0.5 * ((mean[:, :, None] - np.array(GRID)) / error[:, :, None]) ** 2
    return np.exp(log - log.max(2, keepdims=True))


def batch_promise(mean: Floats, se: Floats, rows: Floats, tried: Ints) -> Floats:
    """`topout.plateau.effects.promise` for a batch: one column a field of Effects (checked against it in `check`)."""
    met, grid = rows > 0, np.array(GRID)
    weights, error = batch_spread(mean, se, rows)
    powered = np.minimum(np.cumsum(weights, 1), 1) ** tried[:, None]
    emax = (np.maximum(grid, 0) * np.diff(powered, axis=1, prepend=0)).sum(1)
    good = tried * (weights * (grid >= 0.02 - 1e-12)).sum(1)
    z = -np.sort(-np.where(met, mean / error, -np.inf), axis=1)[:, :3]
    top = np.where(np.isfinite(z), z, 0).sum(1) / np.maximum(np.isfinite(z).sum(1), 1)
    low = np.where(met, mean - 1.645 * error, -np.inf).max(1)
    some = met.any(1)
    return np.where(some[:, None], np.stack([emax, good, z[:, 0], top, low], 1), 0)


def batch_found(probe: Probed, tried: Ints) -> tuple[Floats, Floats]:
    """The columns `found` and `finalist` of a suite, for one design (checked against the package in `check`)."""
    grid, here = np.array(GRID), np.arange(len(tried))
    weights, error = batch_spread(probe.mean, probe.se, probe.rows)
    promise = batch_promise(probe.mean, probe.se, probe.rows, tried)
    ten = (np.maximum(grid, 0) * np.diff(np.minimum(np.cumsum(weights, 1), 1) ** 10, axis=1, prepend=0)).sum(1)
    post = likelihoods(probe.mean, error) * weights[:, None]
    post /= post.sum(2, keepdims=True)
    corrected = post @ grid
    best = corrected.argmax(1)
    sd = np.sqrt((probe.se**2 * probe.rows**2).sum(1) / probe.rows.sum(1))
    true, centre = probe.true[here, best], corrected[here, best]
    variance = np.maximum(post[here, best] @ grid**2 - centre**2, 0)
    inside = np.abs(true - centre) <= 1.959964 * np.sqrt(variance + error[here, best] ** 2)
    found = np.column_stack(
        [promise[:, 0], ten, promise[:, 2], promise[:, 3], promise[:, 4], corrected.max(1), probe.rows.max(1), sd]
    )
    return found, np.column_stack([probe.mean[here, best], corrected[here, best], true, inside])


def batch_ideal(probe: Probed, tried: Ints) -> Floats:
    """The column `ideal` for one design: expected gain of the best of as many proposals again and of ten, and the best there is, from the true differences
    of the probe's proposals."""
    true = np.sort(probe.true, axis=1)
    below = np.arange(1, true.shape[1] + 1) / true.shape[1]
    gains = np.maximum(true, 0)
    most, ten = (
        (gains * np.diff(below[None] ** np.broadcast_to(number, (len(tried), 1)), axis=1, prepend=0)).sum(1)
        for number in (tried[:, None], np.full((len(tried), 1), 10))
    )
    return np.column_stack([most, ten, true[:, -1]])


def batch_effects(j: Judged) -> Floats:
    """`topout.plateau.effects.effects` for all runs of a batch (checked against it in `check`)."""
    count = len(j.tried)
    order = np.arange(j.gain.shape[1])
    start = np.maximum(j.tried // 2, j.tried - MOST)
    inside = (order >= start[:, None]) & (order < j.tried[:, None])
    position = np.where(inside, order - start[:, None], 0)
    size = int(inside.sum(1).max())
    mean, se, rows = np.zeros((count, size)), np.ones((count, size)), np.zeros((count, size))
    r, c = np.nonzero(inside)
    mean[r, position[r, c]], se[r, position[r, c]], rows[r, position[r, c]] = j.gain[r, c], j.se[r, c], j.rows[r, c]
    return batch_promise(mean, se, rows, j.tried)


def evidence_of(j: Judged, i: int, delta: float = 0.02, size: int | None = None) -> Evidence:
    """Run `i` of a batch as the verdict would see it, with the probe of that design of SIZES when one is named."""
    probe: tuple[Contender, ...] = ()
    if size is not None:
        one = j.probes[size]
        columns = (one.mean[i].tolist(), one.se[i].tolist(), one.rows[i].tolist())
        probe = tuple(Contender(*values) for values in zip(*columns, strict=True))
    n, tried = int(j.n_holdout[i]), int(j.tried[i])
    columns = (j.gain[i, :tried].tolist(), j.se[i, :tried].tolist(), j.rows[i, :tried].tolist(), j.kept[i, :tried].tolist())
    return Evidence(
        delta=delta,
        n_dev=int(j.n_dev[i]),
        n_holdout=n,
        challengers=tuple(Challenger(g, s, r, k) for g, s, r, k in zip(*columns, strict=True)),
        calls=int(j.calls[i]),
        calls_at_last_change=int(j.changed[i]),
        changes=int(j.changes[i]),
        late_changes=int(j.late_changes[i]),
        champion=mean_of(float(j.now_sum[i]), float(j.now_squares[i]), n),
        last_doubling=gain_of(j.last[i], n),
        since_baseline=gain_of(j.total[i], n),
        dev_last_doubling=float(j.dev_last[i]),
        dev_gain=float(j.dev_gain[i]),
        levers_tried=("instructions",),
        probe=probe,
    )


def band_inside(j: Judged, i: int) -> float:
    """1 when the simultaneous 95 % band holds the true quality at all checkpoints."""
    serials = j.exam_serials[i]
    joint = 1 - 0.05 / len(set(serials.tolist()))
    n = int(j.n_holdout[i])
    for total, squares, truth in zip(j.exam_sums[i], j.exam_squares[i], j.exam_truths[i], strict=True):
        found = mean_of(float(total), float(squares), n, joint)
        if not found.low <= truth <= found.high:
            return 0.0
    return 1.0


def normal_upper(j: Judged) -> Floats:
    """Best-of-N with normal proposals: the gain of the best of as many again, plus 1.645 sd of that maximum."""
    met = j.rows > 0
    number = np.maximum(met.sum(1), 2)
    mean = (j.gain * met).sum(1) / number
    noise = (j.se**2 * met).sum(1) / number
    sd = np.sqrt(np.maximum((((j.gain - mean[:, None]) ** 2) * met).sum(1) / (number - 1) - noise, 1e-6))
    top = np.sqrt(2 * np.log(number))
    return mean + sd * (top - (np.log(np.log(number) + 1) + 2.5) / (2 * top)) + 1.645 * sd * 1.28 / top


def table_of(batch: tuple[int, int, Ints, int, int, Draw]) -> Suite:
    """Simulate one batch and tabulate it."""
    seed, chunk, rows, total, copies, draw = batch
    tasks = draw_tasks(np.random.default_rng([seed, 0]), total, draw).take(rows)
    parts = []
    for j in simulate(seed, chunk, tasks, copies):
        promise = batch_effects(j)
        probes = [batch_found(probe, j.tried) for probe in j.probes[: len(SIZES)]]
        seen = [evidence_of(j, i) for i in range(len(rows))]
        inputs = [features(e, Effects(*p)) for e, p in zip(seen, promise, strict=True)]
        last = [e.last_doubling.estimate for e in seen if e.last_doubling]
        whole = [e.since_baseline.estimate for e in seen if e.since_baseline]
        final = j.stage[0] == 6
        true_now = j.exam_truths[np.arange(len(rows)), j.stage]
        parts.append(
            Suite(
                run=rows,
                family=j.family,
                truth=j.truth,
                inputs=np.array(inputs, dtype=float),
                tried=j.tried,
                n_dev=j.n_dev,
                n_holdout=j.n_holdout,
                stage=j.stage,
                minibatch=j.minibatch,
                stay_z=j.stay_z,
                graded=j.graded.astype(int),
                since_kept=j.since_kept,
                since_champion=j.since_champion,
                since_best=j.since_best,
                dev_last=j.dev_last,
                upper_last=np.array([e.high for e in last]),
                upper_normal=normal_upper(j),
                inside_last=np.array([float(e.low <= t <= e.high) for e, t in zip(last, j.last_truth, strict=True)]),
                inside_total=np.array([float(e.low <= t <= e.high) for e, t in zip(whole, j.total_truth, strict=True)]),
                optimism=j.dev_now - true_now,
                band_inside=np.array([band_inside(j, i) if final else math.nan for i in range(len(rows))]),
                found=np.stack([one for one, _ in probes], 1),
                finalist=np.stack([one for _, one in probes], 1),
                ideal=np.stack([batch_ideal(probe, j.tried) for probe in j.probes[: len(SIZES)]], 1),
            )
        )
    return joined(parts)


def joined(parts: list[Suite]) -> Suite:
    return Suite(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Suite)))


def suite(seed: int, runs: int, copies: int = 12, workers: int = 2, draw: Draw = "home") -> Suite:
    """`runs` simulated runs at their 5 latest checkpoints each."""
    tasks = draw_tasks(np.random.default_rng([seed, 0]), runs, draw)
    order = np.lexsort((tasks.proposals, np.digitize(tasks.n, [30, 45, 70, 100, 140, 200, 280])))
    jobs = [(seed, at, order[at : at + CHUNK], runs, copies, draw) for at in range(0, runs, CHUNK)][::-1]
    with ProcessPoolExecutor(workers) as pool:
        return joined(list(pool.map(table_of, jobs)))


def decidable(s: Suite) -> Suite:
    """What passes the hard minimums: at least 20 proposals (rows are always enough here)."""
    return s.take((s.tried >= 20) & (s.n_dev >= 20) & (s.n_holdout >= 30))


def check() -> None:
    """The batch formulas above against the package's own, on a few runs. Raises AssertionError when they differ."""
    tasks = draw_tasks(np.random.default_rng([99, 0]), len(FAMILIES))
    for j in simulate(99, 0, tasks, 1):
        promise = batch_effects(j)
        for i in range(len(FAMILIES)):
            mine = effects(evidence_of(j, i).challengers)
            assert np.allclose(promise[i], [mine.emax, mine.good, mine.zmax, mine.ztop, mine.lower], atol=1e-6), (promise[i], mine)
        for size, probe in enumerate(j.probes[: len(SIZES)]):
            columns, finalists = batch_found(probe, j.tried)
            for i in range(0, len(FAMILIES), 5):
                contenders = evidence_of(j, i, size=size).probe
                one, theirs = found(contenders, int(j.tried[i])), posterior(contenders)
                assert one is not None
                p = one.promise
                mine = [p.emax, one.emax_ten, p.zmax, p.ztop, p.lower, one.best, one.rows, one.sd]
                assert np.allclose(columns[i], mine, atol=1e-6), (columns[i], mine)
                best = max(theirs, key=lambda e: e.mean)
                assert math.isclose(best.mean, finalists[i, 1], abs_tol=1e-6)
                assert finalists[i, 3] == (best.low <= finalists[i, 2] <= best.high), (best, finalists[i])


def check_gains() -> None:
    """`gain_of` and `mean_of` against `paired_gain` and `mean_interval`. Raises AssertionError when they differ."""
    from topout.plateau.intervals import mean_interval, paired_gain

    rng = np.random.default_rng(5)
    for n in (30, 200):
        after, before = np.round(rng.random((2, n)), 1)
        d = after - before
        moments = np.array([d.sum(), (d * d).sum(), (d != 0).sum(), (d > 0).sum(), (d < 0).sum()])
        one, two = gain_of(moments, n), paired_gain(after.tolist(), before.tolist())
        assert math.isclose(one.estimate.low, two.estimate.low, abs_tol=1e-9) and math.isclose(one.detectable, two.detectable)
        here, there = mean_of(after.sum(), (after**2).sum(), n), mean_interval(after.tolist())
        assert math.isclose(here.low, there.low, abs_tol=1e-9) and math.isclose(here.high, there.high, abs_tol=1e-9)
