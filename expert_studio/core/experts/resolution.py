"""Which version of which expert: the newest set in which every need is met.

Versions are chosen by resolvelib. That an expert rules another out is a need of a
second kind: it is met by any version it does not mean, and by the other's absence.
Knows nothing of where experts lie: a `Catalogue` tells what there is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver
from resolvelib.resolvers import ResolutionTooDeep

from expert_studio.core.errors import DependencyError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.requirement import (
    Requirement,
    name_key,
    parse_requirement,
    parse_version,
)

MAX_EXPERTS = 10  # in one stack, counting what others need
_MAX_ROUNDS = 20_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version of one expert that could be taken."""

    name: str
    version: str
    needs: tuple[str, ...] = ()
    incompatible_with: tuple[str, ...] = ()
    load_order: int = 0

    @classmethod
    def of(cls, expert: InstalledExpert) -> Candidate:
        said = expert.manifest
        refused, order = said.constraints.incompatible_with, said.constraints.load_order
        return cls(expert.name, expert.version, said.needs, refused, order)


class Catalogue(Protocol):
    """What could be taken."""

    def versions(self, name: str) -> Sequence[Candidate]:
        """Every version of an expert, with or without `expert-` in front, in any order."""


class Shelf:
    """A catalogue of candidates at hand."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._by_key: dict[str, list[Candidate]] = {}
        for candidate in candidates:
            self._by_key.setdefault(name_key(candidate.name), []).append(candidate)

    def versions(self, name: str) -> Sequence[Candidate]:
        return self._by_key.get(name_key(name), ())


class Installed:
    """Every installed version; each name is read from disk once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._read: dict[str, tuple[Candidate, ...]] = {}

    def versions(self, name: str) -> Sequence[Candidate]:
        key = name_key(name)
        if key not in self._read:
            self._read[key] = tuple(map(Candidate.of, self._library.versions(name)))
        return self._read[key]


def resolve(
    wanted: Iterable[str], catalogue: Catalogue, at_most: int = MAX_EXPERTS
) -> tuple[Candidate, ...]:
    """The experts asked for and all they need, the newest that fit, dependencies first.

    Args:
        wanted: requirements as `name@spec`.
        at_most: how many experts there may be in all.

    Raises:
        DependencyError: a need cannot be met, or not together with the others (the chain that
            leads to each is told), experts need one another in a circle (named), or they are
            too many.
    """
    roots = [_Need(parse_requirement(text)) for text in wanted]
    provider = _Provider(catalogue)
    resolver: Resolver[_Need, _Choice, str] = Resolver(provider, BaseReporter())
    try:
        found = resolver.resolve(roots, max_rounds=_MAX_ROUNDS)
    except ResolutionImpossible as cause:
        raise _conflict(cause, provider) from cause
    except ResolutionTooDeep as cause:
        raise DependencyError(
            "No set of versions was found in which every need is met.",
            f"{_MAX_ROUNDS:,} choices were tried.",
            "Ask for exact versions of some of these experts.",
        ) from cause
    chosen = {key: c.candidate for key, c in found.mapping.items() if c.candidate is not None}
    ordered = _ordered(chosen)
    if len(ordered) > at_most:
        raise DependencyError(
            f"That is a stack of {len(ordered)} experts; {at_most} are allowed.",
            "Counting what they need: " + ", ".join(c.name for c in ordered) + ".",
            "Leave some of them out.",
        )
    return ordered


@dataclass(frozen=True, slots=True)
class _Need:
    """One expert's word about another, or the person's."""

    requirement: Requirement
    by: Candidate | None = None  # None: the person asked for it
    refuses: bool = False  # the version meant must not be there

    @property
    def key(self) -> str:
        return name_key(self.requirement.name)

    def accepts(self, choice: _Choice) -> bool:
        if choice.candidate is None:
            return self.refuses
        return self.requirement.accepts(choice.candidate.version) != self.refuses


@dataclass(frozen=True, slots=True)
class _Choice:
    """A version of an expert, or that there is none of it."""

    key: str
    candidate: Candidate | None


class _Provider(AbstractProvider[_Need, _Choice, str]):
    """What resolvelib asks."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._choices: dict[str, list[_Choice]] = {}
        self.wanted_by: dict[Candidate, _Need] = {}  # the need a version was first taken for

    def identify(self, requirement_or_candidate: _Need | _Choice) -> str:
        return requirement_or_candidate.key

    def get_preference(self, identifier: str, *_: Any, **__: Any) -> tuple[int, str]:
        """Names with few versions first: their trouble shows early."""
        return len(self.choices(identifier)), identifier

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[_Need]],
        incompatibilities: Mapping[str, Iterator[_Choice]],
    ) -> list[_Choice]:
        needs = list(requirements[identifier])
        out = set(incompatibilities[identifier])
        wanted = next((need for need in needs if not need.refuses), None)
        if wanted is None:
            absent = _Choice(identifier, None)
            return [] if absent in out else [absent]
        fitting = [
            choice
            for choice in self.choices(identifier)
            if choice not in out and all(need.accepts(choice) for need in needs)
        ]
        for choice in fitting:
            assert choice.candidate is not None
            self.wanted_by.setdefault(choice.candidate, wanted)
        return fitting

    def is_satisfied_by(self, requirement: _Need, candidate: _Choice) -> bool:
        return requirement.accepts(candidate)

    def get_dependencies(self, candidate: _Choice) -> list[_Need]:
        taken = candidate.candidate
        if taken is None:
            return []
        needs = [_Need(parse_requirement(text), taken) for text in taken.needs]
        refused = [_Need(parse_requirement(t), taken, True) for t in taken.incompatible_with]
        return needs + [need for need in refused if need.key != candidate.key]

    def choices(self, key: str) -> list[_Choice]:
        """Every version, the highest first; a release before what only its build sets apart."""
        if key not in self._choices:
            found = sorted(
                self._catalogue.versions(key),
                key=lambda c: (parse_version(c.version), c.version),
                reverse=True,
            )
            self._choices[key] = [_Choice(key, candidate) for candidate in found]
        return self._choices[key]


def _conflict(cause: ResolutionImpossible[_Need, _Choice], provider: _Provider) -> DependencyError:
    needs = list(dict.fromkeys(info.requirement for info in cause.causes))
    keys = list(dict.fromkeys(need.key for need in needs))
    sentences = [f"{_chain(need, provider)}." for need in needs]
    for key in keys:
        name = next(need.requirement.name for need in needs if need.key == key)
        there = [c.candidate.version for c in provider.choices(key) if c.candidate is not None]
        shown = ", ".join(there[:10]) + (", and more" if len(there) > 10 else "")
        sentences.append(f"Of {name} there is {shown or 'nothing'}.")
    return DependencyError(
        "These experts cannot work together.",
        " ".join(sentences),
        "Ask for other versions, or install what is missing.",
    )


def _chain(need: _Need, provider: _Provider) -> str:
    """How one comes to this need: the person's wish first."""
    steps: list[str] = []
    seen: set[_Need] = set()
    at: _Need | None = need
    while at is not None and at not in seen:
        seen.add(at)
        if at.by is None:
            steps.append(f"{at.requirement} was asked for")
            break
        verb = "rules out" if at.refuses else "needs"
        steps.append(f"{at.by.name} {at.by.version} {verb} {at.requirement}")
        at = provider.wanted_by.get(at.by)
    return ", and ".join(reversed(steps))


def _ordered(chosen: Mapping[str, Candidate]) -> tuple[Candidate, ...]:
    """Dependencies first; among those free to come next, the lowest load order, then name."""
    waits = {
        key: {name_key(parse_requirement(text).name) for text in candidate.needs}
        for key, candidate in chosen.items()
    }
    needed_by: dict[str, list[str]] = {key: [] for key in chosen}
    for key, others in waits.items():
        for other in others:
            needed_by[other].append(key)
    ready = [(chosen[k].load_order, chosen[k].name, k) for k, others in waits.items() if not others]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, _, done = heapq.heappop(ready)
        ordered.append(chosen[done])
        for key in needed_by[done]:
            waits[key].discard(done)
            if not waits[key]:
                heapq.heappush(ready, (chosen[key].load_order, chosen[key].name, key))
    if len(ordered) < len(chosen):
        raise _circle(chosen, waits)
    return tuple(ordered)


def _circle(chosen: Mapping[str, Candidate], waits: Mapping[str, set[str]]) -> DependencyError:
    """Every expert still waiting waits for one that waits: following them ends in a circle."""
    key = min(key for key, others in waits.items() if others)
    path: list[str] = []
    while key not in path:
        path.append(key)
        key = min(other for other in waits[key] if waits[other])
    circle = [chosen[k].name for k in path[path.index(key) :]]
    pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
    return DependencyError(
        "These experts need one another in a circle.",
        ", ".join(f"{a} needs {b}" for a, b in pairs) + ".",
        "Ask the maker of one of them to break the circle.",
    )
