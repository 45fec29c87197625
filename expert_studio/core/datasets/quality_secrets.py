"""Secrets and personal data inside text: keys, passwords, mail, phone, card and account numbers.

Numbers with a checksum are believed only where it holds. Knows nothing of rows.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["secret", "personal"]


@dataclass(frozen=True, slots=True)
class Sensitive:
    """A place in a text: from `start` up to `end`; `what` names it ("an AWS key")."""

    start: int
    end: int
    kind: Kind
    what: str
    mask: str  # what may stand there instead


def _always(_: str) -> bool:
    return True


def _luhn(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [
        digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4)
        for at, digit in enumerate(reversed(digits))
    ]
    return sum(doubled) % 10 == 0


def _iban(text: str) -> bool:
    """ISO 13616: first four signs moved to the end, letters as numbers, remainder 1 of 97."""
    packed = text.replace(" ", "")
    if not 15 <= len(packed) <= 34:
        return False
    turned = packed[4:] + packed[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def _phone(text: str) -> bool:
    digits = [sign for sign in text if sign.isdigit()]
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


def _real_mail(text: str) -> bool:
    """Not one of the domains kept for examples (RFC 2606)."""
    domain = text.rpartition("@")[2].lower().rstrip(".")
    last = domain.rpartition(".")[2]
    return last not in {"example", "test", "invalid", "localhost"} and not re.search(
        r"(^|\.)example\.(com|net|org)$", domain
    )


def _random_looking(text: str) -> bool:
    """At least three bits a sign: words and placeholders have less variety."""
    value = re.split(r"[:=]\s*[\"']?", text, maxsplit=1)[-1]
    if len(value) < 12 or not (re.search(r"\d", value) and re.search(r"[A-Za-z]", value)):
        return False
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts) >= 3.0


_Believed = Callable[[str], bool]
_RULES: tuple[tuple[Kind, str, str, str, _Believed], ...] = (
        ("secret", "a private key", "[PRIVATE KEY]",
         (r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"
         r"(?:[^-]{0,20000}-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----)?"), _always),
        ("secret", "an AWS key", "[KEY]", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", _always),
        ("secret", "a GitHub token", "[KEY]",
         r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})\b", _always),
        ("secret", "an API key", "[KEY]",
         r"\bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{20,200}\b", _always),
        ("secret", "a Google key", "[KEY]", r"\bAIza[0-9A-Za-z_-]{35}\b", _always),
        ("secret", "a Hugging Face token", "[KEY]", r"\bhf_[A-Za-z0-9]{30,60}\b", _always),
        ("secret", "a Slack token", "[KEY]", r"\bxox[abprs]-[A-Za-z0-9-]{10,200}\b", _always),
        ("secret", "a Stripe key", "[KEY]", r"\b[rs]k_live_[A-Za-z0-9]{20,100}\b", _always),
        ("secret", "a JSON web token", "[KEY]",
         r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
         _always),
        ("secret", "a password or key", "[SECRET]",
         (r"(?i)\b(?:passw(?:or)?d|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token)"
         r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?[A-Za-z0-9+/_!@#$%^&*.-]{12,200}"), _random_looking),
        ("personal", "an account number (IBAN)", "[IBAN]",
         r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
        ("personal", "a card number", "[CARD]",
         r"(?<![\d.-])[2-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\d-])", _luhn),
        ("personal", "an e-mail address", "[EMAIL]",
         (r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}"
         r"\.[A-Za-z]{2,24}\b"), _real_mail),
        ("personal", "a phone number", "[PHONE]",
         r"(?<![\w.+/-])\+\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?![\w-])", _phone),
        ("personal", "a phone number", "[PHONE]",
         r"(?<![\w.+/-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])", _phone),
    )  # fmt: skip
# What a text must hold for a pattern to be tried: most texts are passed over by that alone.
_DIGITS = tuple("0123456789")
_CLUES: Mapping[str, tuple[str, ...]] = {
    "a private key": ("PRIVATE KEY",),
    "an AWS key": ("AKIA", "ASIA"),
    "a GitHub token": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "an API key": ("sk-",),
    "a Google key": ("AIza",),
    "a Hugging Face token": ("hf_",),
    "a Slack token": ("xox",),
    "a Stripe key": ("k_live_",),
    "a JSON web token": ("eyJ",),
    "a password or key": (":", "="),
    "an e-mail address": ("@",),
}
_PATTERNS = tuple(
    (kind, what, mask, _CLUES.get(what, _DIGITS), re.compile(pattern), believed)
    for kind, what, mask, pattern, believed in _RULES
)


def sensitive(text: str) -> Iterator[Sensitive]:
    """Every place found, in order; of places that overlap the first kind of the list stays."""
    found: list[Sensitive] = []
    for kind, what, mask, clues, pattern, believed in _PATTERNS:
        if not any(clue in text for clue in clues):
            continue
        for match in pattern.finditer(text):
            start, end = match.span()
            taken = any(start < other.end and other.start < end for other in found)
            if not taken and believed(match.group()):
                found.append(Sensitive(start, end, kind, what, mask))
    yield from sorted(found, key=lambda place: place.start)


def masked(text: str) -> str:
    """The text with every place found replaced by its mask."""
    pieces, at = [], 0
    for place in sensitive(text):
        pieces += [text[at : place.start], place.mask]
        at = place.end
    return "".join((*pieces, text[at:]))
