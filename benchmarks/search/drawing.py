"""What a world is made of: parameters drawn from its shape, and the latent sides of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.shapes import Shape

__all__ = ["Drawn", "Floats", "Rows", "drawn"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Parameters of one world, drawn from its shape."""

    load: Floats  # skills x kinds
    partner: tuple[int, ...]  # the skill that a skill needs, -1 for none
    tempting: Floats  # tempting phrases x kinds
    affinity: Floats  # styles x skills
    offset: Floats  # styles
    rare: frozenset[int]
    demo: float
    wordiness: float
    label_noise: float
    steady: float
    right: float
    harmful: float
    forget: float


@dataclass(frozen=True, slots=True)
class Rows:
    """Latent sides of rows: kind, difficulty, position within the kind, luck that stays, and whether the label is wrong."""

    kind: NDArray[np.int64]
    ease: Floats
    place: Floats  # rows x 2
    luck: Floats
    mislabelled: NDArray[np.bool_]


def drawn(shape: Shape, rng: np.random.Generator) -> Drawn:
    """Parameters of a world."""
    kinds = int(rng.integers(shape.kinds[0], shape.kinds[1] + 1))
    skills = int(rng.integers(shape.skills[0], shape.skills[1] + 1))
    load = np.zeros((skills, kinds))
    for k in range(skills):
        effect = rng.uniform(*shape.skill)
        if k == 0 and shape.first[1] > 0:
            load[k] = rng.uniform(*shape.first)
        elif rng.random() < shape.general:
            load[k] = effect * 0.2
        else:
            covered = rng.choice(kinds, int(rng.integers(2, 5)), replace=False)
            load[k, covered] = effect * rng.uniform(0.7, 1.3, len(covered))
    partner = [-1] * skills
    for k in range(1, skills):
        if rng.random() < shape.paired:
            partner[k] = int(rng.integers(0, k))
    count = skills // 2 + 2
    tempting = np.zeros((count, kinds))
    for h in range(count):
        order = rng.permutation(kinds)
        tempting[h, order[0]] = rng.uniform(0.3, 0.6)
        tempting[h, order[1:4]] = -rng.uniform(0.4, 1.0, 3)
    styles = shape.styles
    affinity = np.ones((styles, skills))
    offset = np.zeros(styles)
    if styles > 1:
        affinity = rng.uniform(0.6, 1.2, (styles, skills))
        affinity[0] = rng.uniform(0.2, 0.6, skills)
        offset[1:] = rng.uniform(-0.15, 0.1, styles - 1)
    rare = frozenset(int(k) for k in range(skills) if rng.random() < shape.rare and not (k == 0 and shape.first[1] > 0))
    return Drawn(
        load,
        tuple(partner),
        tempting,
        affinity,
        offset,
        rare,
        rng.uniform(*shape.demo),
        rng.uniform(*shape.wordiness),
        rng.uniform(*shape.label_noise),
        rng.uniform(*shape.steady),
        rng.uniform(*shape.right),
        rng.uniform(*shape.harmful),
        rng.uniform(*shape.forget),
    )
