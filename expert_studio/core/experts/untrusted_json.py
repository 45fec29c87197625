"""JSON from strangers: parsed only when small, shallow, unambiguous and plain text.

Knows nothing of what the JSON means; its callers word the error for their file.
"""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 32


class UnreadableJsonError(ValueError):
    """The bytes are not acceptable JSON; the message is one sentence saying why."""


def read_json_object(data: bytes, max_bytes: int) -> dict[str, Any]:
    """Parses bytes that must hold one JSON object.

    Refused: more than `max_bytes`, not UTF-8, not JSON, a key twice in one object, NaN or
    Infinity, nesting deeper than 32, text with half a surrogate pair (it cannot be written
    again). A byte order mark is tolerated.

    Raises:
        UnreadableJsonError: with the reason as one sentence.
    """
    if len(data) > max_bytes:
        raise UnreadableJsonError(f"It has {len(data):,} bytes; {max_bytes:,} are allowed.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise UnreadableJsonError(f"It is not UTF-8 text (byte {cause.start}).") from cause
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except UnreadableJsonError:
        raise
    except json.JSONDecodeError as cause:
        raise UnreadableJsonError(
            f"It is not JSON: {cause.msg} at line {cause.lineno}, column {cause.colno}."
        ) from cause
    except RecursionError as cause:
        raise UnreadableJsonError(f"It is nested deeper than {MAX_DEPTH} levels.") from cause
    except ValueError as cause:  # an integer of thousands of digits
        raise UnreadableJsonError("It holds a number too long to read.") from cause
    if not isinstance(value, dict):
        raise UnreadableJsonError("It is JSON, but not an object in braces.")
    _check_plain(value, depth=1)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UnreadableJsonError(f"The key {key[:80]!r} stands in it twice.")
        found[key] = value
    return found


def _no_constant(text: str) -> Any:
    raise UnreadableJsonError(f"It holds {text}, which is not JSON.")


def _check_plain(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise UnreadableJsonError(f"It is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise UnreadableJsonError("It holds a number too large to read.")
    elif isinstance(value, list):
        for item in value:
            _check_plain(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_plain(item, depth + 1)


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise UnreadableJsonError("It holds half a character (a lone surrogate).") from cause
