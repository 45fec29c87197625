"""Running out of memory, told as a sentence; and giving back what the device keeps aside.

Knows nothing of what was being done.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.inference.residency import ResidentExpert

REMEDY = "Use fewer experts, a shorter conversation, or a smaller quantization of the base."


@contextmanager
def memory_told(what: str) -> Iterator[None]:
    """Raises OutOfMemoryError with the sentence `what` where torch or Python has no room."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as cause:
        raise OutOfMemoryError(what, "The memory is full.", REMEDY) from cause
    except RuntimeError as cause:
        # The CPU allocator's refusal has no class of its own.
        if "not enough memory" not in str(cause) and "can't allocate memory" not in str(cause):
            raise
        raise OutOfMemoryError(what, "The memory is full.", REMEDY) from cause


def what_to_drop(experts: Sequence[ResidentExpert]) -> str:
    """A sentence that names the largest experts of the stack; "" where there is none."""
    composed = sorted((e for e in experts if e.composed), key=lambda e: -e.size_bytes)
    if not composed:
        return ""
    named = " or ".join(f"{e.name} ({e.size_bytes / 1e6:,.1f} MB)" for e in composed[:2])
    return (
        f"Take {named} out of the stack, use an IA³ expert in place of one, "
        "or load the base in a smaller quantization."
    )


def give_back() -> None:
    """Returns freed blocks to the device.

    Cycles are collected on the main thread only: a window's objects die there or not at all.
    """
    if threading.current_thread() is threading.main_thread():
        gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
