"""Recipes: found by name or path, read with their optimizer, and refused with line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from topout.errors import UserError
from topout.plugins.optimizers import load_recipe, recipe_names
from topout.search.bootstrap import Bootstrap, BootstrapSettings
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.fewshot import Fewshot, FewshotSettings

OPTIMIZERS = Path(__file__).parents[2] / "optimizers"


def recipe(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_the_shipped_recipes_are_found_by_name_from_anywhere(tmp_path: Path) -> None:
    assert {"evolve", "fast", "fewshot", "hillclimb", "quick"} <= set(recipe_names(tmp_path))
    for name in ("evolve", "fast", "fewshot", "hillclimb", "quick"):
        assert load_recipe(name, tmp_path).name == name


def test_the_shipped_recipes_spell_out_the_defaults() -> None:
    evolve, fewshot = load_recipe("evolve"), load_recipe("fewshot")
    assert isinstance(evolve.optimizer, Evolve)
    assert isinstance(fewshot.optimizer, Fewshot)
    assert evolve.optimizer.settings == EvolveSettings()
    assert fewshot.optimizer.settings == FewshotSettings()
    assert set(fewshot.recipe.settings) == set(FewshotSettings.__dataclass_fields__)
    bootstrap = load_recipe("bootstrap")
    assert isinstance(bootstrap.optimizer, Bootstrap)
    assert bootstrap.optimizer.settings == BootstrapSettings()
    assert set(bootstrap.recipe.settings) == set(BootstrapSettings.__dataclass_fields__)


def test_the_example_for_authors_is_short_and_knows_the_public_page_alone() -> None:
    text = (OPTIMIZERS / "hillclimb.py").read_text()
    assert len(text.splitlines()) <= 60
    imported = {line.split()[1] for line in text.splitlines() if line.startswith("from topout")}
    assert imported == {"topout.contracts", "topout.domain"}


def test_settings_of_a_recipe_reach_an_optimizer_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "hillclimb.py").write_text((OPTIMIZERS / "hillclimb.py").read_text())
    loaded = load_recipe(recipe(tmp_path, 'optimizer = "hillclimb.py"\n[settings]\npatience = 7\n'))
    assert "patience=7" in repr(loaded.optimizer)
    assert loaded.sha != load_recipe(recipe(tmp_path, 'optimizer = "hillclimb.py"\n')).sha


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('optimizer = "fewshots"\n', "unknown optimizer 'fewshots'. Did you mean 'fewshot'?"),
        (
            'optimizer = "bootstrap"\nlevers = ["demos"]\n[settings]\nedits = 3\n',
            "mine.toml:4: unknown setting 'edits'.",  # it never asks the critic
        ),
        ('optimizer = "fewshot"\n[settings]\ndemo_set = 3\n', "mine.toml:3: unknown setting 'demo_set'. Did you mean 'demo_sets'?"),
        ('optimizer = "fewshot"\n[settings]\nlanes = 2.5\n', "mine.toml:3: lanes = 2.5: expected a whole number."),
        ('optimizer = "fewshot"\n[settings]\nlanes = 0\n', "lanes must be at least 1."),
        ('levers = ["demos"]\n[settings]\nmerge = 0.1\n', "mine.toml:3: merge = 0.1 needs the lever 'instructions'."),
        ("levers = []\n", "the shares rewrite, demos, merge, shorten and switch must not be negative, and not all 0."),
    ],
)
def test_a_recipe_that_is_wrong_is_refused_with_its_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(recipe(tmp_path, text))
    assert sentence in str(caught.value)


def test_an_optimizer_pulls_no_lever_that_its_recipe_does_not_have(tmp_path: Path) -> None:
    for lever, evolve_shares, fewshot_menus in (("demos", (0, 0.15, 0, 0), (0, 18)), ("instructions", (0.6, 0, 0.05, 0.2), (8, 0))):
        evolve = load_recipe(recipe(tmp_path, f'levers = ["{lever}"]\n')).optimizer
        assert isinstance(evolve, Evolve)
        e = evolve.settings
        assert (e.rewrite, e.demos, e.merge, e.shorten) == evolve_shares
        fewshot = load_recipe(recipe(tmp_path, f'optimizer = "fewshot"\nlevers = ["{lever}"]\n')).optimizer
        assert isinstance(fewshot, Fewshot)
        assert (fewshot.settings.instructions, fewshot.settings.demo_sets) == fewshot_menus


def test_a_name_that_is_nearly_right_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean 'hillclimb'"):
        load_recipe("hillclmb", tmp_path)
