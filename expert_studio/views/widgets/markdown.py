"""Markdown as blocks of harmless rich text and blocks of code.

Knows nothing of widgets. No raw HTML, no pictures, no links but http, https and mailto;
what is too large or too strange to format is given back as plain text. The libraries that
parse and colour are imported when the first text comes: the window is painted before.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from expert_studio.core.inference.turns import UNSEEN
from expert_studio.views.theme_tokens import Tokens

LONGEST_FORMATTED = 20_000  # characters; beyond, text stays plain
LONGEST_LINE = 10_000
LONGEST_COLOURED = 12_000
LONGEST_SHOWN = 20_000
LONGEST_TABLE = 120  # lines; beyond, a table stays text, for laying out its cells takes long


@dataclass(frozen=True, slots=True)
class Prose:
    """Rich text that Qt may show."""

    html: str


@dataclass(frozen=True, slots=True)
class Code:
    """One fenced block."""

    language: str
    text: str


Block = Prose | Code


def plain(text: str) -> str:
    """The text without control characters and direction overrides, at most 20,000 long."""
    cut = text[: 2 * LONGEST_SHOWN]  # of megabytes no more is looked at
    cleaned = UNSEEN.sub("", cut.replace("\r\n", "\n"))
    if len(cleaned) > LONGEST_SHOWN or len(cut) < len(text):
        return f"{cleaned[:LONGEST_SHOWN]}…"
    return cleaned


def blocks(text: str) -> tuple[Block, ...]:
    """The text as prose and code, in order."""
    cleaned = plain(text)
    if len(cleaned) > LONGEST_FORMATTED or any(
        len(line) > LONGEST_LINE for line in cleaned.split("\n")
    ):
        return (Prose(as_plain_html(cleaned)),)
    if _has_long_table(cleaned):
        return (Code("", cleaned),)
    from expert_studio.views.widgets.markdown_parser import parsed

    return tuple(parsed(cleaned))


def _has_long_table(text: str) -> bool:
    rows = 0
    for line in text.split("\n"):
        rows = rows + 1 if "|" in line else 0
        if rows > LONGEST_TABLE:
            return True
    return False


def as_plain_html(text: str) -> str:
    """Plain text as rich text that looks the same."""
    return f'<p style="margin-bottom: 0; white-space: pre-wrap">{html.escape(text)}</p>'


def split_open(text: str) -> tuple[str, str]:
    """Cuts streamed text into blocks that are complete and the tail still growing.

    A block is complete at a blank line outside a fence, or at the line that closes one.
    """
    fence = ""
    end = 0
    position = 0
    for line in text.splitlines(keepends=True):
        position += len(line)
        bare = line.strip()
        mark = re.match(r"`{3,}|~{3,}", bare)
        if not line.endswith("\n"):
            break
        if fence:
            if mark and bare == mark.group() and bare.startswith(fence):
                fence = ""
                end = position
        elif mark:
            fence = mark.group()
            end = position - len(line)
        elif not bare:
            end = position
    return text[:end], text[end:]


def open_code(tail: str) -> Code | None:
    """The code of a fence that is still open, or None when the tail is prose."""
    first, _, rest = tail.lstrip("\n").partition("\n")
    mark = re.match(r"(`{3,}|~{3,})\s*(\S*)", first)
    return Code(mark.group(2), plain(rest.rstrip("\n"))) if mark else None


def coloured(code: Code, tokens: Tokens) -> str:
    """The code as rich text with the language's colours, or plain where none is known."""
    from pygments.token import Comment, Keyword, Name, Number, String

    lexer = _lexer(code.language)
    if lexer is None or len(code.text) > LONGEST_COLOURED:
        return html.escape(code.text)
    colours = (
        (Comment, tokens.syntax_comment),
        (Name.Tag, tokens.syntax_keyword),
        (Keyword, tokens.syntax_keyword),
        (Name.Function, tokens.syntax_keyword),
        (Name.Class, tokens.syntax_keyword),
        (String, tokens.syntax_string),
        (Number, tokens.syntax_number),
    )
    parts: list[str] = []
    for kind, value in lexer.get_tokens(code.text):
        escaped = html.escape(value)
        colour = next((shade for family, shade in colours if kind in family), "")
        parts.append(f'<span style="color:{colour}">{escaped}</span>' if colour else escaped)
    return "".join(parts).rstrip("\n")


@lru_cache(maxsize=32)
def _lexer(language: str) -> Any:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False) if language else None
    except ClassNotFound:
        return None
