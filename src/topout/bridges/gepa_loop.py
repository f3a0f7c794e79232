"""gepa's own loop (Agrawal et al. 2025, arXiv 2507.19457), the package as it comes, with a host in the place of models.

gepa selects parents, samples minibatches, writes the reflection prompt, reads the reply and accepts; the host measures and asks. Nothing of gepa is
replaced: its adapter, its reflection_lm and its callbacks are the seams that it offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from topout.bridges.host import Host, Step, answerable, editable, points
from topout.domain import Example, Message, Prompt, Rollout, Scored
from topout.search.demos import answer_text

__all__ = ["GepaSettings", "run_gepa"]

SELECTORS = ("pareto", "current_best", "epsilon_greedy", "top_k_pareto")


@dataclass(frozen=True, slots=True)
class GepaSettings:
    """Settings of `gepa`, by gepa's own names; what each means stands in optimizers/gepa.toml. Raises ValueError when out of range."""

    candidate_selection_strategy: str = "pareto"
    reflection_minibatch_size: int = 3
    parents: int = 1
    mutations: int = 1
    use_merge: bool = False
    cache_evaluation: bool = False
    give_up_after: int = 50

    def __post_init__(self) -> None:
        if self.candidate_selection_strategy not in SELECTORS:
            raise ValueError(f"candidate_selection_strategy must be one of {', '.join(SELECTORS)}")
        for name in ("reflection_minibatch_size", "parents", "mutations", "give_up_after"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")


def run_gepa(host: Host, settings: GepaSettings, seed: int, stop: Callable[[], bool]) -> None:
    """One `gepa.optimize` over the task's train and dev rows, until `stop` says so between two iterations or the host is `Over`.

    Raises whatever gepa raises.
    """
    import gepa
    from gepa.strategies.proposal_sampling import PxNSampling

    task = host.task
    several = settings.parents * settings.mutations > 1
    gepa.optimize(
        seed_candidate={c.name: c.text for c in editable(task)},
        trainset=list(task.rows("train")),
        valset=list(task.rows("dev")),
        adapter=Adapter(host),
        reflection_lm=Reflection(host),
        candidate_selection_strategy=settings.candidate_selection_strategy,
        reflection_minibatch_size=settings.reflection_minibatch_size,
        sampling_strategy=PxNSampling(settings.parents, settings.mutations) if several else None,
        use_merge=settings.use_merge,
        cache_evaluation=settings.cache_evaluation,
        stop_callbacks=[lambda state: stop()],
        callbacks=[Told(host)],
        logger=Quiet(),
        seed=seed,
        display_progress_bar=False,
    )


class Quiet:
    """gepa's logger."""

    def log(self, message: str) -> None:
        pass


class Reflection:
    """gepa's reflection_lm. A question without an answer leaves the text as it is, which gepa's gate then rejects."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def __call__(self, prompt: str | list[dict[str, Any]]) -> str:
        text = prompt if isinstance(prompt, str) else "\n\n".join(str(message.get("content", "")) for message in prompt)
        told = self._host.ask([Message("user", text)])
        return told or f"```{text.partition('```')[2].partition('```')[0]}```"


class Adapter:
    """A GEPAAdapter. A candidate whose text lost a placeholder (or made one up) scores 0 without a call."""

    propose_new_texts = None

    def __init__(self, host: Host) -> None:
        self._host = host

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        from gepa.core.adapter import EvaluationBatch

        prompt = prompt_of(self._host, candidate)
        if not answerable(prompt, self._host.task):
            blank = [(row, "", "The text lost a placeholder that the task's input goes into, or made one up.") for row in batch]
            return EvaluationBatch(outputs=[""] * len(batch), scores=[0.0] * len(batch), trajectories=blank)
        rollouts = self._host.measure(prompt, batch)
        traces = [(row, r.answer, feedback(r, row)) for row, r in zip(batch, rollouts, strict=True)]
        return EvaluationBatch(outputs=[r.answer for r in rollouts], scores=points(rollouts), trajectories=traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        records = [
            {"Inputs": dict(row.inputs), "Generated Outputs": answer, "Feedback": told}
            for row, answer, told in eval_batch.trajectories
        ]
        return dict.fromkeys(components_to_update, records)


def feedback(rollout: Rollout, row: Example) -> str:
    """What gepa's default adapter says of an answer, with the scorer's own words."""
    if not isinstance(rollout.score, Scored):
        return "The model gave no answer to this one."
    expected = answer_text(row.expected)
    if rollout.score.value >= 1:
        return f"The generated response is correct. The response include the correct answer '{expected}'"
    said = f" {rollout.score.feedback}" if rollout.score.feedback else ""
    return f"The generated response is incorrect. The correct answer is '{expected}'.{said}"


class Told:
    """gepa's callbacks, passed on as steps: one for each proposal that came to an end, one for an iteration that had none."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._pool: dict[int, Prompt] = {0: host.task.baseline}
        self._silent = True

    def on_iteration_start(self, event: Mapping[str, Any]) -> None:
        self._silent = True

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        """A candidate joined gepa's pool; number 0 is the baseline."""
        number = event["candidate_idx"]
        prompt = self._pool[number] = prompt_of(self._host, event["candidate"])
        parent = next((self._pool[one] for one in event["parent_ids"] if one in self._pool), None)
        score = f"gepa's candidate {number}, {100 * event['average_score']:.1f} % on dev"
        self.tell(Step("kept", score, prompt, parent, float(event["average_score"])))

    def on_candidate_rejected(self, event: Mapping[str, Any]) -> None:
        told = f"{event['old_score']:g} -> {event['new_score']:g}"
        self.tell(Step("dropped", f"not better than its parent on gepa's minibatch ({told})"))

    def on_merge_rejected(self, event: Mapping[str, Any]) -> None:
        self.tell(Step("dropped", "a merge that is worse than its parents on gepa's subsample"))

    def on_iteration_end(self, event: Mapping[str, Any]) -> None:
        if self._silent:
            self.tell(Step("rejected", "gepa had nothing to propose in this iteration"))

    def tell(self, step: Step) -> None:
        self._silent = False
        self._host.tell(step)


def prompt_of(host: Host, candidate: Mapping[str, str]) -> Prompt:
    """The baseline with gepa's texts."""
    prompt = host.task.baseline
    for name, text in candidate.items():
        prompt = prompt.with_text(name, text)
    return prompt
