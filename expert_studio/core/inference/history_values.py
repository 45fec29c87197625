"""What stands beside a turn, as text in the database and back: stacks, sampling, spans.

Knows nothing of SQL. What is read was written by this module, in this or an earlier version.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import AnswerTiming, Sampling, StackSpan
from expert_studio.core.inference.stack import Stack, StackMember


def json_of(value: Any) -> str | None:
    """A frozen value as JSON; None stays None."""
    return None if value is None else json.dumps(asdict(value), default=str)


def spans_json(spans: Sequence[StackSpan]) -> str | None:
    """Spans as JSON; None where one stack said all, for it stands beside the answer anyway."""
    if len(spans) < 2:
        return None
    return json.dumps([asdict(span) for span in spans], default=str)


def spans_of(stored: str | None) -> tuple[StackSpan, ...]:
    if stored is None:
        return ()
    return tuple(
        StackSpan(_stack(span["stack"]), span["start"], span["end"], span["text_start"])
        for span in json.loads(stored)
    )


def stack_of(stored: str | None) -> Stack | None:
    return None if stored is None else _stack(json.loads(stored))


def sampling_of(stored: str | None) -> Sampling | None:
    if stored is None:
        return None
    read = json.loads(stored)
    constraint = read.get("constraint")
    return Sampling(
        **{
            **read,
            "stop": tuple(read["stop"]),
            "constraint": None if constraint is None else Constraint(**constraint),
        }
    )


def timing_of(stored: str | None) -> AnswerTiming | None:
    return None if stored is None else AnswerTiming(**json.loads(stored))


def _stack(stored: dict[str, Any]) -> Stack:
    members = tuple(
        StackMember(
            **{
                **member,
                "folder": Path(member["folder"]),
                "required_by": tuple(member["required_by"]),
            }
        )
        for member in stored["members"]
    )
    return Stack(members, stored["base_sha256"], stored["quantization"])
