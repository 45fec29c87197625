"""Positions stretched beyond the context a base was trained on: who asks for it, and for how much.

Asked for by the base's own config, by an expert's manifest, or by a wanted context. The tables
are `decoder_rotation`'s. Knows nothing of tensors.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from expert_studio.core.errors import CompatibilityError

MOST_STRETCH = 64.0  # times the original context
QWEN3_STATED, QWEN3_TRAINED = 40_960, 32_768  # its config adds room for an answer
_SHORT = re.compile(r"(yarn|ntk-by-parts|linear)-(\d{1,5})k")


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How positions are stretched."""

    kind: Literal["yarn", "linear"]
    factor: float  # how many times the original context
    original_context: int  # tokens
    attention: float = 1.0  # what cos and sin are multiplied by
    beta_fast: float = 32.0  # turns above which a frequency is kept as it is
    beta_slow: float = 1.0  # turns below which it is stretched entirely
    truncate: bool = True  # whether the ramp between them has whole ends

    @property
    def context_length(self) -> int:
        """Tokens."""
        return round(self.factor * self.original_context)


def trained_context(architecture: str, stated: int) -> int:
    """The context a base was trained on, as its makers count it for YaRN."""
    return QWEN3_TRAINED if (architecture, stated) == ("qwen3", QWEN3_STATED) else stated


def yarn_to(context: int, original: int) -> RopeScaling:
    """YaRN that reaches `context` tokens.

    Raises:
        ValueError: it cannot; the sentence says why.
    """
    return _checked("yarn", context / original, original, {})


def scaling_of_config(rope: Mapping[str, Any], stated_context: int) -> RopeScaling | None:
    """What the `rope_scaling` or `rope_parameters` of a config.json asks for.

    Raises:
        ValueError: it cannot be computed; the sentence says why.
    """
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "default":
        return None
    original = rope.get("original_max_position_embeddings") or stated_context
    factor = rope.get("factor")
    if factor is None:
        factor = stated_context / _number(original, "original_max_position_embeddings")
    return _checked(kind, factor, original, rope)


def scaling_of_manifest(said: str, original: int) -> RopeScaling | None:
    """What a manifest's `rope_scaling` asks for, as `as_text` gives it.

    Raises:
        CompatibilityError: it cannot be computed.
    """
    try:
        if said in ("", "none", "default"):
            return None
        if short := _SHORT.fullmatch(said):
            asked = int(short[2]) * 1024
            return _checked(short[1], asked / original, original, {})
        rope = json.loads(said)
        if not isinstance(rope, dict):
            raise ValueError(f"{said} is no kind of it")
        return scaling_of_config(rope, original)
    except ValueError as cause:
        raise CompatibilityError(
            "An expert asks for a context that cannot be given.",
            f"Its rope_scaling cannot be used: {cause}.",
            'Known are "yarn-128k" and the like, and the kinds yarn, ntk-by-parts and linear.',
        ) from cause


def as_text(said: object) -> str:
    """A manifest's `rope_scaling` as one string that may be compared and hashed."""
    if said is None or isinstance(said, str):
        return said or ""
    return json.dumps(said, sort_keys=True, default=str)


def _checked(
    kind: object, factor: object, original: object, rope: Mapping[str, Any]
) -> RopeScaling:
    if kind == "dynamic":
        raise ValueError("dynamic scaling changes what was read already whenever the text grows")
    if kind not in ("yarn", "ntk-by-parts", "linear"):
        raise ValueError(f"{kind!r} is not known; known are yarn, ntk-by-parts and linear")
    times = _number(factor, "factor")
    tokens = int(_number(original, "original_max_position_embeddings"))
    if not 1 <= times <= MOST_STRETCH:
        raise ValueError(f"a factor of {times:g} is outside 1 to {MOST_STRETCH:g}")
    if kind == "linear":
        return RopeScaling("linear", times, tokens)
    attention = 1.0 if kind == "ntk-by-parts" else _attention(times, rope)
    fast = _number(rope.get("beta_fast") or 32.0, "beta_fast")
    slow = _number(rope.get("beta_slow") or 1.0, "beta_slow")
    if fast < slow:
        raise ValueError("beta_fast is below beta_slow")
    truncate = bool(rope.get("truncate", True))
    return RopeScaling("yarn", times, tokens, attention, fast, slow, truncate)


def _attention(factor: float, rope: Mapping[str, Any]) -> float:
    """As arXiv 2309.00071 suggests, where nothing else is said."""

    def scale(share: float = 1.0) -> float:
        return 0.1 * share * math.log(factor) + 1.0 if factor > 1 else 1.0

    stated, share, whole = (rope.get(k) for k in ("attention_factor", "mscale", "mscale_all_dim"))
    if stated is not None:
        return _number(stated, "attention_factor")
    if share and whole:
        return scale(_number(share, "mscale")) / scale(_number(whole, "mscale_all_dim"))
    return scale()


def _number(said: object, name: str) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < math.inf:
        raise ValueError(f"{name} is {said!r} and must be a number above zero")
    return float(said)
