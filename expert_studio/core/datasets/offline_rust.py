"""Rust tasks made by rule: explain a function, complete one, find a bug of a known kind.

Knows nothing of files or training.
"""

from __future__ import annotations

from collections.abc import Iterator

from expert_studio.core.datasets import offline_code_tasks
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_code_tasks import CodeDomain
from expert_studio.core.datasets.offline_request import FamilyName, OfflineRequest
from expert_studio.core.datasets.offline_rust_bugs import KINDS
from expert_studio.core.datasets.preference import PreferencePair

VERSION = 3
TASKS = offline_code_tasks.TASKS
BUG_KINDS: tuple[str, ...] = tuple(KINDS)
_RARE = frozenset({"unwrap on None", "integer division", "moved value"})
_DOMAIN = CodeDomain("rust", VERSION, KINDS, _RARE)


def families() -> tuple[FamilyName, ...]:
    """All template families of the domain."""
    return _DOMAIN.families()


def sft_rows(request: OfflineRequest) -> Iterator[Example]:
    """Yields `request.count` tasks with their answers.

    Raises:
        DatasetError: the request is impossible, or corpus text cannot be read.
    """
    return _DOMAIN.rows(request)


def preference_pairs(request: OfflineRequest) -> Iterator[PreferencePair]:
    """Yields `request.count` tasks with a right answer and one that has a known flaw.

    Raises:
        DatasetError: the request is impossible.
    """
    return _DOMAIN.pairs(request)
