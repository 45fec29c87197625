"""The cap on spending: what is paid and what is still in flight never exceed it together.

Before a request its worst case is set aside: a token has at least one byte, so a prompt
has no more tokens than bytes, and a reply none beyond its limit. Knows nothing of providers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.provider_reply import Question, Reply
from expert_studio.core.errors import DatasetError

TEMPLATE_TOKENS = 200  # that a server may add around system and prompt


@dataclass(frozen=True, slots=True)
class Cap:
    """What may be spent; None for no limit of that kind.

    Attributes:
        usd: US dollars.
        tokens: input and output together.
    """

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens, and what they cost at the price the job was given (0 where it is unknown)."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
        )

    def __sub__(self, other: Cost) -> Cost:
        return self + replace(
            other,
            input_tokens=-other.input_tokens,
            output_tokens=-other.output_tokens,
            usd=-other.usd,
        )


NOTHING = Cost()


class Budget:
    """What a job has spent and set aside."""

    def __init__(self, cap: Cap, price: Price | None) -> None:
        """
        Raises:
            DatasetError: a cap below 0 or not a number; or one in money alone where the
                price is unknown, since it could not be held.
        """
        if any(one is not None and not 0 <= one < float("inf") for one in (cap.usd, cap.tokens)):
            raise DatasetError(
                "The budget cannot be used.", "It is below 0 or not a number.", "Give an amount."
            )
        if cap.usd is not None and cap.tokens is None and price is None:
            raise DatasetError(
                "The budget in money cannot be held.",
                "What this model costs is not known.",
                "Give its price, or a budget in tokens.",
            )
        self._cap = cap
        self._price = price
        self._aside = NOTHING
        self.spent = NOTHING

    @property
    def committed(self) -> Cost:
        """Spent and set aside together."""
        return self.spent + self._aside

    def worst(self, question: Question) -> Cost:
        """The most one request can cost."""
        size = len(question.system.encode()) + len(question.prompt.encode()) + TEMPLATE_TOKENS
        return self._priced(size, question.most_tokens)

    def actual(self, question: Question, reply: Reply) -> Cost:
        """What a reply cost; where the provider gave no counts, the most it can have cost."""
        worst = self.worst(question)
        given, said = reply.input_tokens, reply.output_tokens
        return self._priced(
            worst.input_tokens if given is None else given,
            worst.output_tokens if said is None else said,
        )

    def set_aside(self, cost: Cost) -> bool:
        """Keeps an amount for a request; False where the cap does not allow it."""
        after = self.committed + cost
        if self._cap.usd is not None and self._price is not None and after.usd > self._cap.usd:
            return False
        if self._cap.tokens is not None and after.tokens > self._cap.tokens:
            return False
        self._aside += cost
        return True

    def settle(self, aside: Cost, spent: Cost) -> None:
        """Ends a request: what was set aside is free again, what it cost is spent."""
        self._aside -= aside
        self.spent += spent

    def _priced(self, input_tokens: int, output_tokens: int) -> Cost:
        usd = self._price.of(input_tokens, output_tokens) if self._price else 0.0
        return Cost(input_tokens, output_tokens, usd)
