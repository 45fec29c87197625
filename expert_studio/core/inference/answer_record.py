"""All that stands behind one answer, in words and as JSON: enough to say exactly this again.

Knows nothing of widgets or of how turns are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.inference.turns import Turn


def record_of(turn: Turn, asked: Sequence[Message] = ()) -> dict[str, Any]:
    """The answer's record. `asked` is what it answers; left out where there is nothing."""
    timing = turn.timing
    spans = turn.spans
    record: dict[str, Any] = {
        "answer": turn.text,
        "state": turn.state,
        "at": turn.at_s,
        "stack": stack_record(turn.stack or EMPTY),
        "parts": [
            {"from_character": span.text_start, "from_token": span.start,
             "stack": stack_record(span.stack)}
            for span in spans
        ],
        "sampling": None if turn.sampling is None else asdict(turn.sampling),
        "timing": None if timing is None else asdict(timing),
        "context": {"used": turn.context_used, "limit": turn.context_limit},
        "tokens": list(turn.tokens),
    }  # fmt: skip
    if turn.begun_with:
        record["continues_characters"] = turn.begun_with
    if asked:
        record["asked"] = [asdict(message) for message in asked]
    return record


def stack_record(stack: Stack) -> dict[str, Any]:
    """A stack by names, versions, hashes and weights; no path of this machine."""
    return {
        "hash": stack.hash,
        "base_sha256": stack.base_sha256,
        "quantization": stack.quantization,
        "experts": [
            {
                "name": member.name,
                "version": member.version,
                "weights_sha256": member.weights_sha256,
                "weight": member.weight,
                "as_trained": member.as_trained,
            }
            for member in stack.members
        ],
    }
