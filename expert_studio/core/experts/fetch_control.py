"""How a fetch tells how far it is, and how it is stopped, from any thread.

Knows nothing of what is fetched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["asking", "receiving", "reading", "checking"]


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far one repository is. Totals are 0 while nobody knows them."""

    what: str  # the repository or the expert
    phase: Phase
    done: int = 0  # Git's objects, or files
    total: int = 0
    received_bytes: int = 0
    bytes_per_s: float = 0.0


Tell = Callable[[FetchProgress], None]


class FetchControl:
    """Stops a fetch; what had come is kept for the next try."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ends what is going on as soon as it can be."""
        self._stop.set()


def untold(_progress: FetchProgress) -> None:
    """For callers that tell nobody."""
