"""How many processor threads a step takes: one, where waiting for the others costs more.

A product split over threads waits for the slowest. On a busy machine a thread may
be put off for a whole time slice (8 ms), and a small base has dozens of products a
token: on two busy cores the bundled base said 2 to 25 tokens a second with two
threads and 120 to 180 with one. Knows nothing of what is computed. The rule looks
at sizes, never at clocks, so that an answer can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL_BYTES = 64 << 20  # weights read a token: a few milliseconds for one core
SMALL_WORK = 2_000_000_000  # multiplications


class Threads:
    """The choice for one base. torch keeps the number per calling thread.

    Attributes:
        small: whether one core reads the base in a few milliseconds.
    """

    def __init__(self, parameters: int, resident_bytes: int, device: torch.device) -> None:
        self._parameters = parameters
        self.small = resident_bytes < SMALL_BYTES and device.type == "cpu"
        self._all = torch.get_num_threads()

    def take(self, tokens: int) -> None:
        """Sets the number for a step over `tokens` tokens."""
        alone = self.small and self._parameters * tokens < SMALL_WORK
        wanted = 1 if alone else self._all
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def alone(self) -> None:
        """One thread, for many small copies."""
        torch.set_num_threads(1)

    @contextmanager
    def restored(self) -> Iterator[None]:
        """Whatever was taken within is undone at the end."""
        before = torch.get_num_threads()
        try:
            yield
        finally:
            torch.set_num_threads(before)
