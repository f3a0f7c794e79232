"""The landscapes: what kind of world each is, and the ranges that its parameters are drawn from.

| name | what is hard about it |
|---|---|
| plain | some eight skills that add up: the least that an optimizer should do well |
| rugged | half of the skills help only with another one, and hurt without; many tempting phrases that help a few rows and hurt more |
| demos | worked examples help their near neighbours more than any instruction; instructions help a little |
| basins | three ways to go about it; the baseline's is the poorest, and another way pays only after more edits |
| noisy | 48 dev rows, a tenth of the labels wrong, answers that change with every wording, a critic that is seldom right |
| long | each word costs accuracy, and the critic is wordy |
| staircase | after a published run on privacy rewriting: 80 % at first, then rare steps to 96 % |
| jump | after published runs on multi-hop questions: the first edits give most, then long flats with late steps; 300 dev rows |

The last two follow figures that were read off the GEPA paper's own artifact (arXiv 2507.19457): Papillon with gpt-4.1-mini, 111 validation rows, best
so far 82.3 at the start, 90.9 after 117 calls, 93.3 after 903, 96.3 after 1,524 of 2,268; HotpotQA with the same model, 300 validation rows, 40.3 at
the start, 59.0 after 330 calls, 66.3 after 1,332, 67.3 after 1,656, 68.3 after 4,326 of 6,624.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SHAPES", "Shape"]

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Ranges (low, high) from which a seed draws a world. Effects are on the probit scale: +1 lifts a row from 50 % to 84 %.

    `first` is the effect of the first skill on all rows, where it is above 0. `kinds` of rows; `skills` that cover two to four kinds each with a `skill` effect, a share `general` of them all kinds with a fifth of it; a share
    `paired` of them works only with another one on. `base` is the baseline's mean, `spread` the difficulty's standard deviation between
    rows. `demo` is what a good near worked example adds. `styles` are ways to go about it, `wordiness` is what 100 tokens more than the
    baseline's cost. `label_noise` is the share of rows that nobody can get right. `steady` is the part of a row's luck that stays when the wording
    changes. The critic: `right` is how often one of its edits is what the failures that it read ask for, `harmful` how often a tempting wrong
    one, else it is useless; `changes` are edits in one text, `forget` how likely each old sentence is lost in a rewrite, `leap` how often it changes
    the style. `rare` is the share of skills that it finds only with a third of that chance.
    """

    first: Range = (0.0, 0.0)
    kinds: tuple[int, int] = (10, 14)
    skills: tuple[int, int] = (7, 10)
    skill: Range = (0.7, 1.3)
    general: float = 0.15
    paired: float = 0.0
    base: Range = (-0.35, 0.0)
    spread: float = 0.8
    demo: Range = (0.25, 0.4)
    styles: int = 1
    wordiness: Range = (0.03, 0.06)
    label_noise: Range = (0.0, 0.04)
    steady: Range = (0.75, 0.88)
    right: Range = (0.25, 0.4)
    harmful: Range = (0.25, 0.35)
    changes: tuple[int, int] = (1, 2)
    forget: Range = (0.03, 0.06)
    leap: float = 0.0
    rare: float = 0.0
    train: int = 150
    dev: int = 100
    labels: bool = False


SHAPES: dict[str, Shape] = {
    "plain": Shape(),
    "rugged": Shape(paired=0.5, harmful=(0.4, 0.5), skill=(0.8, 1.4)),
    "demos": Shape(demo=(0.9, 1.3), skill=(0.3, 0.6), skills=(5, 7), labels=True, kinds=(12, 18)),
    "basins": Shape(styles=3, leap=0.12, dev=150),
    "noisy": Shape(dev=48, train=80, label_noise=(0.08, 0.12), steady=(0.3, 0.5), right=(0.15, 0.3)),
    "long": Shape(wordiness=(0.2, 0.3), changes=(2, 3), dev=200),
    "staircase": Shape(
        base=(0.9, 1.05),
        first=(0.3, 0.5),
        kinds=(7, 9),
        skills=(6, 8),
        skill=(1.2, 2.0),
        right=(0.15, 0.3),
        rare=0.4,
        dev=111,
        demo=(0.1, 0.2),
    ),
    "jump": Shape(
        base=(-0.4, -0.2),
        first=(0.5, 0.7),
        skills=(12, 16),
        skill=(0.4, 0.8),
        general=0.35,
        rare=0.6,
        right=(0.3, 0.45),
        dev=300,
        demo=(0.15, 0.3),
    ),
}
