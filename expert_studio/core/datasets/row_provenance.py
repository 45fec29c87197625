"""Where a row came from: who made it, from what, when, at what cost.

Kept beside the row under its hash, never inside it, so that equal rows stay equal.
Knows nothing of databases or providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of one row.

    Attributes:
        provider: "offline", "deepseek", "import", "chat", ...; who made the row.
        model: the model or generator, with its version.
        prompt_hash: SHA-256 of the prompt the model was sent, hex; "" where there was none.
        seconds: how long making it took.
        cost_usd: what it cost, US dollars.
        at: unix time, seconds; 0 where the row must not depend on the clock.
        more: whatever else is known (seed, file and line, conversation, edited_from).
    """

    provider: str
    model: str = ""
    prompt_hash: str = ""
    seconds: float = 0.0
    cost_usd: float = 0.0
    at: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The sidecar's object; what is empty is left out."""
        stated = {one.name: getattr(self, one.name) for one in fields(self)}
        stated["more"] = dict(self.more)
        return {name: value for name, value in stated.items() if value}

    @classmethod
    def from_json(cls, stated: Mapping[str, Any]) -> Self:
        """Reads what `as_json` gave; unknown names are kept in `more`."""
        known = {one.name for one in fields(cls)} - {"more"}
        said = {name: value for name, value in stated.items() if name in known}
        rest = {name: value for name, value in stated.items() if name not in known | {"more"}}
        return cls(**{"provider": "", **said}, more={**stated.get("more", {}), **rest})
