"""Scores an expert through the engine: as trained, taken apart, and the base alone.

The one place that hands an engine to `core.training.evaluation`, which must not know one.
Torch is imported when a measurement starts.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.commands.answering import compose_stack, loaded_engine
from expert_studio.commands.measuring_engine import Asking, fitting
from expert_studio.core.datasets.examples import Example, read_examples
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import TESTS_FILE, InstalledExpert, Library
from expert_studio.core.experts.manifest import TIERS
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.company import beside as in_company
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    DEPENDENCIES_ONLY,
    FINAL,
    PLAIN,
    WITH_DEPENDENCIES,
    WITHOUT_DEPENDENCIES,
    Answered,
    Candidate,
    Condition,
    Report,
    adapter_folder,
    ask,
    by_family,
    by_novelty,
    candidate,
    choose,
    condition,
    main_metric,
    rows_sha256,
    task_and_novelty,
    write_report,
)
from expert_studio.core.training.evaluation_rows import read_rows
from expert_studio.core.training.events import BestKept, Started, Step, effective
from expert_studio.core.training.package import REPORT_FILE, WEIGHTS_FILE
from expert_studio.core.training.plain_baseline import PlainBaseline
from expert_studio.core.training.report import page_of, write_reports
from expert_studio.core.training.rows import answers_to_score
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.scores_unit_tests import can_run, has_foreign_test

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

# What is no candidate is measured on fewer rows: a base that rambles takes minutes to say little.
REFERENCE_ROWS = 40
# Of the validation rows, to choose between a run's adapters.
CHOOSING_ROWS = 48
_LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate", "safetensors", "tokenizers")
Progress = Callable[[str, int, int], None]  # (condition, rows done, rows in all)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is measured, on which rows."""

    name: str
    version: str
    examples: tuple[Example, ...]
    data: str  # what the rows are
    made_with: Mapping[str, str]


def evaluate_run(
    run: RunFolder,
    folders: Folders,
    on_progress: Progress,
    rows: int | None = None,
    data: Path | None = None,
    learned: Sequence[Path] = (),
) -> Report:
    """Scores the run's best adapter on its held-out rows and keeps the report in the run folder.

    Which adapter is the best is decided on validation rows. Greedy decoding. `rows` takes only
    the first so many; the base alone and dependencies alone get the first 40 of them. With
    `data`, rows of a file are asked instead, and nothing is kept. `learned`: what the runs it
    went on from had learned from, which the plain baseline knows as well.

    Raises:
        TrainingError: the run set no rows aside, or is not finished.
        DatasetError: `data` cannot be read.
        LoadError, InferenceError: the base or an adapter cannot be used.
    """
    recipe = run.recipe
    if run.state().status != "finished":
        raise TrainingError(
            f"{run.identifier} cannot be evaluated.", "It is not finished.", "Let it finish first."
        )
    held_out = tuple(answers_to_score(run.held_out_path, recipe.method))
    examples = (held_out if data is None else read_rows(data))[:rows]
    if not examples:
        raise TrainingError(
            f"{run.identifier} cannot be evaluated.",
            "It has no held-out rows.",
            "Give rows it never saw with --data FILE.",
        )
    from expert_studio.core.inference.engine import load_engine

    engine = load_engine(BaseRequest(Path(run.places.base_folder)), lambda _share: None)
    try:
        candidates = _candidates(run, folders, engine, on_progress, rows)
        chosen = next((each.name for each in candidates if each.chosen), FINAL)
        subject = _Subject(
            recipe.name,
            recipe.version,
            fitting(engine, examples),
            "held-out rows" if data is None else data.name,
            _made_with(run, engine),
        )
        stacks = _stacks_of_run(run, folders, engine, adapter_folder(run, chosen))
        report = _measured(subject, stacks, engine, on_progress, len(examples))
    finally:
        engine.close()
    known = (
        *(example for path in learned for example in read_examples(path)),
        *answers_to_score(run.train_path, recipe.method),
    )
    report = replace(
        report,
        conditions=(*report.conditions, _plain(known, subject.examples)),
        checkpoint=chosen,
        candidates=candidates,
        candidate_rows=candidates[0].main.n if candidates else 0,
    )
    if data is None:
        write_report(report, run.path / REPORT_FILE)
        write_reports(report, run.events(), page_of(run).parent)
    return report


def evaluate_expert(
    expert: InstalledExpert,
    on_progress: Progress,
    rows: int | None = None,
    data: Path | None = None,
    base: str | None = None,
    beside: Sequence[str] = (),
) -> Report:
    """Scores an installed expert with what it needs, on a file's rows or its own test cases.

    With `beside`, each of those experts (and what it needs) is added to the stack in turn,
    which says what its company costs the expert; nothing is taken apart then.

    Raises:
        DatasetError: the rows cannot be read.
        LibraryError, DependencyError: what it needs is not installed.
        LoadError, InferenceError: the base or an adapter cannot be used.
    """
    source = data or expert.folder / TESTS_FILE
    examples = read_rows(source)[:rows]
    with loaded_engine(base, None, None) as engine:
        whole = compose_stack({expert.name: 1.0}, engine)
        own = tuple(member for member in whole.members if member.name == expert.name)
        needed = tuple(member for member in whole.members if member.name != expert.name)
        subject = _Subject(
            expert.name,
            expert.version,
            fitting(engine, examples),
            source.name if data else "its own test cases",
            _measured_with(engine) | {"adapter": expert.weights_sha256},
        )
        stacks = _stacks(needed, own, engine)
        if beside:
            stacks = {WITH_DEPENDENCIES: whole} | {
                in_company(name): compose_stack({expert.name: 1.0, name: 1.0}, engine)
                for name in beside
            }
        return _measured(subject, stacks, engine, on_progress, len(examples))


def _measured(
    subject: _Subject,
    stacks: Mapping[str, Stack],
    engine: Engine,
    on_progress: Progress,
    given: int,
) -> Report:
    examples = subject.examples
    if not examples:
        raise TrainingError(
            f"{subject.name} cannot be evaluated.",
            "Every row is longer than the base's context.",
            "Give shorter rows, or choose a base with a longer context.",
        )
    conditions: list[Condition] = []
    answered: tuple[Answered, ...] = ()
    for name, stack in stacks.items():
        # what dependencies bring is a difference of two scores: both on all rows
        few = name not in (WITH_DEPENDENCIES, WITHOUT_DEPENDENCIES)
        asked = examples[:REFERENCE_ROWS] if few else examples
        told = _asked(engine, stack, asked, name, on_progress)
        conditions.append(condition(name, told))
        answered = told if name == WITH_DEPENDENCIES else answered
    return Report(
        expert=subject.name,
        version=subject.version,
        rows=len(examples),
        rows_sha256=rows_sha256(examples),
        main_metric=main_metric(answered),
        device=engine.base.device_name,
        quantization=engine.base.quantization,
        conditions=tuple(conditions),
        families=(*by_family(answered, task_and_novelty), *by_novelty(answered)),
        data=subject.data,
        notes=_notes(examples, given),
        made_with=subject.made_with,
    )


def _plain(known: Sequence[Example], examples: Sequence[Example]) -> Condition:
    """What the training rows say without any model."""
    said = dict(zip(examples, PlainBaseline.fitted(known).answers(examples), strict=True))
    return condition(PLAIN, ask(examples, said.__getitem__))


def measured_condition(
    engine: Engine, stack: Stack, asked: Sequence[Example], name: str, on_progress: Progress
) -> Condition:
    """One more stack on rows of an expert."""
    return condition(name, _asked(engine, stack, asked, name, on_progress))


def _asked(
    engine: Engine, stack: Stack, asked: Sequence[Example], name: str, on_progress: Progress
) -> tuple[Answered, ...]:
    asking = Asking(engine, stack)
    tell = partial(_tell, on_progress, name, len(asked))
    return ask(asked, asking.answer, tell, asking.more)


def _tell(on_progress: Progress, condition_name: str, rows: int, done: int) -> None:
    on_progress(condition_name, done, rows)


def _notes(examples: Sequence[Example], given: int) -> tuple[str, ...]:
    notes = []
    if given > len(examples):
        notes.append(f"{given - len(examples)} rows longer than the base's context were left out.")
    foreign = sum(map(has_foreign_test, examples))
    if foreign:
        why = "are not ours and were" if can_run() else "cannot be run on this system and were"
        notes.append(f"The unit tests of {foreign} rows {why} not run.")
    if any(not example.answer for example in examples):
        notes.append("Some cases state keywords alone: their share is a weak measure.")
    return tuple(notes)


def _candidates(
    run: RunFolder,
    folders: Folders,
    engine: Engine,
    on_progress: Progress,
    rows: int | None,
) -> tuple[Candidate, ...]:
    """The finished adapter and the best ones on the way, scored; () where there is no choice."""
    events = effective(run.events())
    last = max((event.step for event in events if isinstance(event, Step)), default=0)
    kept = {
        event.folder: event.step
        for event in events
        if isinstance(event, BestKept) and (run.best_folder / event.folder).is_dir()
    }
    final = weights_sha256(run.adapter_folder / WEIGHTS_FILE)
    others = {
        name: step
        for name, step in kept.items()
        if weights_sha256(run.best_folder / name / WEIGHTS_FILE) != final
    }
    watched = tuple(answers_to_score(run.validation_path, run.recipe.method))
    examples = fitting(engine, watched[: min(CHOOSING_ROWS, rows or CHOOSING_ROWS)])
    if not others or not examples:
        return ()
    found = []
    for name, step in ({FINAL: last} | others).items():
        stack = _stacks_of_run(run, folders, engine, adapter_folder(run, name))[WITH_DEPENDENCIES]
        answered = _asked(engine, stack, examples, f"choosing, {name}", on_progress)
        found.append(candidate(name, step, answered, main_metric(answered)))
    return choose(found)


def _stacks_of_run(
    run: RunFolder, folders: Folders, engine: Engine, adapter: Path
) -> dict[str, Stack]:
    recipe = run.recipe
    own = StackMember(
        name=recipe.name,
        version=recipe.version,
        weights_sha256=weights_sha256(adapter / WEIGHTS_FILE),
        weight=1.0,
        load_order=recipe.card.load_order,
        tier=TIERS[min(max(recipe.card.load_order - 1, 0) // 2, len(TIERS) - 1)],
        folder=adapter,
    )
    return _stacks(_dependencies(run, folders), (own,), engine)


def _stacks(
    needed: tuple[StackMember, ...], own: tuple[StackMember, ...], engine: Engine
) -> dict[str, Stack]:
    """Members by condition; without dependencies there are but two."""
    whole = sorted((*needed, *own), key=lambda member: (member.load_order, member.name))
    stacks = {WITH_DEPENDENCIES: tuple(whole)}
    if needed:
        stacks[WITHOUT_DEPENDENCIES] = own
        stacks[DEPENDENCIES_ONLY] = needed
    stacks[BASE_ONLY] = ()
    return {
        name: Stack(members, engine.base.sha256, engine.base.quantization)
        for name, members in stacks.items()
    }


def _measured_with(engine: Engine) -> dict[str, str]:
    found = {"base": f"{engine.base.name}, {engine.base.sha256}", "python": _python()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _made_with(run: RunFolder, engine: Engine) -> dict[str, str]:
    """What measuring and training used, as the report lists it."""
    found = _measured_with(engine) | {"seed": str(run.recipe.seed)}
    started = [event for event in run.events() if isinstance(event, Started)]
    if started:
        found["trained on"] = f"{started[-1].device_name}, {started[-1].precision}"
        found |= {f"trained with {name}": v for name, v in started[-1].versions.items()}
    for name, path in (
        ("training rows", run.train_path),
        ("validation rows", run.validation_path),
        ("held-out rows", run.held_out_path),
    ):
        found[name] = _sha256(path)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
