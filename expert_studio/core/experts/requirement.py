"""Versions by SemVer 2, and what one expert may ask of another: `name@spec`.

Knows nothing of which experts are installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from semver import Version

from expert_studio.core.errors import DependencyError

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
MAX_VERSION_CHARACTERS = 64
_MAX_NUMBER_DIGITS = 9
_PREFIX = "expert-"
_REQUIREMENT = re.compile(r"\s*([a-z0-9][a-z0-9-]*)\s*(?:@\s*(.*)|([<>=].*))?", re.DOTALL)
_CLAUSE = re.compile(r"(<=|>=|==|=|<|>)?\s*([0-9][0-9A-Za-z.+-]*)")


def is_name(text: str) -> bool:
    """Whether the text can name an expert: a-z, 0-9 and hyphens, 2 to 64 characters."""
    return NAME_PATTERN.fullmatch(text) is not None


def name_key(name: str) -> str:
    """What makes two spellings one name: `expert-json` and `json` have the same key."""
    return name.removeprefix(_PREFIX) or name


@lru_cache(maxsize=4096)
def parse_version(text: str) -> Version:
    """Reads a SemVer 2 version; numbers have at most nine digits, the whole 64 characters.

    Raises:
        ValueError: with one sentence saying what is wrong.
    """
    shown = text if len(text) <= 40 else text[:37] + "..."
    problem = f"{shown!r} is not a version like 1.2.0."
    if len(text) > MAX_VERSION_CHARACTERS or not text.isascii():
        raise ValueError(problem)
    try:
        version = Version.parse(text)
    except (ValueError, TypeError) as cause:
        raise ValueError(problem) from cause
    longest = max(len(str(n)) for n in (version.major, version.minor, version.patch))
    if longest > _MAX_NUMBER_DIGITS:
        raise ValueError(problem)
    return version


@lru_cache(maxsize=4096)
def precedence(text: str) -> tuple[object, ...]:
    """A version's rank among others by SemVer 2, to sort many by: comparing parsed ones is slow.

    Raises:
        ValueError: as `parse_version`.
    """
    version = parse_version(text)
    numbers = (version.major, version.minor, version.patch)
    if version.prerelease is None:
        return (*numbers, True)
    parts = version.prerelease.split(".")
    ranks = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts)
    return (*numbers, False, ranks)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison, such as `>= 1.0.0`."""

    operator: str  # one of = <= >= < >
    version: str

    def accepts(self, version: Version) -> bool:
        order = version.compare(parse_version(self.version))
        return {
            "=": order == 0,
            "<=": order <= 0,
            ">=": order >= 0,
            "<": order < 0,
            ">": order > 0,
        }[self.operator]


@dataclass(frozen=True, slots=True)
class Requirement:
    """An expert and the versions of it that will do; no clauses means any version."""

    name: str
    clauses: tuple[Clause, ...] = ()

    def accepts(self, version: str) -> bool:
        """Whether this version satisfies every clause, by SemVer precedence alone."""
        parsed = parse_version(version)
        return all(clause.accepts(parsed) for clause in self.clauses)

    def names(self, name: str) -> bool:
        """Whether an expert of this name is meant, with or without `expert-`."""
        return name_key(self.name) == name_key(name)

    def __str__(self) -> str:
        spec = ",".join(clause.operator + clause.version for clause in self.clauses)
        return f"{self.name}@{spec}" if spec else self.name


@lru_cache(maxsize=4096)
def parse_requirement(text: str) -> Requirement:
    """Reads `name`, `name@*`, `name@1.2.0`, `name@>=1.0.0,<2.0.0` or `name<=1.0`.

    A version in it may leave out trailing parts (`1.0` means `1.0.0`).

    Raises:
        DependencyError: the text is not of that form, or no version could satisfy it.
    """
    match = _REQUIREMENT.fullmatch(text) if len(text) <= 256 else None
    if match is None or not is_name(match[1]):
        raise _unreadable(text, "It should look like json-parser@>=1.0.0,<2.0.0.")
    spec = (match[2] if match[2] is not None else match[3]) or "*"
    clauses = tuple(
        clause for part in spec.split(",") if (clause := _parse_clause(text, part)) is not None
    )
    if _is_empty(clauses):
        raise _unreadable(text, "No version can satisfy it.")
    return Requirement(match[1], clauses)


def _parse_clause(text: str, part: str) -> Clause | None:
    part = part.strip()
    if part == "*":
        return None
    match = _CLAUSE.fullmatch(part)
    if match is None:
        raise _unreadable(text, f"{part[:40]!r} is not a comparison like >=1.0.0.")
    operator = {None: "=", "==": "="}.get(match[1], match[1])
    try:
        return Clause(str(operator), str(parse_version(_completed(match[2]))))
    except ValueError as cause:
        raise _unreadable(text, str(cause)) from cause


def _completed(version: str) -> str:
    numbers = version.split(".")
    if len(numbers) < 3 and all(number.isdigit() for number in numbers):
        numbers += ["0"] * (3 - len(numbers))
    return ".".join(numbers)


def _is_empty(clauses: tuple[Clause, ...]) -> bool:
    """Whether lowest and highest bound leave nothing between them."""
    exact = [clause for clause in clauses if clause.operator == "="]
    if exact:
        wanted = parse_version(exact[0].version)
        return not all(clause.accepts(wanted) for clause in clauses)
    lower = [clause for clause in clauses if clause.operator[0] == ">"]
    upper = [clause for clause in clauses if clause.operator[0] == "<"]
    return any(_nothing_between(low, high) for low in lower for high in upper)


def _nothing_between(low: Clause, high: Clause) -> bool:
    order = parse_version(low.version).compare(parse_version(high.version))
    return order > 0 or (order == 0 and (low.operator, high.operator) != (">=", "<="))


def _unreadable(text: str, why: str) -> DependencyError:
    return DependencyError(
        f"The requirement {text[:80]!r} cannot be read.",
        why,
        "Write it as name, name@1.2.0 or name@>=1.0.0,<2.0.0.",
    )
