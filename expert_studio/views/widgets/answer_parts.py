"""An answer cut where another stack went on with it, each part readable by itself.

Knows nothing of widgets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from expert_studio.core.inference.conversation import StackSpan
from expert_studio.core.inference.stack import Stack

_FENCE = re.compile(r"(`{3,}|~{3,})\s*\S*")


@dataclass(frozen=True, slots=True)
class Part:
    """What one stack said; a fence that was open before is opened again."""

    stack: Stack
    text: str


def parts(text: str, spans: Sequence[StackSpan]) -> tuple[Part, ...]:
    """The parts in order; () where one stack said all."""
    if len(spans) < 2:
        return ()
    ends = [*(span.text_start for span in spans[1:]), len(text)]
    cut = [
        Part(span.stack, open_fence(text[: span.text_start]) + text[span.text_start : end])
        for span, end in zip(spans, ends, strict=True)
    ]
    return tuple(cut)


def open_fence(text: str) -> str:
    """The line that opened the fence that is still open at the end of `text`, or ""."""
    opened = ""
    for line in text.split("\n"):
        bare = line.strip()
        mark = _FENCE.match(bare)
        if mark is None:
            continue
        if not opened:
            opened = bare
        elif bare == mark[1] and bare.startswith(opened[:3]):
            opened = ""
    return f"{opened}\n" if opened else ""
