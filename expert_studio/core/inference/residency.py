"""Which experts are in memory, where, and how much they may take.

Said by an engine (`Engine.list_loaded_experts`), heeded by `adapters_shelf`. Knows
nothing of tensors: views and the command line may import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ResidentExpert:
    """One expert that need not be read from disk again."""

    name: str
    version: str
    size_bytes: int  # with its share of the stack it is composed into
    where: Literal["device", "ram"]  # on a CPU always "ram"
    last_used: datetime  # UTC
    composed: bool  # in the stack that answers at the moment
    pinned: bool  # stays until it is detached


@dataclass(frozen=True, slots=True)
class ResidencyBudget:
    """What experts may take between answers; the stack that answers is never cut.

    Beyond it the least recently used go: from the device to RAM, from RAM altogether.
    """

    device_bytes: int
    ram_bytes: int
