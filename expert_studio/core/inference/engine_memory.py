"""Running out of memory, told as a sentence; and giving back what the device keeps aside.

Knows nothing of what was being done.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from expert_studio.core.errors import OutOfMemoryError

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


def give_back() -> None:
    """Returns freed blocks to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
