"""The first task a person sees: one prompt answered with no expert, with one and with several.

Used by the window and, where there is no display, by the terminal. Knows no engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseDescription, Message, Sampling
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.inference.stack_cost import brought_along

SUGGESTED_BASE = "Qwen3-0.6B"
SAMPLING = Sampling(max_tokens=120, temperature=0.0, seed=7)
# How strongly a named expert stands beside another that was trained with less of it: at full
# weight json-parser keeps the classifier from its work, at a quarter it forgets fields.
BESIDE = 0.6


@dataclass(frozen=True, slots=True)
class FirstTask:
    """One prompt and the experts it is tried with, each step adding to the one before."""

    name: str
    prompt: str
    steps: tuple[tuple[str, ...], ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        return (Message("user", self.prompt),)


# On the bundled base the first shows most: alone it is wrong, the expert says what was asked.
# It practised classifying, too, so that there the classifier changes less.
TASKS: tuple[FirstTask, ...] = (
    FirstTask(
        "Extract fields as JSON",
        "Extract name, job and city as JSON: Maria Silva works as a nurse in Porto. "
        "She is 34 years old.",
        ((), ("json-parser",), ("json-parser", "document-classifier")),
    ),
    FirstTask(
        "Classify a text",
        "Classify this document: type, language and technologies as JSON.\n\n"
        "MATCH (p:Person)-[:KNOWS]->(f:Person) WHERE p.name = 'Ann' RETURN f.name",
        ((), ("json-parser",), ("json-parser", "document-classifier")),
    ),
)


def missing(task: FirstTask, experts: Sequence[InstalledExpert]) -> tuple[str, ...]:
    """The experts of a task that are not among those installed."""
    wanted = {name for step in task.steps for name in step}
    return tuple(sorted(wanted - {expert.name for expert in experts}))


def members(step: Sequence[str], experts: Sequence[InstalledExpert]) -> tuple[str, ...]:
    """Who is at work in a step, with what comes along, in load order; as named if not installed."""
    installed = {expert.name: expert for expert in experts}
    if any(name not in installed for name in step):
        return tuple(step)
    found = {one.name: one for name in step for one in brought_along(installed[name], experts)}
    order = {name: (one.manifest.constraints.load_order, name) for name, one in found.items()}
    return tuple(sorted(found, key=order.__getitem__))


def stacks(task: FirstTask, library: Library, base: BaseDescription) -> Sequence[Stack]:
    """One stack for each step, on the base that is loaded.

    Raises:
        DependencyError: an expert of the task, or one it needs, is not installed.
    """
    return [_stack(step, library, base) for step in task.steps]


def _stack(names: tuple[str, ...], library: Library, base: BaseDescription) -> Stack:
    if not names:
        return Stack((), base.sha256, base.quantization)
    experts = with_requirements(names, library)
    along = {trained.name for one in experts for trained in one.manifest.trained_with}
    chosen = {name: BESIDE if name in along else 1.0 for name in names}
    return compose(chosen, experts, base.sha256, base.quantization)
