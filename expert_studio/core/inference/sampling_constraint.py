"""Keeps an answer within its constraint: which tokens may come next, and which must.

Knows nothing of models, or of how the next token is chosen among those that may come.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import torch
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from torch import Tensor

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.constraint_grammar import LIMITS
from expert_studio.core.inference.constraint_trial import tried_grammar
from expert_studio.core.inference.tokenizer import ChatTokenizer

BITS = 8
BYTES = 256


class Guide:
    """One answer's way through its constraint."""

    def __init__(self, matcher: LLMatcher, constraint: Constraint, penalties: Tensor) -> None:
        """penalties: as of `penalties_of_bytes`."""
        self._matcher = matcher
        self._constraint = constraint
        self._penalties = penalties
        self._check()

    @property
    def satisfied(self) -> bool:
        """Whether the text so far fulfils the constraint, whole."""
        return self._matcher.is_accepting() and not self._matcher.is_error()

    @property
    def finished(self) -> bool:
        """Whether nothing more may be said."""
        return self._matcher.is_stopped()

    def forbid(self, logits: Tensor) -> None:
        """Sets what may not come next to -inf, in place. logits: (vocabulary,) float32.

        An end token may come only where the constraint is fulfilled.

        Raises:
            InferenceError: the constraint leads to where no text is allowed, or has grown
                too complex.
        """
        mask = bytearray(self._matcher.compute_bitmask())
        self._check()
        packed = torch.frombuffer(mask, dtype=torch.uint8).to(logits.device).int()
        logits += self._penalties.index_select(0, packed).view(-1)[: logits.numel()]

    def take(self, token: int) -> None:
        """The answer goes on with this token, which was allowed."""
        self._matcher.consume_token(token)
        self._check()

    def take_forced(self, most: int) -> list[int]:
        """Goes on with the tokens that alone can come next, at most `most`; returns them."""
        forced = self._matcher.compute_ff_tokens()[:most]
        if forced:
            self._matcher.consume_tokens(forced)
        self._check()
        return forced

    def _check(self) -> None:
        if not self._matcher.is_error():
            return
        why = (self._matcher.get_error().strip().splitlines() or [""])[0][:300]
        dead_end = "NoExtension" in why
        raise InferenceError(
            f"The answer could not be kept to the {self._constraint.name}.",
            "It leads to where no text is allowed." if dead_end else f"{why.rstrip('.')}.",
            "Simplify it.",
        )


def penalties_of_bytes(device: torch.device) -> Tensor:
    """(256, 8) float32: for each byte of a mask, 0 where its bit is set and -inf elsewhere.

    Looking eight tokens up and adding takes an eighth of the time that filling takes.
    """
    bits = torch.arange(BYTES)[:, None] >> torch.arange(BITS) & 1
    return torch.where(bits == 1, 0.0, -torch.inf).to(device)


class GuideBook:
    """Makes guides for one base's tokens. What llguidance needs of them is made once."""

    def __init__(
        self, tokenizer: ChatTokenizer, vocabulary: int, ends: Collection[int], device: torch.device
    ) -> None:
        """vocabulary: how many logits the base gives. ends: tokens that end an answer."""
        self._source = tokenizer
        self._vocabulary = vocabulary
        self._ends = sorted(ends)
        self._penalties = penalties_of_bytes(device)

    def guide(self, constraint: Constraint | None) -> Guide | None:
        """A guide from the beginning of an answer; None where there is no constraint.

        Raises:
            UsageError: the constraint cannot be used.
            InferenceError: the constraint could not be tried.
        """
        if constraint is None:
            return None
        grammar = tried_grammar(constraint)
        matcher = LLMatcher(self._tokens, grammar, log_level=0, limits=LIMITS)
        return Guide(matcher, constraint, self._penalties)

    @cached_property
    def _tokens(self) -> LLTokenizer:
        table = _TokenTable(self._source, self._vocabulary, self._ends)
        wrapper = TokenizerWrapper(table)
        return LLTokenizer(wrapper, n_vocab=len(table.tokens), eos_token=table.ends)


class _TokenTable:
    """The tokens as llguidance asks for them. Control tokens are never text."""

    bos_token_id = None

    def __init__(self, tokenizer: ChatTokenizer, vocabulary: int, ends: list[int]) -> None:
        self._tokenizer = tokenizer
        # A base without an end token gets one that its logits do not reach.
        self.ends = ends or [vocabulary]
        self.eos_token_id = self.ends[0]
        added = tokenizer.added_tokens
        self.tokens: list[bytes] = []
        self.special_token_ids: list[int] = []
        for token in range(vocabulary + 1):
            text = b"" if token in added else tokenizer.token_bytes(token)
            if not text:
                text = f"<unsaid {token}>".encode()
                self.special_token_ids.append(token)
            self.tokens.append(text)

    def __call__(self, text: bytes) -> list[int]:
        return self._tokenizer.encode(text.decode())
