"""Markdown as blocks of harmless rich text and blocks of code.

Knows nothing of widgets. No raw HTML, no pictures, no links but http, https and mailto;
what is too large or too strange to format is given back as plain text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String
from pygments.util import ClassNotFound

from expert_studio.core.inference.turns import UNSEEN
from expert_studio.views.theme_tokens import Tokens

LONGEST_FORMATTED = 20_000  # characters; beyond, text stays plain
LONGEST_LINE = 10_000
LONGEST_COLOURED = 12_000
LONGEST_SHOWN = 20_000
LONGEST_TABLE = 120  # lines; beyond, a table stays text, for laying out its cells takes long
_ALLOWED_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)


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
    return tuple(_blocks(_parser().parse(cleaned)))


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


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "commonmark", {"html": False, "breaks": True, "maxNesting": 20}, renderer_cls=_Renderer
    )
    return parser.enable(["table", "strikethrough"])


class _Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"[{html.escape(tokens[idx].content)}]"

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        target = str(tokens[idx].attrGet("href") or "")
        if not _ALLOWED_LINK.match(target):
            return "<span>"
        return f'<a href="{html.escape(target)}" title="{html.escape(target)}">'

    def link_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        depth = 0
        for token in reversed(tokens[:idx]):
            depth += (token.type == "link_close") - (token.type == "link_open")
            if depth < 0:
                target = str(token.attrGet("href") or "")
                return "</a>" if _ALLOWED_LINK.match(target) else "</span>"
        return "</span>"


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    parser = _parser()
    prose: list[Token] = []
    for token in tokens:
        if token.level == 0 and token.type in ("fence", "code_block"):
            if prose:
                yield Prose(parser.renderer.render(prose, parser.options, {}))
                prose = []
            language = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
            yield Code(language, token.content.rstrip("\n"))
        else:
            prose.append(token)
    if prose:
        yield Prose(parser.renderer.render(prose, parser.options, {}))


def coloured(code: Code, tokens: Tokens) -> str:
    """The code as rich text with the language's colours, or plain where none is known."""
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
    try:
        return get_lexer_by_name(language, stripnl=False) if language else None
    except ClassNotFound:
        return None
