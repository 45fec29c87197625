"""The front of the generators by rule: six domains, answers and preference pairs.

Domain modules are looked up when they are asked for. Each offers `VERSION`, `TASKS`,
`families()`, `sft_rows(request)` and `preference_pairs(request)`. Equal version, seed
and request give equal rows. Knows nothing of files or training.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal, Protocol, cast

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_request import FamilyName, OfflineRequest
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import DatasetError

Kind = Literal["sft", "preference_pairs"]
KINDS: tuple[Kind, ...] = ("sft", "preference_pairs")
_MODULES: Mapping[str, str] = {
    "english": "offline_english.rows",
    "json": "offline_json_tasks.rows",
    "cypher": "offline_cypher",
    "python": "offline_python",
    "rust": "offline_rust",
    "classification": "offline_documents.rows",
}
DOMAINS: tuple[str, ...] = tuple(_MODULES)


class Domain(Protocol):
    """What a domain module offers."""

    VERSION: int
    TASKS: tuple[str, ...]

    def families(self) -> tuple[FamilyName, ...]: ...

    def sft_rows(self, request: OfflineRequest) -> Iterator[Example]: ...

    def preference_pairs(self, request: OfflineRequest) -> Iterator[PreferencePair]: ...


def domain(name: str) -> Domain:
    """The module of a domain.

    Raises:
        DatasetError: there is no such domain.
    """
    if name not in _MODULES:
        raise DatasetError(
            f"There is no generator for {name!r}.", f"Known are {', '.join(DOMAINS)}."
        )
    return cast(Domain, importlib.import_module(f"expert_studio.core.datasets.{_MODULES[name]}"))


def generate(
    name: str, kind: Kind, request: OfflineRequest
) -> Iterator[Example] | Iterator[PreferencePair]:
    """Yields the rows of one domain, in an order that the request decides alone.

    Raises:
        DatasetError: unknown domain or kind; while rows are drawn: an impossible request,
            or corpus text that cannot be read.
    """
    if kind == "sft":
        return domain(name).sft_rows(request)
    if kind == "preference_pairs":
        return domain(name).preference_pairs(request)
    raise DatasetError(f"There are no rows of kind {kind!r}.", f"Known are {', '.join(KINDS)}.")


def novelty(example: Example) -> str:
    """Of a generator's row, whether training ever draws its family; "" for rows of others."""
    module = example.source.rpartition("datasets.")[2].rstrip(")")
    name = next((n for n, path in _MODULES.items() if path.split(".")[0] == module), "")
    if not name:
        return ""
    held_out = _held_out_families(name).get(example.family)
    return {True: "unseen family", False: "seen family", None: ""}[held_out]


@lru_cache
def _held_out_families(name: str) -> dict[str, bool]:
    return {family.name: family.held_out for family in domain(name).families()}
