"""Parked keys and values, in pages that texts with a common beginning share.

A tree for each key: a page's children are the pages that came after it in some text. Full
pages hold PAGE_TOKENS; a text's last may hold fewer, and has no children. Knows nothing of
stacks or of how a page is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from expert_studio.core.inference.decoder_cache import KVCache

PAGE_TOKENS = 64


@dataclass(eq=False, slots=True)
class _Page:
    tokens: tuple[int, ...] = ()
    planes: tuple[Tensor, ...] = ()
    ahead: int = 0  # positions before its first token: virtual ones, in a text's first page
    parent: _Page | None = None
    children: list[_Page] = field(default_factory=list)
    last_used: int = 0

    @property
    def size_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in self.planes)

    def below(self) -> Iterator[_Page]:
        """Every page after this one, children before their parents."""
        waiting, found = [*self.children], []
        while waiting:
            page = waiting.pop()
            found.append(page)
            waiting += page.children
        return reversed(found)


@dataclass(frozen=True, slots=True)
class Found:
    """Pages in order, with how many tokens of each are of use."""

    pages: tuple[tuple[_Page, int], ...] = ()

    @property
    def tokens(self) -> int:
        return sum(used for _, used in self.pages)

    def lay(self, kv: KVCache, tokens: list[int]) -> None:
        """Copies them into an empty cache and names their tokens."""
        kv.reserve(sum(page.ahead + used for page, used in self.pages))
        for page, used in self.pages:
            kv.lay(kv.length, page.planes, page.ahead + used)
            kv.length += page.ahead + used
            tokens.extend(page.tokens[:used])


class PageStore:
    """All parked pages."""

    def __init__(self) -> None:
        self._roots: dict[str, _Page] = {}
        self._clock = 0
        self.resident_bytes = 0

    def longest(self, key: str, tokens: Sequence[int]) -> Found:
        """The pages that hold the longest beginning of these tokens; counts as a use of them."""
        self._clock += 1
        page = self._roots.get(key)
        found: list[tuple[_Page, int]] = []
        at = 0
        while page is not None:
            rest = tuple(tokens[at : at + PAGE_TOKENS])
            shared = [(common(child.tokens, rest), child) for child in page.children]
            used, page = max(shared, key=lambda each: each[0], default=(0, None))
            if page is None or not used:
                break
            page.last_used = self._clock
            found.append((page, used))
            at += used
            if used < PAGE_TOKENS:
                break
        return Found(tuple(found))

    def keep(self, key: str, tokens: Sequence[int], kv: KVCache, budget_bytes: int) -> None:
        """Parks a text: pages that are there are shared, the others copied.

        As many from its beginning as the budget holds; older pages give way.
        """
        self.longest(key, tokens)  # what is there already gives way last
        self.trim(budget_bytes - len(tokens) * kv.position_bytes)
        self._clock += 1
        page = self._roots.setdefault(key, _Page())
        ahead = kv.length - len(tokens)
        for start in range(0, len(tokens), PAGE_TOKENS):
            piece = tuple(tokens[start : start + PAGE_TOKENS])
            child = _child(page, piece)
            if child is None or child.tokens[: len(piece)] != piece:
                first = 0 if start == 0 else ahead + start
                end = ahead + start + len(piece)
                size_bytes = (end - first) * kv.position_bytes
                if self.resident_bytes + size_bytes > budget_bytes:
                    break
                if child is not None:  # a last page that has grown
                    self._remove(child)
                child = _Page(piece, kv.page(first, end), end - first - len(piece), page)
                page.children.append(child)
                self.resident_bytes += size_bytes
            child.last_used = self._clock
            page = child
        if not self._roots[key].children:
            del self._roots[key]

    def trim(self, budget_bytes: int) -> None:
        """Gives up pages until the rest fits, least recently used first, ends before beginnings."""
        if self.resident_bytes <= budget_bytes:
            return
        pages = [page for root in self._roots.values() for page in root.below()]
        pages.sort(key=lambda page: page.last_used)  # stable: children stay before parents
        for page in pages:
            if self.resident_bytes <= budget_bytes:
                break
            self._remove(page)
        self._roots = {key: root for key, root in self._roots.items() if root.children}

    def clear(self) -> None:
        self._roots.clear()
        self.resident_bytes = 0

    def _remove(self, page: _Page) -> None:
        if page.parent is not None:
            page.parent.children.remove(page)
            self.resident_bytes -= page.size_bytes


def _child(page: _Page, piece: tuple[int, ...]) -> _Page | None:
    """The child that begins with these tokens, or that they begin with."""
    for child in page.children:
        length = min(len(child.tokens), len(piece))
        if child.tokens[:length] == piece[:length]:
            return child
    return None


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    length = min(len(one), len(other))
    if list(one[:length]) == list(other[:length]):
        return length
    return next(i for i, (mine, theirs) in enumerate(zip(one, other, strict=False))
                if mine != theirs)  # fmt: skip
