"""What tokens cost, as far as known: a dated table with sources that a person can correct.

Prices change; a cap in money is as good as the price it is reckoned with, so each says
where and when it was read, and the higher one stands where they vary by the hour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_OPENAI = "developers.openai.com/api/docs/pricing, as repeated by public price tables"
_ANTHROPIC = "anthropic.com/pricing, as repeated by public price tables"
_DEEPSEEK = "api-docs.deepseek.com/quick_start/pricing (peak hours)"
_DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a million tokens, without discounts for caches."""

    input_usd: float
    output_usd: float
    source: str = "given by the person"
    date: str = ""

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


FREE = Price(0.0, 0.0, "runs on a machine of your own")

PRICES: Mapping[str, Price] = {
    "deepseek-flash": Price(0.30, 1.20, _DEEPSEEK, "2026-10-27"),
    "deepseek-v4-flash": Price(0.30, 1.20, _DEEPSEEK, "2026-10-27"),
    "deepseek-v4-pro": Price(1.32, 3.96, _DEEPSEEK, "2026-10-27"),
    "gpt-4o": Price(2.50, 10.00, _OPENAI, "2026-06-30"),
    "gpt-4o-mini": Price(0.15, 0.60, _OPENAI, "2026-06-30"),
    "gpt-4.1": Price(2.00, 8.00, _OPENAI, "2026-06-30"),
    "gpt-5": Price(1.25, 10.00, _OPENAI, "2026-06-30"),
    "gpt-5-mini": Price(0.25, 2.00, _OPENAI, "2026-06-30"),
    "gpt-6-luna": Price(0.10, 0.50, _OPENAI, "2026-09-22"),
    "gpt-6-sol": Price(2.00, 10.00, _OPENAI, "2026-09-22"),
    "gpt-6.1-sol": Price(2.00, 10.00, _OPENAI, "2026-09-29"),
    "claude-haiku-4-5": Price(1.00, 5.00, _ANTHROPIC, "2026-06-30"),
    "claude-haiku-5-5": Price(0.10, 0.50, _ANTHROPIC, "2026-10-07"),
    "claude-sonnet-5": Price(2.00, 10.00, _ANTHROPIC, "2026-09-01"),
    "claude-sonnet-5-5": Price(2.00, 10.00, _ANTHROPIC, "2026-09-28"),
    "claude-opus-5-5": Price(4.00, 20.00, _ANTHROPIC, "2026-09-22"),
}


def known_price(model: str) -> Price | None:
    """The price of a model by its name, a date at its end left out; None where unknown."""
    name = model.lower()
    return PRICES.get(name) or PRICES.get(_DATED.sub("", name))
