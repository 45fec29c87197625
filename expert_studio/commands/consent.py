"""Asking the person, where a package may only come in with their consent.

Knows nothing of why (`core.experts.acceptance`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import typer

from expert_studio.commands.report import say_aside
from expert_studio.core import settings
from expert_studio.core.errors import ConsentError
from expert_studio.core.experts.acceptance import CONSENTS, Acceptance
from expert_studio.core.experts.made_here import made_here
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.settings import Folders

T = TypeVar("T")


def acceptance_of(given: Sequence[bool] = ()) -> Acceptance:
    """The person's trust, policy and consents.

    Args:
        given: consents given as options, one for each of `CONSENTS`; none, none was.
    """
    folders = Folders.default()
    agreed = zip(CONSENTS, given or (False,) * len(CONSENTS), strict=True)
    return Acceptance(
        TrustStore.of(folders),
        settings.load(folders).unsigned_packages,
        frozenset(name for name, yes in agreed if yes),
        made_here(folders),
    )


def with_consent(work: Callable[[Acceptance], T], given: Sequence[bool]) -> T:
    """Does the work with the person's trust and policy; on a terminal, asks what is missing.

    Args:
        given: as `acceptance_of`.

    Raises:
        ConsentError: nobody could be asked, or the answer was no.
    """
    acceptance = acceptance_of(given)
    try:
        return work(acceptance)
    except ConsentError as cause:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        say_aside(cause.why)
        if not typer.confirm("Install it all the same?", err=True):
            raise
        return work(replace(acceptance, consents=acceptance.consents | set(cause.needed)))
