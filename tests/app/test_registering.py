"""What is published and which alias moves, on a registry in memory that can die at any step."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from topout.app.registering import register
from topout.contracts import Registered
from topout.domain import Component, Json, Prompt
from topout.errors import UserError
from topout.testing.exporting import BETTER, WORSE, MemoryRegistry, made_up_offer

FIRST, SECOND = (replace(made_up_offer(better=better), alias="production") for better in (False, True))


def dying(at: str) -> MemoryRegistry:
    """The first version is there and production; then it dies once, at a step."""
    registry = MemoryRegistry()
    register(registry, FIRST, ())
    left = [at]

    def before(step: str) -> None:
        if step in left:
            left.remove(step)
            raise UserError(f"memory: gone at {step}.")

    registry.before = before
    return registry


@pytest.mark.parametrize("step", ["find", "versions", "publish", "published", "point"])
def test_whatever_dies_in_between_the_same_command_again_completes_it(step: str) -> None:
    registry = dying(step)
    with pytest.raises(UserError, match=f"gone at {step}"):
        register(registry, SECOND, ())
    assert registry.aliases == {("tickets", "production"): "1"}
    done = register(registry, SECOND, ())
    assert (done.version, registry.aliases) == ("2", {("tickets", "production"): "2"})
    assert len(registry.shared["tickets"]) == 2


def test_a_version_that_nothing_points_at_is_told_with_what_to_do() -> None:
    with pytest.raises(UserError) as error:
        register(dying("point"), SECOND, ())
    assert str(error.value).endswith("Version 2 is registered and 'production' is not on it: the same command again completes it.")


def test_an_alias_that_somebody_moved_meanwhile_is_left_alone() -> None:
    registry = MemoryRegistry()
    register(registry, FIRST, ())

    def before(step: str) -> None:
        if step == "published":
            registry.aliases["tickets", "production"] = "2"
            registry.shared["tickets"].append(registry.shared["tickets"][1])

    registry.before = before
    with pytest.raises(UserError, match="somebody else moved 'production' to version 2 just now"):
        register(registry, SECOND, ())


def test_a_dry_run_decides_and_changes_nothing() -> None:
    registry = MemoryRegistry()
    register(registry, FIRST, ())
    done = register(registry, SECOND, (), dry_run=True)
    assert done.version is None
    assert done.note == (
        "tickets: a new version. 'production' moved from version 1: "
        "+20.0 points [14.2, 25.4], n = 200 over version 1, paired on the same held-out rows."
    )
    assert done.changes == ("a new version", "alias production -> a new version: memory:tickets@production")
    assert len(registry.shared["tickets"]) == 1 and registry.aliases["tickets", "production"] == "1"
    with pytest.raises(UserError, match="not shown to be better"):
        register(registry, replace(FIRST, prompt=SECOND.prompt), (), dry_run=True)


def by_hand(registry: MemoryRegistry, prompt: Prompt | None) -> None:
    """Somebody else's version is production."""
    held = prompt or Prompt((Component("user", "user", "Sort: {{text}}"),))
    registry.shared["tickets"] = [(held, {})]
    registry.aliases["tickets", "production"] = "1"


def test_what_was_the_baseline_of_this_run_is_compared_row_by_row_though_nobody_recorded_it() -> None:
    registry = MemoryRegistry()
    by_hand(
        registry,
        replace(
            FIRST.prompt,
            components=(Component("sys", "system", f"\n{FIRST.prompt.components[0].text}\n"), FIRST.prompt.components[1]),
        ),
    )
    done = register(registry, SECOND, [(SECOND.prompt, BETTER), (FIRST.prompt, WORSE)])
    assert "n = 200 over version 1, paired on the same held-out rows of this run" in done.note
    assert registry.aliases["tickets", "production"] == "2"


def test_what_nobody_measured_stays_unless_forced() -> None:
    registry = MemoryRegistry()
    by_hand(registry, None)
    with pytest.raises(UserError, match="no record of a held-out score by topout and is no candidate of this run") as error:
        register(registry, SECOND, [(SECOND.prompt, BETTER)])
    assert "topout import" in str(error.value) and "--force" in str(error.value)
    assert len(registry.shared["tickets"]) == 1
    done = register(registry, replace(SECOND, force=True), ())
    assert done.note.endswith("not comparable; moved because of --force.")


def test_what_cannot_be_read_is_named() -> None:
    class Odd(MemoryRegistry):
        def find(self, name: str, pointer: str) -> Registered | None:
            return Registered("7", None, {}, "it calls tools")

    with pytest.raises(UserError, match=r"version 7 cannot be read \(it calls tools\): not comparable"):
        register(Odd(), SECOND, ())


def test_the_same_text_of_somebody_else_is_not_copied_and_its_missing_record_is_told() -> None:
    registry = MemoryRegistry()
    by_hand(registry, SECOND.prompt)
    done = register(registry, SECOND, ())
    assert (done.version, done.changes) == ("1", ())
    assert done.warnings == ("Version 1 was not made by topout: it holds the prompt, and no record of what it is worth.",)


def test_a_record_of_nonsense_is_no_evidence() -> None:
    records: tuple[dict[str, Json], ...] = ({"holdout": "x"}, {"holdout": {"this": {"mean": "1"}}}, {"rows": 3, "model": None})
    for record in records:
        registry = MemoryRegistry()
        by_hand(registry, None)
        known: dict[str, Json] = {"holdout_fingerprint": "e" * 64, "model": "openai/m", **record}
        registry.shared["tickets"] = [(registry.shared["tickets"][0][0], known)]
        with pytest.raises(UserError, match="not comparable"):
            register(registry, SECOND, ())


def test_only_the_newest_hundred_are_looked_through() -> None:
    registry = MemoryRegistry()
    held: list[tuple[Prompt, Mapping[str, Json]]] = [(FIRST.prompt, {}), *[(SECOND.prompt, {})] * 100]
    registry.shared["tickets"] = held
    assert register(registry, replace(FIRST, alias=""), ()).version == "102"
