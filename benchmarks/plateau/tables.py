"""The calibration tables, as Markdown."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.plateau.fit import DELTAS, auc
from benchmarks.plateau.generator import FAMILIES, Floats
from benchmarks.plateau.suite import Suite
from topout.plateau.calibration import FEATURES

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


def line(d: float, name: str, s: Suite, p: Floats, tau: float, climb: float) -> str:
    """One row of `rulings` for the verdict."""
    gains, out, up = s.truth >= d, p <= tau, p >= climb
    cells = (share(out, gains), share(out, ~gains), share(gains, out), share(up, ~gains), share(up, gains))
    quiet = f"{(~out & ~up).mean():.2f}".replace("0.", ".", 1)
    return f"| {d} | {name} | {f'{auc(p, gains):.3f}'.replace('0.', '.', 1)} | {' | '.join(cells)} | {quiet} |"


def rulings(s: Suite, p: dict[float, Floats], tau: dict[float, float], climb: dict[float, float]) -> list[str]:
    """Topped out as shipped, beside the rules in use today, and climbing."""
    lines = [
        "| δ | rule | AUC | wrongly topped out | truly topped out, said so | P(G ≥ δ) among topped out | wrongly climbing | rightly climbing | undecided |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    once = one_each(s.run)
    for d in SHOWN:
        gains = s.truth >= d
        lines.append(line(d, "**topout, run alone**", s, p[d], tau[d], climb[d]))
        reach = int(gains[once].sum())
        name = f"the same, one checkpoint a run ({reach:,} runs with G ≥ δ, {len(once) - reach:,} without)"
        lines.append(line(d, name, s.take(once), p[d][once], tau[d], climb[d]))
        for name, rule in RIVALS:
            said = rule(s, d)
            lines.append(f"| {d} | {name} | | {share(said, gains)} | {share(said, ~gains)} | {share(gains, said)} | | | |")
    return lines


def families(s: Suite, p: dict[float, Floats], tau: dict[float, float], climb: dict[float, float]) -> list[str]:
    """Errors by family: wrongly topped out / truly / wrongly climbing / rightly, with the number of G >= delta."""
    head = " | ".join(f"δ = {d}: n with G ≥ δ | wrongly topped out | truly | wrongly climbing | rightly" for d in SHOWN)
    lines = [f"| family | judged | {head} |", "|---|---|" + "---|" * (5 * len(SHOWN))]
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


def slices(s: Suite, p: Floats, tau: float, climb: float, d: float = 0.02) -> list[str]:
    """Errors by size of dev and holdout, engine, score kind and stage of the run."""
    gains, out, up = s.truth >= d, p <= tau, p >= climb
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
    lines = [f"| δ = {d} | judged | wrongly topped out | truly | wrongly climbing | rightly |", "|---|---|---|---|---|---|"]
    for name, mine in groups:
        cells = (share(out, mine & gains), share(out, mine & ~gains), share(up, mine & ~gains), share(up, mine & gains))
        lines.append(f"| {name} | {int(mine.sum())} | {' | '.join(cells)} |")
    return lines


def reliability(s: Suite, p: dict[float, Floats]) -> list[str]:
    """Predicted against true share, by decile of the prediction, over the shown deltas."""
    every = np.concatenate([p[d] for d in SHOWN])
    truth = np.concatenate([s.truth >= d for d in SHOWN])
    lines = ["| predicted P(G ≥ δ) | judged | mean predicted | true share |", "|---|---|---|---|"]
    for low in np.arange(0, 1, 0.1):
        mine = (every >= low) & (every < low + 0.1)
        if mine.any():
            cells = (mean.replace("0.", ".", 1) for mean in (f"{every[mine].mean():.3f}", f"{truth[mine].mean():.3f}"))
            lines.append(f"| {low:.1f}–{low + 0.1:.1f} | {mine.sum()} | {' | '.join(cells)} |")
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


def report(s: Suite, p: dict[float, Floats], tau: dict[float, float], climb: dict[float, float]) -> str:
    """All tables."""
    assert set(SHOWN) <= set(DELTAS)
    parts = [
        f"{len(np.unique(s.run))} runs, {len(s.run)} judged checkpoints; share with G ≥ δ: "
        + ", ".join(f"{(s.truth >= d).mean():.2f} at {d}" for d in SHOWN),
        "",
        *rulings(s, p, tau, climb),
        "",
        *families(s, p, tau, climb),
        "",
        *slices(s, p[0.02], tau[0.02], climb[0.02]),
        "",
        *reliability(s, p),
        "",
        *coverage(s),
    ]
    return "\n".join(parts)
