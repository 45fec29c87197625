"""What a Python caller gave, checked and brought to the values the engine takes.

Knows nothing of engines or libraries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from expert_studio.core import settings
from expert_studio.core.errors import UsageError
from expert_studio.core.inference.base_choice import base_folder
from expert_studio.core.inference.conversation import BaseRequest, Message, Role
from expert_studio.core.settings import Folders, KVFormat, Quantization

Prompt = str | Sequence[Message | Mapping[str, str]]
# field of Sampling -> lowest and highest value that means something
_LIMITS = {
    "max_tokens": (1, 200_000), "temperature": (0, 2), "top_k": (0, 1_000_000), "top_p": (0, 1),
    "min_p": (0, 1), "repetition_penalty": (0.01, 10), "logprobs": (0, 1000),
}  # fmt: skip


def base_request(
    base: str | Path | None,
    quantization: Quantization | None,
    device: str | None,
    folders: Folders,
    kv: KVFormat | None = None,
    context: int | None = None,
) -> BaseRequest:
    """What is None is as the settings in `folders` say.

    Raises:
        UsageError: there is no such base, quantization, format or context.
        SettingsError: the settings cannot be read.
    """
    chosen = settings.load(folders)
    quantization = quantization or chosen.quantization
    if quantization not in get_args(Quantization):
        remedy = f"Use one of {', '.join(get_args(Quantization))}."
        raise UsageError(f"{quantization!r} is no quantization.", "", remedy)
    kv = kv or chosen.kv
    if kv not in get_args(KVFormat):
        remedy = f"Use one of {', '.join(get_args(KVFormat))}."
        raise UsageError(f"{kv!r} is no way to keep keys and values.", "", remedy)
    context = chosen.context if context is None else context
    if type(context) is not int or context < 0:
        remedy = "Give a number of tokens, or 0 for the base's own."
        raise UsageError(f"The context cannot be {context!r}.", "", remedy)
    return BaseRequest(
        folder=base_folder(base, folders).resolve(),
        quantization=quantization,
        device=device or chosen.device,
        kv=kv,
        context=context,
        cache_bytes=chosen.cache_mb << 20,
    )


def read_messages(prompt: Prompt) -> tuple[Message, ...]:
    if isinstance(prompt, str):
        return (Message("user", prompt),)
    messages = []
    for said in prompt:
        try:
            message = said if isinstance(said, Message) else Message(**said)  # type: ignore[arg-type]
            well = message.role in get_args(Role) and isinstance(message.content, str)
        except TypeError:
            well = False
        if not well:
            roles = ", ".join(get_args(Role))
            remedy = f'Give each as {{"role": ..., "content": ...}}; roles are {roles}.'
            raise UsageError("A message cannot be read.", "", remedy)
        messages.append(message)
    return tuple(messages)


def checked_sampling(sampling: Mapping[str, Any]) -> dict[str, Any]:
    asked = dict(sampling)
    for name, (low, high) in _LIMITS.items():
        value = asked.get(name)
        if value is not None and not (isinstance(value, int | float) and low <= value <= high):
            remedy = f"Give a number from {low} to {high:,}."
            raise UsageError(f"{name} cannot be {value!r}.", "", remedy)
    stop = asked.get("stop")
    if stop is not None:
        asked["stop"] = (stop,) if isinstance(stop, str) else tuple(stop)
    return asked
