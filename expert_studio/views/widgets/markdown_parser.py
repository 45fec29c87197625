"""Markdown parsed by markdown-it-py into blocks: harmless rich text, and code.

No raw HTML, no pictures, no links but http, https and mailto. Imported by `markdown` with
the first text that is to be shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from expert_studio.views.widgets.markdown import Block, Code, Prose

_ALLOWED_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)


def parsed(text: str) -> Iterator[Block]:
    """The blocks of a text in order; the text is cleaned and not too long by now."""
    parser = _parser()
    prose: list[Token] = []
    for token in parser.parse(text):
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
