"""Why set-up cannot go on, worded for the person who reads it."""

from __future__ import annotations


class Refused(Exception):
    """A failure that was foreseen, as sentences.

    Attributes:
        what: what did not happen.
        why: the cause, or "".
        remedy: what to do about it, or "".
    """

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, remedy) if part))
        self.what = what
        self.why = why
        self.remedy = remedy
