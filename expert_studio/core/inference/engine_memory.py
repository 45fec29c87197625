"""Running out of memory, told as a sentence; and giving back what the device keeps aside.

Knows nothing of what was being done.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
import torch

from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.engine_caches import CacheShelf, ReadText
from expert_studio.core.inference.memory_estimate import (
    estimate,
    free_bytes,
    in_words,
    prefill_bytes,
)
from expert_studio.core.inference.residency import ResidentExpert

REMEDY = "Use fewer experts, a shorter conversation, or a smaller quantization of the base."
SHARE_OF_MEMORY = 8  # keys and values of earlier texts may take an eighth
SMALLER_KV = "Choose int8 or int4 for keys and values, a smaller context, or fewer experts."


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


def default_cache_bytes(device: torch.device) -> int:
    """An eighth of the device's memory."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory) // SHARE_OF_MEMORY
    return int(psutil.virtual_memory().total) // SHARE_OF_MEMORY


def device_free_bytes(device: torch.device) -> int:
    """What could be taken now."""
    if device.type != "cuda":
        return free_bytes()
    free, _ = torch.cuda.mem_get_info(device)
    idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + idle)


def check_wanted_context(shape: DecoderShape, request: BaseRequest) -> None:
    """Refuses a context that was asked for and cannot be kept beside the base.

    Looks at the machine's memory: a base that goes to a card is told by its loading.

    Raises:
        OutOfMemoryError: what it would take, and what there is.
    """
    if not request.context or request.device.startswith("cuda"):
        return
    needed = estimate(shape, request.quantization, request.kv, request.context)
    free = free_bytes()
    if needed.total > free and not (request.device == "auto" and torch.cuda.is_available()):
        raise OutOfMemoryError(
            f"A context of {request.context:,} tokens does not fit the memory.",
            f"Its keys and values take {in_words(needed.kv_cache)}, the base "
            f"{in_words(needed.base)}; {in_words(free)} are free.",
            SMALLER_KV,
        )


def make_room(decoder: Decoder, text: ReadText, shelf: CacheShelf, positions: int) -> None:
    """Makes the text ready to hold so many positions; parked texts give way where they must.

    Raises:
        OutOfMemoryError: it does not fit even so; nothing was taken.
    """
    more = positions * text.kv.position_bytes - text.kv.resident_bytes
    more += prefill_bytes(decoder.shape, decoder.dtype.itemsize, positions)
    if more > device_free_bytes(decoder.device):
        shelf.pages.clear()
        give_back()
        free = device_free_bytes(decoder.device)
        if more > free:
            raise OutOfMemoryError(
                "There is no room for this text.",
                f"Reading its {positions:,} tokens takes {in_words(more)} more; "
                f"{in_words(free)} are free.",
                SMALLER_KV,
            )
    text.kv.reserve(positions)
