"""The calibration tables, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.plateau.charts import Row
from benchmarks.plateau.fit import DELTAS, auc
from benchmarks.plateau.generator import FAMILIES, Floats
from benchmarks.plateau.suite import Suite
from topout.plateau.calibration import FEATURES
from topout.plateau.probing import SIZES

SHOWN = (0.01, 0.02, 0.03)
Rule = Callable[[Suite, float], np.ndarray]
RIVALS: tuple[tuple[str, Rule], ...] = (
    ("5 proposals in a row not kept", lambda s, d: s.since_kept >= 5),
    ("10 proposals in a row not kept", lambda s, d: s.since_kept >= 10),
    ("10 proposals without a new best (GEPA NoImprovement)", lambda s, d: s.since_champion >= 10),
    ("20 proposals without a new best", lambda s, d: s.since_champion >= 20),
    ("50 proposals without a new best", lambda s, d: s.since_champion >= 50),
    ("3 full dev evaluations without a new best", lambda s, d: s.since_best >= 3),
    ("5 full dev evaluations without a new best", lambda s, d: s.since_best >= 5),
    ("10 full dev evaluations without a new best", lambda s, d: s.since_best >= 10),
    ("dev gain of the last doubling < δ", lambda s, d: s.dev_last < d),
    ("held-out paired upper bound of the last doubling < δ", lambda s, d: s.upper_last < d),
    ("best of N, normal proposals, upper bound < δ", lambda s, d: s.upper_normal < d),
)


def share(where: np.ndarray, among: np.ndarray) -> str:
    """`.041`, or a dash without cases."""
    if not among.any():
        return "–"
    return f"{where[among].mean():.3f}".replace("0.", ".", 1)


def one_each(run: np.ndarray, seed: int = 11) -> np.ndarray:
    """One of its judged checkpoints for each run, at random: the rows to take so that cases are runs."""
    order = np.random.default_rng(seed).permutation(len(run))
    return np.sort(order[np.unique(run[order], return_index=True)[1]])


@dataclass(slots=True)
class Judged:
    """A kind of evidence and what is concluded from it: P(G >= delta) of each case and the two thresholds, by delta."""

    name: str
    p: Mapping[float, Floats]
    tau: Mapping[float, float]
    climb: Mapping[float, float]
    calls: Floats | None = None  # rollouts on probe rows, a case each


def line(d: float, name: str, s: Suite, j: Judged, where: np.ndarray) -> str:
    """One row of `rulings` for the verdict on some of the cases."""
    p, gains = j.p[d][where], s.truth[where] >= d
    out, up = p <= j.tau[d], p >= j.climb[d]
    cells = (share(out, gains), share(out, ~gains), share(gains, out), share(up, ~gains), share(up, gains))
    quiet = f"{(~out & ~up).mean():.2f}".replace("0.", ".", 1)
    return f"| {d} | {name} | {f'{auc(p, gains):.3f}'.replace('0.', '.', 1)} | {' | '.join(cells)} | {quiet} |"


def rulings(s: Suite, judged: Sequence[Judged]) -> list[str]:
    """The verdict by each kind of evidence, beside the rules in use today."""
    lines = [
        "| δ | rule | AUC | wrongly topped out | truly topped out, said so | P(G ≥ δ) among topped out | wrongly climbing | rightly climbing | undecided |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    once = one_each(s.run)
    every, many = np.ones(len(s.run), dtype=bool), s.n_holdout >= 400
    first = np.isin(np.arange(len(s.run)), once)
    for d in SHOWN:
        gains = s.truth >= d
        reach = int(gains[once].sum())
        for j in judged:
            calls = "" if j.calls is None else f" ({j.calls.mean():,.0f} rollouts on average)"
            lines.append(line(d, f"**{j.name}**{calls}", s, j, every))
            if j.calls is None:
                name = f"the same, one checkpoint a run ({reach:,} runs with G ≥ δ, {len(once) - reach:,} without)"
                lines.append(line(d, name, s, j, first))
            else:
                lines.append(line(d, "the same, 400 holdout rows or more", s, j, many))
                lines.append(line(d, "the same, fewer than 150 holdout rows", s, j, s.n_holdout < 150))
        for name, rule in RIVALS:
            said = rule(s, d)
            lines.append(f"| {d} | {name} | | {share(said, gains)} | {share(said, ~gains)} | {share(gains, said)} | | | |")
    return lines


def families(s: Suite, j: Judged) -> list[str]:
    """Errors by family: wrongly topped out / truly / wrongly climbing / rightly, with the number of G >= delta."""
    head = " | ".join(f"δ = {d}: n with G ≥ δ | wrongly topped out | truly | wrongly climbing | rightly" for d in SHOWN)
    p, tau, climb = j.p, j.tau, j.climb
    lines = [f"| {j.name} | judged | {head} |", "|---|---|" + "---|" * (5 * len(SHOWN))]
    for f, name in enumerate(FAMILIES):
        mine = s.family == f
        cells = []
        for d in SHOWN:
            gains = s.truth >= d
            out, up = p[d] <= tau[d], p[d] >= climb[d]
            cells += [str(int((mine & gains).sum())), share(out, mine & gains), share(out, mine & ~gains)]
            cells += [share(up, mine & ~gains), share(up, mine & gains)]
        lines.append(f"| {name} | {int(mine.sum())} | {' | '.join(cells)} |")
    return lines


def slices(s: Suite, j: Judged, d: float = 0.02) -> list[str]:
    """Errors by size of dev and holdout, engine, score kind and stage of the run."""
    gains, out, up = s.truth >= d, j.p[d] <= j.tau[d], j.p[d] >= j.climb[d]
    groups: list[tuple[str, np.ndarray]] = [
        ("dev rows 20–49", s.n_dev < 50),
        ("dev rows 50–149", (s.n_dev >= 50) & (s.n_dev < 150)),
        ("dev rows 150–400", s.n_dev >= 150),
        ("holdout rows 50–149", s.n_holdout < 150),
        ("holdout rows 150–449", (s.n_holdout >= 150) & (s.n_holdout < 450)),
        ("holdout rows 450–1000", s.n_holdout >= 450),
        ("proposals 20–49", s.tried < 50),
        ("proposals 50–149", (s.tried >= 50) & (s.tried < 150)),
        ("proposals 150 and more", s.tried >= 150),
        ("race, stay_z below 0.15", (s.minibatch == 0) & (s.stay_z < 0.15)),
        ("race, stay_z 0.15 to 0.45 (shipped: 0.3)", (s.minibatch == 0) & (s.stay_z >= 0.15) & (s.stay_z < 0.45)),
        ("race, stay_z 0.45 and more", (s.minibatch == 0) & (s.stay_z >= 0.45)),
        ("minibatch gate", s.minibatch > 0),
        ("right/wrong scores", s.graded == 0),
        ("graded scores", s.graded == 1),
    ]
    lines = [
        f"| {j.name}, δ = {d} | judged | wrongly topped out | truly | wrongly climbing | rightly |",
        "|---|---|---|---|---|---|",
    ]
    for name, mine in groups:
        cells = (share(out, mine & gains), share(out, mine & ~gains), share(up, mine & ~gains), share(up, mine & gains))
        lines.append(f"| {name} | {int(mine.sum())} | {' | '.join(cells)} |")
    return lines


def deciles(s: Suite, j: Judged) -> list[tuple[float, int, float, float]]:
    """Lower end of a decile of the prediction, cases, mean predicted and true share, over the shown deltas."""
    every = np.concatenate([j.p[d] for d in SHOWN])
    truth = np.concatenate([s.truth >= d for d in SHOWN])
    out = []
    for low in np.arange(10) / 10:
        mine = (every >= low) & (every < low + 0.1)
        if mine.any():
            out.append((float(low), int(mine.sum()), float(every[mine].mean()), float(truth[mine].mean())))
    return out


def reliability(s: Suite, judged: Sequence[Judged]) -> list[str]:
    """Predicted against true share, by decile of the prediction, for each kind of evidence."""
    lines = ["| evidence | predicted P(G ≥ δ) | cases | mean predicted | true share |", "|---|---|---|---|---|"]
    for j in judged:
        for low, cases, predicted, true in deciles(s, j):
            cells = (f"{value:.3f}".replace("0.", ".", 1) for value in (predicted, true))
            lines.append(f"| {j.name} | {low:.1f}–{low + 0.1:.1f} | {cases} | {' | '.join(cells)} |")
    return lines


def finalists(s: Suite) -> list[str]:
    """The best proposal of a probe: as measured, corrected, and true; how often the 95 % interval holds the truth."""
    lines = [
        "| probe | measured gain of the best, points | after correction | true | 95 % interval holds the truth | … 400 holdout rows or more |",
        "|---|---|---|---|---|---|",
    ]
    for size, plan in enumerate(SIZES):
        measured, corrected, true, inside = s.finalist[:, size].T
        cells = [f"{100 * np.nanmean(value):.1f}" for value in (measured, corrected, true)]
        lines.append(
            f"| {plan.proposals} proposals | {' | '.join(cells)} | {share(inside == 1, inside >= 0)} | {share(inside == 1, (inside >= 0) & (s.n_holdout >= 400))} |"
        )
    return lines


def constant(s: Suite, judged: Sequence[Judged]) -> list[str]:
    """What is said where no prompt is better than another."""
    lines = [
        "| where no prompt is better than another | " + " | ".join(f"δ = {d}: topped out | climbing" for d in SHOWN) + " |",
        "|---" * 7 + "|",
    ]
    everything = np.ones(len(s.run), dtype=bool)
    for j in judged:
        cells = [f"{share(j.p[d] <= j.tau[d], everything)} | {share(j.p[d] >= j.climb[d], everything)}" for d in SHOWN]
        lines.append(f"| {j.name} | {' | '.join(cells)} |")
    return lines


def coverage(s: Suite) -> list[str]:
    """Coverage of the intervals at a promised 95 %, and the optimism of the dev score of a champion."""
    lines = ["| statistic | promised | measured |", "|---|---|---|"]
    for name, values in (
        ("band holds the whole true curve", s.band_inside),
        ("… with fewer than 60 holdout rows", s.band_inside[s.n_holdout < 60]),
        ("paired gain since baseline", s.inside_total),
        (
            "paired gain of the last doubling, champion changed",
            s.inside_last[s.inputs[:, FEATURES.index("calls since the last change")] < 0.5],
        ),
        ("paired gain of the last doubling, all (a champion that stayed gained exactly 0)", s.inside_last),
    ):
        lines.append(f"| {name} | .950 | {np.nanmean(values):.3f} |".replace("0.", "."))
    lines += ["", "| dev rows | mean optimism of the champion's dev score, points |", "|---|---|"]
    for low, high in ((20, 50), (50, 100), (100, 200), (200, 401)):
        mine = (s.n_dev >= low) & (s.n_dev < high)
        lines.append(f"| {low}–{high - 1} | {100 * s.optimism[mine].mean():.1f} |")
    return lines


def pictured(s: Suite, judged: Sequence[Judged], d: float = 0.02) -> tuple[list[Row], list[Row]]:
    """The rows of the two charts: reliability, and the errors of all rules."""
    reliable: list[Row] = [
        {"evidence": j.name, "predicted": predicted, "true": true, "cases": cases}
        for j in judged
        for _, cases, predicted, true in deciles(s, j)
        if cases >= 100
    ]
    gains = s.truth >= d
    stops = [(j.name, j.p[d] <= j.tau[d]) for j in judged] + [(name, rule(s, d)) for name, rule in RIVALS]
    errors: list[Row] = [
        {
            "rule": name.replace("δ", f"{100 * d:g} points"),
            "wrongly": float(said[gains].mean()),
            "truly": float(said[~gains].mean()),
        }
        for name, said in stops
    ]
    return reliable, errors


def report(s: Suite, judged: Sequence[Judged]) -> str:
    """All tables."""
    assert set(SHOWN) <= set(DELTAS)
    parts = [
        f"{len(np.unique(s.run))} runs, {len(s.run)} judged checkpoints; share with G ≥ δ: "
        + ", ".join(f"{(s.truth >= d).mean():.2f} at {d}" for d in SHOWN),
        "",
        *rulings(s, judged),
        "",
        *(text for j in judged for text in [*families(s, j), ""]),
        *(text for j in judged for text in [*slices(s, j), ""]),
        *reliability(s, judged),
        "",
        *finalists(s),
        "",
        *coverage(s),
    ]
    return "\n".join(parts)
