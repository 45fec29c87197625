"""What a check says of a row. Knows nothing of the checks themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Check = Literal[
    "empty", "length", "roles", "same_answers", "parse", "special_tokens", "control",
    "unicode", "secret", "personal", "injected", "hidden_text", "tokens",
    "duplicate", "near_duplicate", "leak", "family_leak", "label_noise",
]  # fmt: skip
Severity = Literal["fault", "warning"]

# Checks whose rows are rejected unless the person says otherwise; the rest is told and offered.
FAULTS: frozenset[Check] = frozenset(
    {
        "empty", "length", "roles", "same_answers", "parse", "special_tokens", "control",
        "tokens", "duplicate", "near_duplicate", "leak",
    }
)  # fmt: skip
CHECKS: Mapping[Check, str] = {
    "empty": "Empty messages, answers or documents",
    "length": "Too short or too long",
    "roles": "Messages in an impossible order",
    "same_answers": "Preferred and rejected answer alike",
    "parse": "Answers that do not parse",
    "special_tokens": "Special tokens inside the text",
    "control": "Control characters and byte order marks",
    "unicode": "Characters spelled in parts (not NFC)",
    "secret": "Keys, passwords and private keys",
    "personal": "E-mail addresses, phone, card and account numbers",
    "injected": "Instructions to the model inside the text",
    "hidden_text": "Invisible or direction-changing characters",
    "tokens": "More tokens than the base can read",
    "duplicate": "The same as another row",
    "near_duplicate": "Nearly the same as another row",
    "leak": "Nearly the same row in another split",
    "family_leak": "A family on both sides of a split",
    "label_noise": "Labels a second model would not give",
}
"""What each check looks for, for people."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found about one row.

    Attributes:
        row: its number, or its place in a list.
        reason: a sentence for people; of secrets it never holds the secret.
        repair: the name of a repair that mends it (`quality_repairs.REPAIRS`), or "".
        other: the row it is like, where it is about two.
        score: how strongly, where findings are ranked (similarity, loss); 0 otherwise.
    """

    row: int
    check: Check
    reason: str
    repair: str = ""
    other: int | None = None
    score: float = 0.0

    @property
    def severity(self) -> Severity:
        return "fault" if self.check in FAULTS else "warning"
