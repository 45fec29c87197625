"""Where and from what build-experts builds, and what it tells on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from expert_studio.commands.report import say, say_aside
from expert_studio.core.settings import Folders
from expert_studio.core.training.official_build import BuildNotes

LINE_EVERY_ROWS = 20


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and from what is built.

    Attributes:
        folders: the data folder of this build; records: what was built in it.
        corpus: where corpus parts of datasets lie; rows: the first so many are scored, or all.
        publish: cards and packages also go beside the recipes; quiet: nothing is printed.
        shipped_for: the base's SHA-256, where packages beside recipes are taken; else "".
    """

    folders: Folders
    records: Path
    corpus: Path | None
    rows: int | None
    publish: bool
    quiet: bool
    notes: BuildNotes
    shipped_for: str = ""

    def tell(self, condition: str, done: int, rows: int) -> None:
        """How far scoring is; raises BuildStopped where it shall go no further."""
        self.notes.go_on()
        if not self.quiet and (done % LINE_EVERY_ROWS == 0 or done == rows):
            say_aside(f"{condition.replace('_', ' ')}: {done}/{rows} rows")

    def say(self, sentence: str) -> None:
        """Prints it, where anything is to be printed."""
        if not self.quiet:
            say(sentence)
