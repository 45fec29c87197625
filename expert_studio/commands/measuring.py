"""Scores a run's expert through the engine: as trained, taken apart, and the base alone.

The one place that hands an engine to `core.training.evaluation`, which must not know one.
Torch is imported when a measurement starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from expert_studio.core.datasets.examples import Turn, read_examples
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.manifest import TIERS
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseRequest, ChatEngine, Message, Sampling
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    DEPENDENCIES_ONLY,
    WITH_DEPENDENCIES,
    WITHOUT_DEPENDENCIES,
    Answer,
    Condition,
    Report,
    ask,
    by_family,
    condition,
    main_metric,
    rows_sha256,
    task_and_novelty,
    write_report,
)
from expert_studio.core.training.package import REPORT_FILE, WEIGHTS_FILE
from expert_studio.core.training.run_folder import RunFolder

MAX_ANSWER_TOKENS = 96
# What is no candidate is measured on fewer rows: a base that rambles takes minutes to say little.
REFERENCE_ROWS = 80
Progress = Callable[[str, int, int], None]  # (condition, rows done, rows in all)


def evaluate_run(
    run: RunFolder, folders: Folders, on_progress: Progress, rows: int | None = None
) -> Report:
    """Scores the run's adapter on its held-out rows and keeps the report in the run folder.

    Greedy decoding. `rows` takes only the first so many; the base alone and dependencies
    alone get the first 80 of them.

    Raises:
        TrainingError: the run set no rows aside, or is not finished.
        LoadError, InferenceError: the base or an adapter cannot be used.
    """
    examples = tuple(read_examples(run.held_out_path))[:rows]
    if not examples or run.state().status != "finished":
        raise TrainingError(
            f"{run.identifier} cannot be evaluated.",
            "It is not finished." if examples else "It has no held-out rows.",
        )
    from expert_studio.core.inference.engine import load_engine

    base_folder = Path(run.places.base_folder)
    engine = load_engine(BaseRequest(base_folder), lambda _share: None)
    try:
        stacks = _stacks(run, folders, engine)
        conditions: list[Condition] = []
        families: tuple[Condition, ...] = ()
        for name, stack in stacks.items():
            asked = (
                examples[:REFERENCE_ROWS] if name in (DEPENDENCIES_ONLY, BASE_ONLY) else examples
            )
            tell = partial(_tell, on_progress, name, len(asked))
            answered = ask(asked, _answers(engine, stack), tell)
            conditions.append(condition(name, answered))
            if name == WITH_DEPENDENCIES:
                families = by_family(answered, task_and_novelty)
        report = Report(
            expert=run.recipe.name,
            version=run.recipe.version,
            rows=len(examples),
            rows_sha256=rows_sha256(examples),
            main_metric=main_metric(examples),
            device=engine.base.device_name,
            quantization=engine.base.quantization,
            conditions=tuple(conditions),
            families=families,
        )
    finally:
        engine.close()
    write_report(report, run.path / REPORT_FILE)
    return report


def _tell(on_progress: Progress, condition_name: str, rows: int, done: int) -> None:
    on_progress(condition_name, done, rows)


def _answers(engine: ChatEngine, stack: Stack) -> Answer:
    sampling = Sampling(max_tokens=MAX_ANSWER_TOKENS, temperature=0.0)

    def answer(turns: Sequence[Turn]) -> str:
        messages = [Message(turn.role, turn.content) for turn in turns]
        return engine.generate(messages, stack, sampling, lambda _text: None, lambda: False).text

    return answer


def _stacks(run: RunFolder, folders: Folders, engine: ChatEngine) -> dict[str, Stack]:
    recipe = run.recipe
    own = StackMember(
        name=recipe.name,
        version=recipe.version,
        weights_sha256=weights_sha256(run.adapter_folder / WEIGHTS_FILE),
        weight=1.0,
        load_order=recipe.card.load_order,
        tier=TIERS[min(max(recipe.card.load_order - 1, 0) // 2, len(TIERS) - 1)],
        folder=run.adapter_folder,
    )
    needed = _dependencies(run, folders)
    stacks = {WITH_DEPENDENCIES: (*needed, own)}
    if needed:
        stacks[WITHOUT_DEPENDENCIES] = (own,)
        stacks[DEPENDENCIES_ONLY] = needed
    stacks[BASE_ONLY] = ()
    return {
        name: Stack(members, engine.base.sha256, engine.base.quantization)
        for name, members in stacks.items()
    }


def _dependencies(run: RunFolder, folders: Folders) -> tuple[StackMember, ...]:
    recipe = run.recipe
    experts = launch.find_dependencies(recipe, Library(folders.library))
    members = [
        StackMember(
            name=expert.name,
            version=expert.version,
            weights_sha256=expert.weights_sha256,
            weight=wanted.weight,
            load_order=expert.manifest.constraints.load_order,
            tier=expert.manifest.tier,
            folder=expert.folder,
            required_by=(recipe.name,),
            trained_weight=wanted.weight,
        )
        for wanted, expert in zip(recipe.dependencies, experts, strict=True)
    ]
    return tuple(sorted(members, key=lambda member: (member.load_order, member.name)))
