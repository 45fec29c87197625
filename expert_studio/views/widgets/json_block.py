"""An answer that is one JSON value, laid out over several lines for reading.

Changes white space between the parts and nothing else: numbers, escapes and keys that
occur twice stay as they were answered. Knows nothing of widgets.
"""

from __future__ import annotations

import json
import re

from expert_studio.views.widgets.markdown import Code

INDENT = "  "
LONGEST_LAID_OUT = 20_000  # characters; beyond, an answer stays as it came
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def json_block(text: str) -> Code | None:
    """The answer as a block of JSON, or None where it is not one object or list."""
    bare = text.strip()
    if not bare.startswith(("{", "[")) or len(bare) > LONGEST_LAID_OUT:
        return None
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return None
    return Code("json", laid_out(bare))


def laid_out(valid: str) -> str:
    """Valid JSON with one member a line."""
    parts = _PARTS.findall(valid)
    written: list[str] = []
    depth = 0
    for index, part in enumerate(parts):
        following = parts[index + 1] if index + 1 < len(parts) else ""
        if part in "}]" and parts[index - 1] not in "{[":
            depth -= 1
            written.append("\n" + INDENT * depth)
        written.append(part)
        if part in "{[" and following not in "}]":
            depth += 1
            written.append("\n" + INDENT * depth)
        elif part == ",":
            written.append("\n" + INDENT * depth)
        elif part == ":":
            written.append(" ")
    return "".join(written)
